import { afterEach, describe, expect, it } from "vitest";

import type { QualityView } from "../../src/lib/backend";
import { bitrate, clock, day, nameList, pictureSize, statsLine, timeOfDay } from "../../src/lib/format";
import { pickLocale } from "../../src/lib/i18n.svelte";
import { m } from "../../src/lib/paraglide/messages";
import { overwriteGetLocale } from "../../src/lib/paraglide/runtime";

const QUALITY: QualityView = {
  level: "good",
  cause: null,
  roundTripMs: 42,
  sendKbps: 900,
  receiveKbps: 1240,
  lossPercent: 0,
  relayed: false,
  sendWidth: 1280,
  sendHeight: 720,
  sendFps: 30,
  receiveWidth: 1280,
  receiveHeight: 720,
  receiveFps: 30,
};

afterEach(() => overwriteGetLocale(() => "en"));

describe("statsLine", () => {
  it("says level, numbers, path and privacy", () => {
    expect(statsLine(QUALITY)).toBe("Good, 42 ms, 1.2 Mbit/s, direct, end-to-end encrypted");
  });

  it("tells loss and a relay, and leaves out what is not known", () => {
    const bad: QualityView = {
      ...QUALITY,
      level: "weak",
      roundTripMs: null,
      receiveKbps: 210,
      lossPercent: 11,
      relayed: true,
    };
    expect(statsLine(bad)).toBe("Weak, 210 kbit/s, 11 % lost, through a server, end-to-end encrypted");
  });

  it("speaks Swedish", () => {
    overwriteGetLocale(() => "sv");
    expect(statsLine(QUALITY)).toBe("Bra, 42 ms, 1.2 Mbit/s, direkt, krypterat hela vägen");
  });
});

describe("numbers and times", () => {
  it("counts the time in the call", () => {
    expect(clock(0)).toBe("0:00");
    expect(clock(1_450_999)).toBe("24:10");
    expect(clock(3_600_000)).toBe("1:00:00");
    expect(clock(-5)).toBe("0:00");
  });

  it("changes from kilobits to megabits", () => {
    expect(bitrate(999)).toBe("999 kbit/s");
    expect(bitrate(1000)).toBe("1 Mbit/s");
    expect(bitrate(2549)).toBe("2.5 Mbit/s");
  });

  it("names the picture or its absence", () => {
    expect(pictureSize(1280, 720, 30)).toBe("1280 × 720, 30 a second");
    expect(pictureSize(0, 0, 0)).toBe("No picture");
  });

  it("writes day and time", () => {
    const at = new Date(2026, 10, 24, 9, 5);
    expect(day(at)).toMatch(/^Tuesday,? 24 November$/);
    expect(timeOfDay(at)).toBe("09:05");
  });
});

describe("nameList", () => {
  it("cuts long lists", () => {
    expect(nameList([])).toBe("");
    expect(nameList(["Amir"])).toBe("Amir");
    expect(nameList(["Amir", "Sofia"])).toBe("Amir and Sofia");
    expect(nameList(["Amir", "Sofia", "Jonas", "Mei"])).toBe("Amir, Sofia and 2 more");
  });
});

describe("plurals", () => {
  it("has one minute and several", () => {
    expect(m.after_talked({ minutes: 1 })).toBe("You talked for one minute");
    expect(m.after_talked({ minutes: 32 })).toBe("You talked for 32 minutes");
  });
});

describe("pickLocale", () => {
  it("follows the user first, then the system", () => {
    expect(pickLocale("sv", "en-GB")).toBe("sv");
    expect(pickLocale("system", "sv_SE")).toBe("sv");
    expect(pickLocale("system", "de-DE")).toBe("en");
  });
});
