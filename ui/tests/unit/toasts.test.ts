import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { BATCH_MS, MAX_TOASTS, TOAST_MS, Toasts } from "../../src/lib/state/toasts.svelte";

const texts = (toasts: Toasts) => toasts.shown.map(({ text }) => text);

describe("Toasts", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("go after five seconds, but not under the pointer", () => {
    const toasts = new Toasts();
    toasts.notify({ type: "left", name: "Amir" });
    toasts.notify({ type: "reconnected" });
    const first = toasts.shown[0]?.id ?? -1;
    toasts.pause(first);
    vi.advanceTimersByTime(TOAST_MS);
    expect(texts(toasts)).toEqual(["Amir left"]);
    toasts.resume(first);
    vi.advanceTimersByTime(TOAST_MS);
    expect(texts(toasts)).toEqual([]);
  });

  it("are at most two", () => {
    const toasts = new Toasts();
    for (const name of ["A", "B", "C"]) toasts.notify({ type: "left", name });
    expect(texts(toasts)).toEqual(["B left", "C left"]);
    expect(MAX_TOASTS).toBe(2);
  });

  it("tell arrivals together to a screen reader", () => {
    const toasts = new Toasts();
    toasts.notify({ type: "joined", name: "Amir" });
    toasts.notify({ type: "joined", name: "" });
    expect(toasts.polite).toBe("");
    vi.advanceTimersByTime(BATCH_MS);
    expect(toasts.polite).toBe("Amir and Someone came in");
  });

  it("say what an error asks for", () => {
    const toasts = new Toasts();
    toasts.error("busy");
    expect(toasts.polite).toContain("Try again");
  });
});
