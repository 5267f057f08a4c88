/** Meetings to come: planned, taken out of a calendar file, opened, saved and taken off the list. */
import type { Page } from "@playwright/test";

import { testIds } from "../../src/lib/testids";
import { CALENDAR } from "./extra";
import { calls, expect, open, test } from "./page";

const rows = (page: Page) => page.getByTestId(testIds.comingUp).getByRole("listitem");

/** Fills in the dialog, which proposes the next full hour. */
async function plan(page: Page, title: string): Promise<void> {
  await page.getByTestId(testIds.plan).click();
  await expect(page.getByTestId(testIds.planTitle)).toBeFocused();
  await page.keyboard.type(title);
  await page.keyboard.press("Enter");
}

test("a meeting is planned by keyboard and stands on the list", async ({ page }) => {
  await open(page, "home", { server: "https://meet.example.org" });
  await plan(page, "Design review");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText("Design review");
  await page.getByTestId(testIds.saveMeeting).click();
  await expect(page.getByText("Saved as Design review.ics in your downloads.").first()).toBeVisible();
  await page.getByRole("button", { name: "Open Design review" }).click();
  await expect(page.locator('[data-phase="lobby"]')).toBeVisible();
  expect((await calls(page)).map((call) => call.split(" ")[0])).toEqual(["planMeeting", "saveMeeting", "openMeeting"]);
});

test("a time that is over, or none, is said beside the field", async ({ page }) => {
  await open(page, "home", { server: "https://meet.example.org" });
  for (const [field, text] of [
    [testIds.planDate, "2020-01-01"],
    [testIds.planTime, "noon"],
  ] as const) {
    await page.getByTestId(testIds.plan).click();
    await page.getByTestId(field).fill(text);
    await page.getByTestId(testIds.planSave).click();
    await expect(page.getByTestId(testIds.planWrong)).toContainText("a time to come");
    await expect(page.getByTestId(testIds.planDate)).toHaveAttribute("aria-invalid", "true");
    await page.keyboard.press("Escape");
  }
  expect(await calls(page)).toEqual([]);
});

test("without a meeting server the dialog says what is missing and leads there", async ({ page }) => {
  await open(page, "home");
  await plan(page, "Design review");
  await expect(page.getByTestId(testIds.planWrong)).toContainText("needs a meeting server");
  await page.getByTestId(testIds.planWrong).getByRole("button").click();
  await expect(page.getByTestId("server-input")).toBeVisible();
});

test("a calendar file brings its meetings, and others are told in a sentence", async ({ page }) => {
  await open(page, "home");
  const file = page.getByTestId(testIds.calendarFile);
  for (const [text, sentence] of [
    ["hello", "This is not a calendar file."],
    ["BEGIN:VCALENDAR", "No meeting in this file has a Fika link."],
    ["x".repeat(513 * 1024), "This calendar is too large. Export fewer meetings."],
  ] as const) {
    await file.setInputFiles({ ...CALENDAR, buffer: Buffer.from(text) });
    await expect(page.getByText(sentence).first()).toBeVisible();
  }
  await file.setInputFiles(CALENDAR);
  await expect(rows(page)).toHaveCount(3);
  await page.getByRole("button", { name: "Take Budget 2027 off this list" }).click();
  await expect(rows(page)).toHaveCount(2);
});
