import { describe, expect, it } from "vitest";

import { CALL, HOME, LOBBY, STATES } from "../../src/lib/backend/fake/states";
import { CallHistory } from "../../src/lib/state/history.svelte";

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

  it("starts afresh with the next call", () => {
    const history = new CallHistory();
    history.follow(CALL, at(2));
    history.follow(HOME, at(3));
    expect(history.names).toEqual([]);
    expect(history.startedAt).toBeNull();
    expect(history.durationMs).toBe(0);
  });
});
