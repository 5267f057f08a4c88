/** States of the page itself, reached by using it: dialogs, menus, panels, refused links, messages. */
import type { Page } from "@playwright/test";

import type { StateName } from "../../src/lib/backend/fake/states";
import { testIds } from "../../src/lib/testids";
import { ringExtras } from "./extra-ring";

export type Extra = { name: string; state: StateName; reach: (page: Page) => Promise<void> };

const settings = (tab: string, state: StateName = "lobby"): Extra => ({
  name: `settings-${tab}`,
  state,
  reach: async (page) => {
    await page.getByTestId(testIds.settings).click();
    await page.getByTestId(testIds.settingsTab(tab)).click();
    await page.locator(".page:visible").waitFor();
  },
});
const refused = (name: string, link: string): Extra => ({
  name,
  state: "home",
  reach: async (page) => {
    await page.getByTestId(testIds.joinLinkInput).fill(link);
    await page.getByTestId(testIds.joinLinkButton).click();
    await page.getByTestId(testIds.linkError).waitFor();
  },
});
const opened = (name: string, state: StateName, testId: string, shown = ".menu"): Extra => ({
  name,
  state,
  reach: async (page) => {
    await page.getByTestId(testId).click();
    await page.locator(shown).first().waitFor();
  },
});

/** What a calendar file looks like from afar. */
export const CALENDAR = { name: "work.ics", mimeType: "text/calendar", buffer: Buffer.from("BEGIN:VCALENDAR /j/") };
const meetings: Extra = {
  name: "meetings",
  state: "home",
  reach: async (page) => {
    await page.getByTestId(testIds.calendarFile).setInputFiles(CALENDAR);
    await page.getByTestId(testIds.openMeeting).first().waitFor();
  },
};

/** A call of half an hour with a weak spell, told second by second. */
async function talk(page: Page): Promise<void> {
  await page.evaluate(() => {
    const fika = window.fika;
    if (!fika) return;
    const call = fika.current();
    const { quality } = call;
    if (!quality) return;
    fika.show("home");
    for (let second = 0; second < 1920; second++) {
      const level = second > 840 && second < 960 ? "weak" : second % 300 > 270 ? "fair" : "good";
      fika.view({ ...call, connectedForMs: second * 1000, quality: { ...quality, level } });
    }
  });
}

/** Three calls that are over, and home again. */
async function recent(page: Page): Promise<void> {
  await page.evaluate(() => {
    const fika = window.fika;
    if (!fika) return;
    for (const [index, state] of (["grid-4", "one-to-one", "grid-3"] as const).entries()) {
      fika.show(state);
      const { participants, invite } = fika.current();
      const link = `${invite?.link ?? ""}${index}`;
      fika.show("home");
      fika.view({
        phase: "ended",
        end: "left",
        invite: invite && { ...invite, link },
        participants: index === 2 ? participants.slice(1) : participants,
        connectedForMs: 700_000 * (index + 1),
      });
    }
    fika.show("home");
  });
  await page.getByTestId(testIds.recent).waitFor();
}

/** The words beside the picture, by the way that a person takes. */
const words = (name: string, state: StateName): Extra => ({
  name,
  state,
  reach: async (page) => {
    await page.getByTestId(testIds.encryptionChip).click();
    await page.getByTestId(testIds.compare("amir")).click();
    await page.getByTestId(testIds.safetyWords).waitFor();
  },
});

