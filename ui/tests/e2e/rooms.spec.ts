/** A room in use: layouts, hosts, the waiting room, chat, hands; by pointer and by keyboard. */
import type { Page } from "@playwright/test";

import { testIds } from "../../src/lib/testids";
import { calls, expect, lastLayout, open, settled, show, test } from "./page";

const arranged = (page: Page, kind: string) => expect(page.locator(`[data-arranged="${kind}"]`)).toBeVisible();
const large = (page: Page) => page.locator(".tile.big").getAttribute("data-tile");

test("a layout is chosen, reported and remembered", async ({ page }) => {
  await open(page, "room");
  await arranged(page, "grid");
  await page.getByTestId(testIds.view).click();
  await page.getByTestId(testIds.arrangement("speaker")).click();
  await arranged(page, "strip");
  expect(await large(page)).toBe("sofia/camera");
  await settled(page);
  const tiles = (await lastLayout(page)).tiles.map(({ id, width }) => [id, width ?? 0] as const);
  expect(tiles).toHaveLength(6);
  const widths = Object.fromEntries(tiles);
  for (const [id, width] of tiles) if (id !== "sofia/camera") expect(width).toBeLessThan(widths["sofia/camera"] ?? 0);
  expect(await calls(page)).toEqual(["saveSettings"]);
  await open(page, "one-to-one", { arrangement: "grid" });
  await arranged(page, "grid");
  await expect(page.locator(".self")).toHaveCount(0);
});

test("who speaks becomes large, but not for a cough", async ({ page }) => {
  await page.clock.install();
  await open(page, "room", { arrangement: "speaker" });
  await page.clock.pauseAt(Date.now() + 3_600_000);
  const speak = (id: string) =>
    page.evaluate((who) => {
      const { participants } = window.fika?.current() ?? { participants: [] };
      window.fika?.view({ participants: participants.map((each) => ({ ...each, speaking: each.id === who })) });
    }, id);
  await speak("amir");
  await expect(page.locator('.tile.big[data-tile="amir/camera"]')).toBeVisible();
  await page.clock.runFor(1000);
  await speak("noor");
  await expect(page.locator('.tile.speaking[data-tile="noor/camera"]')).toBeVisible();
  expect(await large(page)).toBe("amir/camera");
  await page.clock.runFor(1500);
  await speak("noor");
  await expect(page.locator('.tile.big[data-tile="noor/camera"]')).toBeVisible();
});

test("a person is pinned and unpinned by keyboard", async ({ page }) => {
  await open(page, "room");
  await page.locator('[data-hit="sofia"]').focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.locator('[data-hit="mei"]')).toBeFocused();
  await page.keyboard.press("Enter");
  await arranged(page, "strip");
  expect(await large(page)).toBe("mei/camera");
  await expect(page.locator('[data-hit="mei"]')).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("Shift+F10");
  await page.getByRole("menuitem", { name: "Unpin" }).click();
  await arranged(page, "grid");
  // Tiles are one stop of Tab.
  await expect(page.locator('.hit[tabindex="0"]')).toHaveCount(1);
});

test("who is pinned and leaves is large no more, and what is shown to all is", async ({ page }) => {
  await open(page, "spotlight");
  expect(await large(page)).toBe("karin/camera");
  await page.locator('[data-hit="fatima"]').dblclick();
  await expect(page.locator('.tile.big[data-tile="fatima/camera"]')).toBeVisible();
  await page.evaluate(() => {
    const { participants } = window.fika?.current() ?? { participants: [] };
    window.fika?.view({ participants: participants.filter(({ id }) => id !== "fatima") });
  });
  await expect(page.locator('.tile.big[data-tile="karin/camera"]')).toBeVisible();
});

test("people without room stand on another page", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 640 });
  await open(page, "spotlight");
  await expect(page.getByRole("group", { name: "More people" })).toContainText("1–2 of 3");
  await page.getByTestId(testIds.pageNext).click();
  await expect(page.locator('[data-tile="me/camera"]')).toBeVisible();
  await expect(page.locator('[data-tile="lars/camera"]')).toHaveCount(0);
  await expect(page.getByTestId(testIds.pageNext)).toHaveAttribute("aria-disabled", "true");
});

test("a host lets people in, and says no after a question", async ({ page }) => {
  await open(page, "host");
  await expect(page.getByTestId(testIds.people)).toHaveAccessibleName("People, 4, 2 waiting");
  await page.getByTestId(testIds.people).click();
  const list = page.getByTestId(testIds.waitingList);
  await expect(list).toContainText("2 people are waiting");
  await list.getByRole("button", { name: "Let in Maja Sund" }).click();
  await expect(list).toContainText("One person is waiting");
  await list.getByRole("button", { name: "Say no to Tom Keller" }).click();
  expect(await calls(page)).toEqual(["moderate admit maja"]);
  await list.getByRole("button", { name: "Say no" }).click();
  await expect(list).toHaveCount(0);
  expect(await calls(page)).toEqual(["moderate admit maja", "moderate deny tom"]);
});

