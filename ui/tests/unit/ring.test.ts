import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { ParticipantView, RingBackend, RingView } from "../../src/lib/backend";
import { RINGS } from "../../src/lib/backend/fake/ring";
import { AMIR } from "../../src/lib/backend/fake/states";
import { LOUD, ring, SOFT, taps, type Speaker } from "../../src/lib/ring";
import { Ring } from "../../src/lib/state/ring.svelte";
import { outgoingWords } from "../../src/lib/texts";

describe("the sound", () => {
  it("is two seconds of taps, then three of rest, and so on", () => {
    const all = taps(0, 60);
    expect(all[0]).toBe(0);
    for (const at of all) expect(at % 5).toBeLessThan(2);
    for (let begin = 0; begin < 60; begin += 5)
      expect(all.filter((at) => at >= begin && at < begin + 2).length).toBe(8);
  });

  it("has each tap once, however it is cut", () => {
    const parts = [0, 0.19, 1.3, 4, 5, 5.01, 11, 20].flatMap((from, index, cuts) =>
      taps(from, cuts[index + 1] ?? from),
    );
    expect(parts).toEqual(taps(0, 20));
    expect(taps(2, 5)).toEqual([]);
  });

  it("is softer for whoever calls", () => expect(SOFT).toBeLessThan(LOUD / 2));

  describe("on a speaker", () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    /** Its clock runs with the timers, unless it may make no sound. */
    function speaker(runs = true) {
      const heard: number[] = [];
      const begin = Date.now();
      const close = vi.fn();
      const open = (): Speaker => ({
        now: () => (runs ? (Date.now() - begin) / 1000 : 0),
        tap: (at) => heard.push(at),
        close,
      });
      return { open, heard, close };
    }

    it("rings until it is told to stop", () => {
      const { open, heard, close } = speaker();
      const stop = ring(LOUD, open);
      vi.advanceTimersByTime(12_000);
      const periods = heard.map((at) => Math.floor(at / 5));
      for (const period of [0, 1, 2]) expect(periods.filter((each) => each === period)).toHaveLength(8);
      expect(heard).toEqual([...heard].sort((a, b) => a - b));
      const before = heard.length;
      stop();
      vi.advanceTimersByTime(60_000);
      expect(heard).toHaveLength(before);
      expect(close).toHaveBeenCalledOnce();
    });

    it("saves nothing up while it may make no sound", () => {
      const { open, heard } = speaker(false);
      const stop = ring(LOUD, open);
      vi.advanceTimersByTime(60_000);
      stop();
      expect(heard).toHaveLength(8);
    });
  });
});

describe("Ring", () => {
  const done = () => Promise.resolve();
  const backend = (change: Partial<RingBackend> = {}): RingBackend => ({
    view: () => Promise.resolve(RINGS.contacts),
    call: done,
    cancel: done,
    answer: done,
    decline: done,
    save: done,
    rename: done,
    forget: done,
    clearMissed: done,
    ...change,
  });
  const person: ParticipantView = AMIR;

  it("keeps what came while it asked", async () => {
    let answer: (view: RingView) => void = () => undefined;
    const ring = new Ring(backend({ view: () => new Promise((resolve) => (answer = resolve)) }));
    ring.changed(RINGS.missed);
    answer(RINGS.nobody);
    await done();
    expect(ring.view).toBe(RINGS.missed);
  });

  it("calls once at a time, and can be cancelled meanwhile", async () => {
    let called = 0;
    const cancel = vi.fn(done);
    const ring = new Ring(backend({ call: () => new Promise(() => called++), cancel }));
    void ring.call("amir-key", true);
    void ring.call("amir-key", true);
    expect([called, ring.busy]).toEqual([1, true]);
    await ring.cancel();
    expect(cancel).toHaveBeenCalledOnce();
  });

  it("tells what went wrong, until the next try", async () => {
    const failed = vi.fn();
    // The seam rejects with plain objects.
    const refuse = () => Promise.reject(Object.assign(new Error("busy"), { code: "busy" }));
    const ring = new Ring(backend({ answer: refuse }), failed);
    await ring.answer("1");
    expect([ring.problem, ring.busy]).toEqual(["busy", false]);
    expect(failed).toHaveBeenCalledWith("busy");
    await ring.decline("1");
    expect(ring.problem).toBeNull();
  });

  it("offers to keep whoever has a lasting key, once, and nobody who may be another", async () => {
    const ring = new Ring(backend());
    expect(ring.canSave(person)).toBe(true);
    expect(ring.canSave({ ...person, trust: "verified" })).toBe(true);
    expect(ring.canSave({ ...person, lasting: false })).toBe(false);
    expect(ring.canSave({ ...person, saved: true })).toBe(false);
    for (const trust of ["changed", "differs", "notVerifiable"] as const) {
      expect(ring.canSave({ ...person, trust })).toBe(false);
    }
    expect(await ring.keepName({ participant: person.id, name: "" }, "Amir")).toBe(true);
    expect(ring.canSave(person)).toBe(false);
  });

  it("offers again what could not be kept", async () => {
    const ring = new Ring(backend({ save: () => Promise.reject(new Error("full")) }));
    expect(await ring.keepName({ participant: person.id, name: "" }, "Amir")).toBe(false);
    expect([ring.canSave(person), ring.problem]).toEqual([true, "internal"]);
  });
});

it("each state of a call that goes out has words of its own, which end as titles and sentences do", () => {
  const all = Object.values(RINGS).flatMap(({ outgoing }) => (outgoing ? [outgoingWords(outgoing)] : []));
  expect(new Set(all.map(({ title }) => title)).size).toBe(8);
  for (const { title, text } of all) {
    expect(title).not.toMatch(/\.$/);
    expect(text).toMatch(/\.$/);
  }
});
