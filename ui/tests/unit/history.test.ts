import { describe, expect, it } from "vitest";

import { CALL, HOME, LOBBY, STATES } from "../../src/lib/backend/fake/states";
import { callReport } from "../../src/lib/report";
import { CallHistory, MAX_RECENT } from "../../src/lib/state/history.svelte";
import { bars, levelOf, MAX_MINUTES, QualityLog } from "../../src/lib/state/quality";

const at = (minute: number) => new Date(2026, 10, 24, 10, minute);

describe("CallHistory", () => {
  it("keeps with whom and how long when the call is over", () => {
    const history = new CallHistory();
    history.follow(LOBBY, at(0));
    history.follow({ ...CALL, connectedForMs: 60_000 }, at(2));
    history.follow({ ...CALL, connectedForMs: 120_000 }, at(3));
    history.follow({ ...STATES["ended-alone"] }, at(4));
    expect(history.names).toEqual(["Amir Rahimi"]);
    expect(history.startedAt).toEqual(at(1));
    expect(history.endedAt).toEqual(at(4));
    expect(history.durationMs).toBe(120_000);
  });

  it("starts afresh when the same call is joined again", () => {
    const history = new CallHistory();
    history.follow({ ...CALL, connectedForMs: 600_000 }, at(20));
    history.follow(STATES.ended, at(20));
    history.follow(STATES.joining, at(30));
    expect(history.names).toEqual([]);
    history.follow({ ...CALL, connectedForMs: 60_000 }, at(32));
    history.follow({ ...STATES["ended-alone"] }, at(33));
    expect(history.startedAt).toEqual(at(31));
    expect(history.durationMs).toBe(60_000);
  });

  it("remembers the last calls with somebody, each link once, and drops the oldest", () => {
    const history = new CallHistory();
    const talk = (link: string, minute: number, participants = CALL.participants) => {
      const invite = CALL.invite && { ...CALL.invite, link };
      history.follow({ ...CALL, invite, participants, connectedForMs: 60_000 }, at(minute));
      history.follow({ ...STATES["ended-alone"], invite }, at(minute));
      // A snapshot of the same end, a moment later.
      history.follow({ ...STATES["ended-alone"], invite }, at(minute + 1));
      history.follow(HOME, at(minute + 1));
    };
    for (let call = 0; call < 8; call++) talk(`http://x/j/${call}#s`, call);
    talk("http://x/j/5#s", 40);
    talk("http://x/j/alone#s", 41, []);
    expect(history.recent).toHaveLength(MAX_RECENT);
    expect(history.recent.map(({ link }) => link.charAt(11))).toEqual(["5", "7", "6", "4", "3", "2"]);
    expect(history.recent[0]).toEqual({
      link: "http://x/j/5#s",
      names: ["Amir Rahimi"],
      endedAt: at(40),
      durationMs: 60_000,
    });
  });

  it("starts afresh with the next call", () => {
    const history = new CallHistory();
    history.follow(CALL, at(2));
    history.follow(HOME, at(3));
    expect(history.names).toEqual([]);
    expect(history.startedAt).toBeNull();
    expect(history.durationMs).toBe(0);
  });
});

describe("QualityLog", () => {
  const good = CALL.quality;
  if (!good) throw new Error("the state has no figures");
  const snapshot = (second: number, level: "good" | "fair" | "weak" = "good") => ({
    ...CALL,
    connectedForMs: second * 1000,
    quality: { ...good, level },
  });

  it("counts each second once, in its minute", () => {
    const log = new QualityLog();
    for (let second = 0; second < 130; second++) {
      log.follow(snapshot(second, second >= 60 && second < 75 ? "weak" : "good"));
      log.follow(snapshot(second));
    }
    expect(log.minutes).toEqual([
      { at: 0, good: 60, fair: 0, weak: 0 },
      { at: 1, good: 45, fair: 0, weak: 15 },
      { at: 2, good: 10, fair: 0, weak: 0 },
    ]);
    expect(log.minutes.map(levelOf)).toEqual(["good", "weak", "good"]);
  });

  it("counts a lost connection as weak, and nothing before the first one", () => {
    const log = new QualityLog();
    log.follow({ ...CALL, connectedForMs: null });
    log.follow({ ...snapshot(0), quality: null });
    log.follow({ ...snapshot(1), connection: "reconnecting", quality: null });
    expect(log.minutes).toEqual([{ at: 0, good: 0, fair: 0, weak: 1 }]);
  });

  it("goes on when the connection was made anew", () => {
    const log = new QualityLog();
    for (let second = 0; second < 90; second++) log.follow(snapshot(second));
    for (let second = 0; second < 30; second++) log.follow(snapshot(second, "fair"));
    expect(log.minutes).toEqual([
      { at: 0, good: 60, fair: 0, weak: 0 },
      { at: 1, good: 30, fair: 30, weak: 0 },
    ]);
    expect(log.minutes.map(levelOf)).toEqual(["good", "fair"]);
  });

  it("keeps the worst figures and at most a day", () => {
    const log = new QualityLog();
    log.follow({ ...CALL, connectedForMs: 0, quality: { ...good, roundTripMs: 300, lossPercent: 2, relayed: true } });
    for (let minute = 1; minute <= MAX_MINUTES; minute++) log.follow(snapshot(minute * 60));
    expect(log.figures).toEqual({ longestRoundTripMs: 300, mostLossPercent: 2, relayed: true });
    expect(log.minutes).toHaveLength(MAX_MINUTES);
    expect(log.minutes[0]?.at).toBe(1);
  });

  it("makes bars of as many minutes as fit", () => {
    const minutes = Array.from({ length: 70 }, (_, at) => ({
      at,
      good: at === 4 ? 0 : 60,
      fair: 0,
      weak: at === 4 ? 60 : 0,
    }));
    const all = bars(minutes, 32);
    expect(all).toHaveLength(24);
    expect(all[0]).toEqual({ level: "good", score: 1 });
    expect(all[1]).toEqual({ level: "weak", score: 2 / 3 });
    expect(bars([], 32)).toEqual([]);
  });
});

it("the report holds figures and nobody's name", () => {
  const history = new CallHistory();
  history.follow(CALL, at(2));
  const report = callReport({ version: "0.1.0", platform: "linux" }, history, "fair");
  expect(JSON.parse(report)).toMatchObject({ fika: "0.1.0", rating: "fair", seconds: 1450, people: 2, relayed: false });
  expect(report).not.toContain("Amir");
});
