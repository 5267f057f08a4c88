import { describe, expect, it } from "vitest";

import { DataChannels, type DataEvent, type DataKind } from "../../src/lib/backend/web/data";

/** One end; what reaches it before it is open is lost, as with some peers. */
class End {
  readyState = "connecting";
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  binaryType = "";
  readonly sent: unknown[] = [];
  other: End | null = null;

  send(data: string): void {
    this.sent.push(data);
    if (this.other?.readyState === "open") this.other.onmessage?.({ data });
  }
  open(): void {
    this.readyState = "open";
    this.onopen?.();
  }
  close(): void {}
}

function pair() {
  const made = [0, 1].map(() => {
    const ends: Record<string, End> = {};
    const events: [DataKind, DataEvent][] = [];
    const connection = { createDataChannel: (label: string) => (ends[label] = new End()) };
    const channels = new DataChannels(connection as never, (kind, event) => events.push([kind, event]));
    return { ends, events, channels };
  });
  const [a, b] = made as [(typeof made)[0], (typeof made)[0]];
  const [ours, theirs] = [a.ends["files"], b.ends["files"]] as [End, End];
  [ours.other, theirs.other] = [theirs, ours];
  return { a, b, ours, theirs };
}

describe("data channels", () => {
  it("open when both ends were heard, whoever is ready first", () => {
    for (const first of ["ours", "theirs"] as const) {
      const two = pair();
      two[first].open();
      expect([...two.a.events, ...two.b.events]).toEqual([]);
      two[first === "ours" ? "theirs" : "ours"].open();
      for (const { events } of [two.a, two.b]) expect(events).toEqual([["files", { type: "open" }]]);
    }
  });

  it("say nothing before, and everything after", () => {
    const { a, b, ours, theirs } = pair();
    ours.open();
    a.channels.send("files", "too early");
    expect(ours.sent).toEqual(["\ufeff"]);
    theirs.open();
    a.channels.send("files", "offer");
    expect(b.events).toEqual([
      ["files", { type: "open" }],
      ["files", { type: "text", text: "offer" }],
    ]);
  });
});
