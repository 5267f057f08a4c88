/** Who is at the other end: the lock, the safety words, and what comes of them. */
import { testIds } from "../../src/lib/testids";
import { WORDS } from "../../src/lib/protocol/words";
import { calls, expect, open, show, test } from "./page";

const INDICES = [200, 121, 128, 249];

test("two people compare their words and are verified", async ({ page }) => {
  await open(page, "one-to-one");
  const chip = page.getByTestId(testIds.encryptionChip);
  await expect(chip).toContainText("Encrypted, not verified");
  await chip.click();
  const people = page.getByTestId(testIds.privacyPeople);
  await expect(people).toContainText("Words not compared yet");
  await expect(page.locator(".pop")).toContainText("The server sees who is here");
  await page.getByTestId(testIds.compare("amir")).click();
  const panel = page.getByTestId(testIds.safetyWords);
  await expect(panel.getByRole("heading")).toBeFocused();
  await expect(panel.getByRole("listitem")).toHaveText(INDICES.map((index, at) => `${at + 1}${WORDS[index]?.en}`));
  await expect(page.locator('.tile[data-tile="amir/camera"]')).toBeVisible();
  await panel.getByTestId(testIds.wordsSame).click();
  await expect(panel).toHaveCount(0);
  expect(await calls(page)).toEqual(["compareWords amir true"]);
  await expect(chip).toContainText("Encrypted, verified");
  await expect(page.getByRole("img", { name: "Verified" })).toBeVisible();
});

test("in Swedish the same meanings are read", async ({ page }) => {
  await open(page, "one-to-one", { lang: "sv" });
  await page.getByTestId(testIds.encryptionChip).click();
  await page.getByTestId(testIds.compare("amir")).click();
  const words = page.getByTestId(testIds.safetyWords).getByRole("listitem");
  await expect(words).toHaveText(INDICES.map((index, at) => `${at + 1}${WORDS[index]?.sv}`));
});

test("words that differ stop everything, and say what to do", async ({ page }) => {
  await open(page, "one-to-one");
  await page.getByTestId(testIds.encryptionChip).click();
  await page.getByTestId(testIds.compare("amir")).click();
  await page.getByTestId(testIds.wordsDiffer).click();
  expect(await calls(page)).toEqual(["compareWords amir false"]);
  await expect(page.getByTestId(testIds.banner)).toContainText("The words differ. We stopped sound and picture.");
  await expect(page.locator('.tile[data-tile="amir/camera"]')).toContainText("No sound or picture goes between you");
  await expect(page.getByTestId(testIds.encryptionChip)).toContainText("Not safe");
  await expect(page.getByTestId(testIds.safetyWords)).toHaveCount(0);
});

test("Escape closes the words and gives the focus back", async ({ page }) => {
  await open(page, "verified");
  await page.locator('[role="group"][aria-label="Amir Rahimi"]').click({ button: "right" });
  await page.getByTestId(testIds.personItem("compare")).click();
  await expect(page.getByTestId(testIds.safetyWords)).toContainText("You have verified Amir Rahimi");
  await page.keyboard.press("Escape");
  await expect(page.getByTestId(testIds.safetyWords)).toHaveCount(0);
  expect(await calls(page)).toEqual([]);
});

test("another key is loud, an old client is named", async ({ page }) => {
  await open(page, "key-changed");
  await expect(page.getByTestId(testIds.banner)).toContainText("This may not be Amir Rahimi.");
  await page.getByTestId(testIds.bannerAction).click();
  await expect(page.getByTestId(testIds.safetyWords)).toBeVisible();
  await show(page, "not-verifiable");
  await expect(page.getByTestId(testIds.encryptionChip)).toContainText("Encrypted, not verifiable");
  await expect(page.locator('.tile[data-tile="amir/camera"]')).toContainText("Not verifiable");
});