export const extras: Extra[] = [
  meetings,
  opened("plan", "home", testIds.plan, ".dialog"),
  { name: "home-recent", state: "one-to-one", reach: recent },
  {
    name: "after-cards",
    state: "one-to-one",
    reach: async (page) => {
      await talk(page);
      await page.getByTestId(testIds.leave).click();
      await page.getByTestId(testIds.rating("fair")).click();
      await page.getByTestId(testIds.qualityCard).waitFor();
    },
  },
  refused("link-not-a-link", "hello"),
  refused("link-incomplete", "http://192.168.1.5:7420/j/kafe-buls-tkrk-aqe2"),
  refused("link-typo", "http://192.168.1.5:7420/j/typo#x"),
  ...["you", "devices", "appearance", "language", "privacy", "about"].map((tab) => settings(tab)),
  { ...settings("devices", "home"), name: "settings-devices-home" },
  { ...settings("devices", "lobby-camera-busy"), name: "settings-devices-busy" },
  {
    name: "settings-devices-in-call",
    state: "one-to-one",
    reach: async (page) => {
      await page.getByTestId(testIds.more).click();
      await page.getByTestId(testIds.settings).click();
      await page.getByTestId(testIds.settingsTab("devices")).click();
      await page.locator(".page:visible").waitFor();
    },
  },
  {
    name: "help",
    state: "one-to-one",
    reach: async (page) => {
      await page.getByTestId(testIds.more).click();
      await page.getByTestId(testIds.help).click();
      await page.locator(".dialog").waitFor();
    },
  },
  opened("mic-menu", "one-to-one", testIds.micMenu),
  opened("camera-menu", "one-to-one", testIds.cameraMenu),
  opened("view-menu", "one-to-one", testIds.view),
  opened("more-menu", "one-to-one", testIds.more),
  opened("self-view-menu", "one-to-one", testIds.selfViewMenu),
  opened("privacy", "one-to-one", testIds.encryptionChip, ".pop"),
  opened("privacy-not-verifiable", "not-verifiable", testIds.encryptionChip, ".pop"),
  words("safety-words", "one-to-one"),
  words("safety-words-guest", "guest-words"),
  opened("people", "grid-4", testIds.people, ".side"),
  opened("people-host", "host", testIds.people, ".side"),
  {
    name: "person-menu",
    state: "host",
    reach: async (page) => {
      await page.getByTestId(testIds.people).click();
      await page.getByTestId(testIds.personMenu("fatima")).click();
      await page.locator(".menu").waitFor();
    },
  },
  {
    name: "denying",
    state: "host",
    reach: async (page) => {
      await page.getByTestId(testIds.people).click();
      await page.getByTestId(testIds.deny).first().click();
      await page.locator(".waiting .btn--danger").waitFor();
    },
  },
  {
    name: "remove-question",
    state: "host",
    reach: async (page) => {
      await page.getByTestId(testIds.people).click();
      await page.getByTestId(testIds.personMenu("oskar")).click();
      await page.getByTestId(testIds.personItem("remove")).click();
      await page.getByTestId(testIds.confirmRemove).waitFor();
    },
  },
  opened("leave-question-host", "host", testIds.leave, ".dialog"),
  opened("chat", "room", testIds.chat, ".chat"),
  {
    name: "chat-and-people",
    state: "room",
    reach: async (page) => {
      await page.getByTestId(testIds.people).click();
      await page.getByTestId(testIds.chat).click();
      await page.locator(".chat").waitFor();
    },
  },
  {
    name: "chat-message-menu",
    state: "room",
    reach: async (page) => {
      await page.getByTestId(testIds.chat).click();
      await page.getByTestId(testIds.chatLine).nth(1).hover();
      await page.getByTestId(testIds.chatMenu(2)).click();
      await page.locator(".menu").waitFor();
    },
  },
  {
    name: "chat-reply-failed",
    state: "room",
    reach: async (page) => {
      await page.getByTestId(testIds.chat).click();
      await page.getByTestId(testIds.chatInput).fill("fail");
      await page.getByTestId(testIds.chatSend).click();
      await page.getByTestId(testIds.chatRetry).waitFor();
      await page.getByTestId(testIds.chatLine).nth(4).hover();
      await page.getByTestId(testIds.chatMenu(5)).click();
      await page.getByTestId(testIds.chatReply).click();
      await page.locator(".replied").waitFor();
    },
  },
  opened("chat-empty", "spotlight", testIds.chat, ".chat"),
  opened("react-menu", "room", testIds.react),
  {
    name: "speaker-view",
    state: "room",
    reach: async (page) => {
      await page.getByTestId(testIds.view).click();
      await page.getByTestId(testIds.arrangement("speaker")).click();
      await page.locator('[data-arranged="strip"]').waitFor();
    },
  },
  {
    name: "pinned",
    state: "room",
    reach: async (page) => {
      await page.getByTestId(testIds.tileMenu("mei")).click({ force: true });
      await page.getByTestId(testIds.personItem("pin")).click();
      await page.locator('[data-arranged="strip"]').waitFor();
    },
  },
  {
    name: "tile-menu",
    state: "host",
    reach: async (page) => {
      await page.locator('[data-hit="lars"]').click({ button: "right" });
      await page.locator(".menu").waitFor();
    },
  },
  opened("quality", "one-to-one", testIds.qualityChip),
  opened("quality-weak", "weak", testIds.qualityChip),
  opened("encryption", "one-to-one", testIds.encryptionChip),
  opened("camera-select", "lobby", testIds.deviceSelect("camera")),
  {
    name: "leave-question",
    state: "one-to-one",
    reach: async (page) => {
      await page.keyboard.press("Control+Shift+L");
      await page.getByTestId(testIds.confirmLeave).waitFor();
    },
  },
  {
    name: "toasts",
    state: "one-to-one",
    reach: async (page) => {
      await page.evaluate(() => {
        window.fika?.notify({ type: "joined", name: "Amir Rahimi" });
        window.fika?.notify({ type: "deviceReplaced", kind: "microphone", name: "Built-in microphone" });
      });
      await page.getByTestId(testIds.toast).nth(1).waitFor();
    },
  },
  ...ringExtras,
];
