/** Pictures of every state for looking at, written to `shots/`; run with `SHOTS=1`. */
import { open, test } from "./page";
import { stateNames } from "./states";

test.skip(!process.env.SHOTS, "only on demand");

for (const state of stateNames) {
  for (const theme of ["dark", "light"] as const) {
    test(`${state} ${theme}`, async ({ page }) => {
      await open(page, state, { theme });
      await page.waitForTimeout(400);
      await page.screenshot({ path: `shots/${state}-${theme}.png` });
    });
  }
}