test("a host moderates by the menu of a person and for all", async ({ page }) => {
  await open(page, "host");
  await page.getByTestId(testIds.people).click();
  const act = async (who: string, item: string) => {
    await page.getByTestId(testIds.personMenu(who)).click();
    await page.getByTestId(testIds.personItem(item)).click();
  };
  await act("lars", "mute");
  await act("fatima", "ask-mic");
  await act("fatima", "co-host");
  await act("fatima", "spotlight");
  expect(await large(page)).toBe("fatima/camera");
  await page.getByTestId(testIds.locked).click();
  await expect(page.getByTestId(testIds.locked)).toHaveAttribute("aria-checked", "true");
  await page.getByTestId(testIds.waitingRoom).click();
  await act("oskar", "remove");
  await expect(page.getByRole("dialog")).toContainText("Remove Oskar Holm from the call?");
  await page.getByTestId(testIds.confirmRemove).click();
  await expect(page.getByTestId(testIds.personMenu("oskar"))).toHaveCount(0);
  expect(await calls(page)).toEqual([
    "moderate mute lars",
    "moderate ask fatima microphone",
    "moderate setCoHost fatima true",
    "moderate spotlight fatima",
    "moderate setLocked true",
    "moderate setWaitingRoom false",
    "moderate remove oskar",
  ]);
});

test("nothing moves in a menu that is open", async ({ page }) => {
  await open(page, "host");
  await page.getByTestId(testIds.people).click();
  const change = (what: object) =>
    page.evaluate((news) => {
      const { participants } = window.fika?.current() ?? { participants: [] };
      window.fika?.view({ participants: participants.map((each) => ({ ...each, ...news })) });
    }, what);
  // As somebody is who has just come in.
  await change({ words: null, microphoneOn: false });
  await page.getByTestId(testIds.personMenu("lars")).click();
  const remove = page.getByTestId(testIds.personItem("remove"));
  const [items, place] = [await page.getByRole("menuitem").allTextContents(), await remove.boundingBox()];
  await change({ words: [1, 2, 3, 4], microphoneOn: true });
  await expect(page.getByRole("menuitem")).toHaveText(items);
  expect(await remove.boundingBox()).toEqual(place);
  await page.keyboard.press("Escape");
  await page.getByTestId(testIds.personMenu("lars")).click();
  await expect(page.getByRole("menuitem", { name: "Compare words" })).toBeVisible();
});

test("only hosts see what hosts can do", async ({ page }) => {
  await open(page, "room");
  await page.getByTestId(testIds.people).click();
  await page.getByTestId(testIds.personMenu("amir")).click();
  await expect(page.getByRole("menuitem")).toHaveText([
    "Pin for me",
    "Compare words",
    "Save as contact",
    "Write to them alone",
  ]);
  await page.keyboard.press("Escape");
  for (const id of [testIds.muteAll, testIds.locked, testIds.waitingRoom])
    await expect(page.getByTestId(id)).toHaveCount(0);
  // A backend that knows no rooms.
  await show(page, "grid-4");
  for (const id of [testIds.chat, testIds.hand, testIds.react]) await expect(page.getByTestId(id)).toHaveCount(0);
});

test("a host is asked whether to end the call for all", async ({ page }) => {
  await open(page, "host");
  await page.getByTestId(testIds.leave).click();
  await expect(page.getByRole("dialog")).toContainText("you end it for all");
  await page.getByTestId(testIds.endForAll).click();
  await expect(page.getByTestId(testIds.ended)).toContainText("The host ended the call");
  expect(await calls(page)).toEqual(["moderate end"]);
});

test("what a host asks for is done by me or not at all", async ({ page }) => {
  await open(page, "asked");
  await expect(page.getByTestId(testIds.banner)).toContainText("Karin Ek asks you to unmute");
  await page.getByTestId(testIds.dismissAsk).click();
  await expect(page.getByTestId(testIds.banner)).toHaveCount(0);
  await show(page, "asked");
  await page.evaluate(() => window.fika?.view({ problem: "cameraDenied" }));
  await expect(page.getByTestId(testIds.banner), "not behind what is known").toContainText("Karin Ek asks you");
  await page.getByTestId(testIds.bannerAction).click();
  await expect(page.getByTestId(testIds.toggleMic)).toHaveAttribute("aria-pressed", "true");
  expect(await calls(page)).toEqual(["dismissAsk", "setMicrophone true"]);
});

test("before the door devices are set, and leaving works", async ({ page }) => {
  await open(page, "waiting");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Karin will let you in soon");
  await page.keyboard.press("Control+d");
  await expect(page.getByTestId(testIds.toggleMic)).toHaveAttribute("aria-pressed", "false");
  await page.getByTestId(testIds.leave).click();
  await expect(page.getByTestId(testIds.ended)).toBeVisible();
  expect(await calls(page)).toEqual(["setMicrophone false", "leave"]);
});

