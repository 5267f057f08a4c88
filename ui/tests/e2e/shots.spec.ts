/** Pictures of every state for looking at, written to `shots/`; run with `SHOTS=1`. */
import { extras } from "./extra";
import { INCOMING, ringExtras, ringing } from "./extra-ring";
import { testIds } from "../../src/lib/testids";
import { open, openRinging, show, test, theme } from "./page";
import { calls, SMALL_WINDOW, stateNames } from "./states";

test.skip(!process.env.SHOTS, "only on demand");

for (const name of ["dark", "light"] as const) {
  test(`states ${name}`, async ({ page }) => {
    await open(page, "home", { theme: name });
    for (const state of stateNames) {
      await show(page, state);
      await page.screenshot({ path: `shots/${state}-${name}.png` });
    }
  });
}
for (const name of ["dark", "light"] as const) {
  test(`small window ${name}`, async ({ page }) => {
    await page.setViewportSize(SMALL_WINDOW);
    await open(page, "one-to-one", { theme: name, small: "", video: "cut" });
    for (const state of calls) {
      await show(page, state);
      await page.screenshot({ path: `shots/small-${state}-${name}.png` });
    }
    await page.locator("main.small").hover({ position: { x: 100, y: 60 } });
    await page.screenshot({ path: `shots/small-hover-${name}.png` });
  });
}
for (const lang of ["en", "sv"] as const) {
  test(`ringing ${lang}`, async ({ page }) => {
    for (const ring of INCOMING) {
      await openRinging(page, ring, { lang });
      for (const each of ["dark", "light"] as const) {
        await theme(page, each);
        await page.screenshot({ path: `shots/ringing-${ring}-${each}-${lang}.png` });
      }
    }
    await page.getByTestId(testIds.declineMenu).click();
    for (const each of ["dark", "light"] as const) {
      await theme(page, each);
      await page.screenshot({ path: `shots/ringing-sentences-${each}-${lang}.png` });
    }
  });
}
test("ringing small", async ({ page }) => {
  await page.setViewportSize(SMALL_WINDOW);
  await open(page, "alone", { small: "", video: "cut" });
  await ringing(page, "ringing");
  await page.screenshot({ path: "shots/ringing-small.png" });
});
const sizes = [
  { name: "", size: { width: 1280, height: 800 } },
  { name: "-narrow", size: { width: 360, height: 640 } },
  { name: "-wide", size: { width: 2560, height: 1440 } },
] as const;
const groups = [
  { group: "extras", all: extras.filter((each) => !ringExtras.includes(each)) },
  { group: "ring-extras", all: ringExtras },
];
for (const { suffix, size, group, all } of sizes.flatMap((each) =>
  groups.map((of) => ({ suffix: each.name, size: each.size, ...of })),
)) {
  test(`${group}${suffix}`, async ({ page }) => {
    await page.setViewportSize(size);
    // In a narrow window some things are reached otherwise.
    page.setDefaultTimeout(10_000);
    for (const { name, state, reach } of all) {
      await open(page, state);
      const there = await reach(page).then(
        () => true,
        () => false,
      );
      for (const each of there ? (["dark", "light"] as const) : []) {
        await theme(page, each);
        await page.screenshot({ path: `shots/${name}-${each}${suffix}.png` });
      }
    }
  });
}

const variants = [
  { name: "narrow", size: { width: 360, height: 640 }, options: {}, all: true },
  { name: "wide", size: { width: 2560, height: 1440 }, options: { theme: "light" }, all: true },
  { name: "narrow-sv", size: { width: 360, height: 640 }, options: { lang: "sv" } },
  { name: "zoom", size: { width: 640, height: 400 }, options: {} },
  { name: "medium", size: { width: 900, height: 640 }, options: { lang: "sv" } },
  { name: "contrast", size: { width: 1280, height: 800 }, options: { contrast: "more" } },
  { name: "contrast-light", size: { width: 1280, height: 800 }, options: { contrast: "more", theme: "light" } },
  { name: "sv", size: { width: 1280, height: 800 }, options: { lang: "sv" } },
  { name: "cut", size: { width: 1280, height: 800 }, options: { video: "cut" } },
  { name: "blend", size: { width: 1280, height: 800 }, options: { video: "blend" } },
  { name: "forced", size: { width: 1280, height: 800 }, options: {} },
] as const;
const few = [
  "home",
  "lobby-mine",
  "lobby-camera-busy",
  "alone",
  "muted",
  "one-to-one",
  "reconnecting",
  "grid-4",
  "link-ended",
  "ended",
] as const;
for (const variant of variants) {
  const { name, size, options } = variant;
  test(`variant ${name}`, async ({ page }) => {
    await page.setViewportSize(size);
    if (name === "forced") await page.emulateMedia({ forcedColors: "active" });
    await open(page, "home", options);
    for (const state of "all" in variant ? stateNames : few) {
      await show(page, state);
      await page.screenshot({ path: `shots/${state}-${name}.png` });
    }
  });
}
