/** Without a backend there is a sentence, not an empty window. */
import { expect, test } from "@playwright/test";

test("a start that fails says so", async ({ page }) => {
  await page.goto("/?no-start");
  await expect(page.getByRole("alert")).toHaveText("Fika did not start. Close it and open it again.");
});