test("a passcode is asked for in the lobby, and again when it did not fit", async ({ page }) => {
  await open(page, "lobby-passcode");
  await page.getByTestId(testIds.passcode).fill(" kanelbulle ");
  await page.getByTestId(testIds.joinNow).click();
  await expect(page.locator('[data-phase="inCall"]')).toBeVisible();
  expect(await calls(page)).toEqual(["setPasscode kanelbulle", "join"]);
  await show(page, "link-passcode");
  await page.getByTestId(testIds.rejoin).click();
  await expect(page.getByTestId(testIds.joinNow)).toBeVisible();
});

test("messages are read, written, answered and retried by keyboard", async ({ page }) => {
  await open(page, "room");
  await expect(page.getByTestId(testIds.chat)).toHaveAccessibleName("Chat, 1 new message");
  await page.keyboard.press("Control+Alt+c");
  const input = page.getByTestId(testIds.chatInput);
  await expect(input).toBeFocused();
  await expect(page.getByTestId(testIds.chat)).toHaveAccessibleName("Chat");
  await expect(page.getByRole("log").getByRole("link")).toHaveAttribute("href", "https://fika.example/icons");
  await expect(page.getByTestId(testIds.chatLine).last()).toContainText("Only for you: <b>lovely</b> work.");
  await page.keyboard.type("Hello");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("there");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId(testIds.chatLine).last()).toContainText("Hello\nthere");
  await page.keyboard.type("fail");
  await page.keyboard.press("Enter");
  await page.getByTestId(testIds.chatRetry).click();
  await expect(page.getByTestId(testIds.chatRetry)).toHaveCount(0);
  await page.getByTestId(testIds.chatMenu(5)).focus();
  await page.keyboard.press("Enter");
  await page.getByTestId(testIds.chatReply).click();
  await expect(input).toHaveAttribute("placeholder", "Write to Mei Tanaka");
  await input.fill("Thank you");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId(testIds.chatLine).last()).toContainText("Only to Mei");
  await page.keyboard.press("Escape");
  await expect(page.getByTestId(testIds.chatPanel)).toHaveCount(0);
  expect(await calls(page)).toEqual([
    "readChat",
    "sendChat Hello\nthere  ",
    "sendChat fail  ",
    "retryChat 101",
    "sendChat Thank you mei 5",
  ]);
});

test("a message gets a reaction, and loses it again", async ({ page }) => {
  await open(page, "room");
  await page.getByTestId(testIds.chat).click();
  const line = page.getByTestId(testIds.chatLine).nth(1);
  await line.hover();
  await page.getByTestId(testIds.chatMenu(2)).click();
  await page.getByTestId(testIds.chatReact("clap")).click();
  await expect(line.getByRole("button", { name: "Applause, 1" })).toHaveAttribute("aria-pressed", "true");
  await line.getByRole("button", { name: "Applause, 1" }).click();
  await expect(line.getByRole("button", { name: "Applause" })).toHaveCount(0);
  expect(await calls(page)).toEqual(["readChat", "reactToMessage 2 clap true", "reactToMessage 2 clap false"]);
});

test("a hand goes up and down, a reaction is shown", async ({ page }) => {
  await open(page, "room");
  await page.keyboard.press("Control+Alt+h");
  await expect(page.getByTestId(testIds.hand)).toHaveAttribute("aria-pressed", "true");
  await expect(page.locator('[data-tile="me/camera"]').getByRole("img", { name: "Hand up, place 2" })).toBeVisible();
  await page.getByTestId(testIds.hand).click();
  await page.getByTestId(testIds.react).click();
  await page.getByTestId(testIds.reaction("heart")).click();
  await expect(page.locator('[data-tile="me/camera"]').getByRole("img", { name: "Heart" })).toBeVisible();
  expect(await calls(page)).toEqual(["setHand true", "setHand false", "react heart"]);
});

test("what hosts do to me is told at once, a message only to whoever does not read", async ({ page }) => {
  await open(page, "room");
  await page.evaluate(() => window.fika?.notify({ type: "muted", by: "Karin" }));
  await expect(page.getByRole("alert").filter({ hasText: "Karin muted you" })).toBeAttached();
  await page.evaluate(() => window.fika?.notify({ type: "chat", name: "Mei", private: true }));
  await expect(page.getByTestId(testIds.toast).last()).toContainText("Mei wrote to you alone");
  await page.getByTestId(testIds.chat).click();
  await page.evaluate(() => window.fika?.notify({ type: "chat", name: "Noor", private: false }));
  await expect(page.getByTestId(testIds.toast).filter({ hasText: "Noor" })).toHaveCount(0);
});

test("a broken connection costs no word of a message", async ({ page }) => {
  await open(page, "room");
  await page.getByTestId(testIds.chat).click();
  await page.getByTestId(testIds.chatInput).fill("half a sen");
  await show(page, "reconnecting");
  await expect(page.getByTestId(testIds.chatPanel)).toBeHidden();
  await show(page, "room");
  await expect(page.getByTestId(testIds.chatInput)).toHaveValue("half a sen");
  await expect(page.getByTestId(testIds.chatInput)).toBeFocused();
});
