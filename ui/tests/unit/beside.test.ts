import { describe, expect, it, vi } from "vitest";

import { Knock } from "../../src/lib/knock";
import { safeMediaType, safeName } from "../../src/lib/backend/web/filename";
import { Pace } from "../../src/lib/backend/web/pace";
import { MAX_LINE, MAX_LINES, SEND_MS, Texts } from "../../src/lib/backend/web/realtime";
import type { Notification, TextLine } from "../../src/lib/backend";
import { MAX_WINDOW } from "../../src/lib/protocol/signal";

describe("names of files", () => {
  it("lead nowhere else and are shown as they are kept", () => {
    for (const [given, kept] of [
      ["bild.png", "bild.png"],
      ["../../etc/passwd", "passwd"],
      ["C:\\Windows\\evil.dll", "evil.dll"],
      ["/", "file"],
      ["..", "file"],
      [".bashrc", "bashrc"],
      ["faktura.pdf.exe", "faktura.pdf.exe"],
      ["faktura\u202efdp.exe", "fakturafdp.exe"],
      ["a\0b\n.txt", "ab.txt"],
      ["NUL", "_NUL"],
      ["con.txt", "_con.txt"],
      ["COM¹", "_COM¹"],
      ["COMPUTER.txt", "COMPUTER.txt"],
      ["slut. . .", "slut"],
    ] as const)
      expect(safeName(given)).toBe(kept);
    expect(safeName(`${"å".repeat(300)}.pdf`)).toMatch(/^å{98}\.pdf$/);
    expect(safeMediaType("Image/PNG")).toBe("image/png");
    expect(safeMediaType("text/<b>")).toBe("");
  });
});

describe("pace", () => {
  it("fills an empty path, gives way on a busy one, and obeys a budget", () => {
    const pace = new Pace();
    let now = 0;
    for (let round = 0; round < 3000; round++) pace.acked(64_000, 1, (now += 1));
    expect(pace.piece(MAX_WINDOW / 2, now)).toBe(16_384);
    for (let round = 0; round < 40; round++) pace.acked(64_000, 150, (now += 200));
    expect(pace.piece(2048, now)).toBeNull();
    pace.setBudget(8000);
    let sent = 0;
    for (const end = now + 2000; now < end; now += 1) {
      const size = pace.piece(0, now);
      if (size === null) continue;
      pace.sent(size, now);
      sent += size;
    }
    expect(sent).toBeGreaterThan(15_000);
    expect(sent).toBeLessThan(17_500);
  });
});

class Two {
  readonly wire: string[] = [];
  readonly told: Notification[] = [];
  readonly a = new Texts({
    nameOf: () => "A",
    send: (_, text) => {
      this.wire.push(text);
      this.b.on("a", { type: "text", text });
    },
    changed: () => undefined,
    notified: () => undefined,
  });
  readonly b = new Texts({
    nameOf: () => "A",
    send: () => undefined,
    changed: () => undefined,
    notified: (notification) => this.told.push(notification),
  });
  #read: TextLine[] = [];

  constructor() {
    this.a.on("b", { type: "open" });
    this.b.on("a", { type: "open" });
    this.a.setOn(true);
  }

  write(line: string): void {
    this.a.setLine(line);
    vi.advanceTimersByTime(SEND_MS);
  }

  read(): [string, boolean][] {
    vi.advanceTimersByTime(200);
    this.#read = this.b.take()?.lines ?? this.#read;
    return this.#read.map(({ text, done }) => [text, done]);
  }
}

describe("real-time text", () => {
  vi.useFakeTimers();

  it("arrives letter by letter and can be erased", () => {
    const two = new Two();
    two.write("Hej 🙂");
    two.write("Hej");
    expect(two.read()).toEqual([["Hej", false]]);
    two.a.endLine();
    two.write("2");
    expect(two.read()).toEqual([
      ["Hej", true],
      ["2", false],
    ]);
    expect(two.wire).toEqual(["Hej 🙂", "\b\b", "\u2028", "2"]);
    expect(two.told).toEqual([{ type: "realTimeText", name: "A" }]);
  });

  it("reads what others send as T.140", () => {
    const two = new Two();
    const say = (text: string) => {
      two.b.on("a", { type: "text", text });
      return two.read().map(([line]) => line);
    };
    expect(say("\ufeffab\r\ncd")).toEqual(["ab", "cd"]);
    expect(say("\b\b\bx")).toEqual(["abx"]);
    expect(say("\u001b\u202ey")).toEqual(["abxy"]);
    expect(say("\b".repeat(9))).toEqual([]);
  });

  it("marks what may be missing and is bounded", () => {
    const two = new Two();
    two.write("one ");
    two.b.on("a", { type: "open" });
    expect(two.read()).toEqual([["one \ufffd", true]]);
    for (let round = 0; round < 100; round++) two.b.on("a", { type: "text", text: "å".repeat(1000) });
    const lines = two.read();
    expect(lines.length).toBeLessThanOrEqual(MAX_LINES + 1);
    expect(lines.every(([text]) => Array.from(text).length <= MAX_LINE + 1)).toBe(true);
  });
});

it("knocks once a minute at most", () => {
  let now = 0;
  let knocks = 0;
  const knock = new Knock(
    () => now,
    async () => void knocks++,
  );
  for (now = 0; now < 180_000; now += 5000) knock.sound();
  expect(knocks).toBe(3);
});
