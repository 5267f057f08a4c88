/**
 * Files between this browser and the others, with the rules of `call::files` in Rust: what the user and the others do with
 * them, offers, answers, reconnects. `MAX_OFFERS` unanswered ones of each. The table is in `transfers`, the bytes in `pieces`.
 */
import { sha256 } from "@noble/hashes/sha2.js";

import { MAX_FILE_TEXT, type FileMessage } from "../../protocol/signal";
import type { FileEnd, FilesView } from "..";
import type { DataEvent } from "./data";
import { safeMediaType, safeName } from "./filename";
import { Pace } from "./pace";
import { Pieces } from "./pieces";
import { maxSize, openSink } from "./store";
import { Transfers, UNDER_WAY, type FilesHost, type Line, type Transfer } from "./transfers";

const MAX_OFFERS = 10;
const STALLED_MS = 90_000;
const NO_CHANNEL_MS = 30_000;

export class Files {
  readonly maxSize = maxSize();
  readonly #table: Transfers;
  readonly #pieces: Pieces;
  #nextId = 1;
  readonly #look: ReturnType<typeof setInterval>;

  constructor(private readonly host: FilesHost) {
    this.#table = new Transfers(host, (peer) => this.#pieces.pump(peer));
    this.#pieces = new Pieces(host, this.#table);
    this.#look = setInterval(() => this.#late(), 1000);
  }

  /** `null`: nothing has changed since it was taken last. */
  take(): FilesView | null {
    return this.#table.takeChanged() ? this.view() : null;
  }

  view(): FilesView {
    return { maxSize: this.maxSize, files: this.#table.view() };
  }

  // What the user does.

  offer(files: File[], to: string | null): void {
    for (const file of files) {
      for (const { id, name } of this.host.people()) {
        if (to !== null && to !== id) continue;
        const out = { file, sent: 0, acked: 0, reading: false, hash: sha256.create(), underWay: [] };
        const transfer = this.#table.add(this.#nextId++, id, name, { out, in: null });
        if (!transfer) return;
        Object.assign(transfer, { name: safeName(file.name), size: file.size, mediaType: safeMediaType(file.type) });
        this.#table.send(id, offerOf(transfer));
      }
    }
  }

  accept(key: number): void {
    const transfer = this.#table.find(key);
    if (!transfer?.in || transfer.state !== "offered") return;
    const { id, peer, in: come } = transfer;
    this.#table.set(transfer, "preparing");
    openSink(transfer.size).then(
      (sink) => {
        if (transfer.state !== "preparing") return sink.abandon();
        come.sink = sink;
        this.#table.set(transfer, "moving");
        const line = this.#table.lines.get(peer);
        if (line) line.stray = 0;
        this.#table.send(peer, { type: "accept", id, offset: 0 });
      },
      (reason: FileEnd) => this.#table.end(transfer, reason, true),
    );
  }

  decline(key: number): void {
    const transfer = this.#table.find(key);
    if (!transfer?.in || transfer.state !== "offered") return;
    this.#table.set(transfer, "declined");
    this.#table.send(transfer.peer, { type: "decline", id: transfer.id });
  }

  cancel(key: number): void {
    const transfer = this.#table.find(key);
    if (transfer) this.#table.end(transfer, "cancelled", true);
  }

  // What happens.

  on(from: string, event: DataEvent): void {
    const line = this.#table.line(from);
    switch (event.type) {
      case "open":
        this.#opened(from, line);
        break;
      case "closed":
        line.open = false;
        this.#interrupt(from);
        break;
      case "text": {
        if (!line.open) return;
        const message = read(event.text);
        if (message) this.#message(from, message);
        else this.#table.stray(from, event.text.length);
        break;
      }
      case "binary":
        if (line.open) this.#pieces.piece(from, event.bytes);
        break;
    }
  }

  /** What sound and picture leave of the way to this participant, bytes a second; `null`: they have all they want. */
  setBudget(id: string, budget: number | null): void {
    const line = this.#table.line(id);
    if (line.budget === budget) return;
    line.budget = budget;
    const budgets = [...this.#table.lines.values()].flatMap((each) => each.budget ?? []);
    const least = budgets.length > 0 ? Math.min(...budgets) : null;
    for (const [peer, each] of this.#table.lines) {
      each.pace.setBudget(least);
      this.#pieces.pump(peer);
    }
  }

  left(id: string, why: "peerLeft" | "cancelled" = "peerLeft"): void {
    for (const each of this.#table.of(id)) this.#table.end(each, why, false);
    clearTimeout(this.#table.lines.get(id)?.timer);
    this.#table.lines.delete(id);
  }

  leave(): void {
    for (const id of [...this.#table.lines.keys()]) this.left(id);
    for (const each of this.#table.transfers) this.#table.end(each, "peerLeft", false);
    if (this.#table.transfers.length > 0) this.#table.change();
    this.#table.transfers = [];
  }

  close(): void {
    this.leave();
    clearInterval(this.#look);
  }

  #opened(from: string, line: Line): void {
    this.#interrupt(from);
    const budget = [...this.#table.lines.values()].flatMap((each) => each.budget ?? []);
    Object.assign(line, { open: true, stray: 0, pace: new Pace() });
    if (budget.length > 0) line.pace.setBudget(Math.min(...budget));
    for (const each of this.#table.of(from)) {
      if (!each.out) continue;
      if (each.state === "offered") {
        each.since = performance.now();
        this.#table.send(from, offerOf(each));
      } else if (each.state === "interrupted") this.#table.send(from, { type: "resume", id: each.id });
    }
  }

  #interrupt(from: string): void {
    for (const each of this.#table.of(from)) {
      if (!UNDER_WAY.includes(each.state)) continue;
      each.pass += 1;
      each.state = "interrupted";
      if (each.out) each.out.underWay = [];
    }
    this.#table.change();
  }

  #message(from: string, message: FileMessage): void {
    const { id } = message;
    const theirs = this.#table.theirs(from, id);
    const ours = this.#table.ours(from, id);
    switch (message.type) {
      case "offer":
        return this.#offered(from, message);
      case "resume":
        return this.#resumed(from, id, theirs);
      case "end":
        if (!theirs?.in || !UNDER_WAY.includes(theirs.state)) return;
        if (theirs.in.received !== theirs.size) return this.#table.end(theirs, "brokeRules", true);
        theirs.in.sha256 ??= message.sha256.toLowerCase();
        this.#table.set(theirs, "checking");
        return this.#pieces.finish(theirs);
      case "withdraw":
        if (theirs) this.#table.end(theirs, message.reason, false);
        return;
      case "accept":
        if (ours) void this.#pieces.accepted(ours, message.offset);
        return;
      case "decline":
        if (ours?.state === "offered") this.#table.set(ours, "declined");
        return;
      case "ack":
        if (ours) this.#pieces.acked(ours, message.offset);
        return;
      case "saved":
        if (!ours?.out || !UNDER_WAY.includes(ours.state)) return;
        ours.out.acked = ours.size;
        this.#table.set(ours, "done");
        return this.#pieces.pump(from);
      case "stop":
        if (ours) this.#table.end(ours, message.reason, false);
    }
  }

  #offered(from: string, message: Extract<FileMessage, { type: "offer" }>): void {
    // Each costs a little, also one that is declined.
    this.#table.stray(from, 0);
    const { id, size } = message;
    const person = this.host.people().find((each) => each.id === from);
    if (!person || this.#table.theirs(from, id)) return;
    const open = this.#table.of(from).filter((each) => each.in && each.state === "offered").length;
    const come = { sink: null, received: 0, written: 0, hash: sha256.create(), sha256: null };
    const transfer = open >= MAX_OFFERS ? null : this.#table.add(id, from, person.name, { out: null, in: come });
    if (!transfer) return this.#table.send(from, { type: "stop", id, reason: "tooMany" });
    const [name, mediaType] = [safeName(message.name), safeMediaType(message.mediaType)];
    Object.assign(transfer, { name, size, mediaType });
    if (size > this.maxSize) return this.#table.end(transfer, "tooLarge", true);
    this.host.notified({ type: "fileOffered", name: person.name, file: name });
  }

  #resumed(from: string, id: number, theirs: Transfer | undefined): void {
    if (theirs?.state === "done") return this.#table.send(from, { type: "saved", id });
    if (theirs?.state === "preparing") return;
    if (theirs?.state === "declined") return this.#table.send(from, { type: "decline", id });
    if (!theirs?.in || !UNDER_WAY.includes(theirs.state)) {
      return this.#table.send(from, { type: "stop", id, reason: theirs?.end ?? "unknown" });
    }
    this.#table.set(theirs, "moving");
    this.#table.send(from, { type: "accept", id, offset: theirs.in.received });
  }

  #late(): void {
    const now = performance.now();
    for (const each of this.#table.transfers) {
      if (!each.out) continue;
      const oldest = each.out.underWay[0];
      if (each.state === "moving" && oldest && now - oldest.at > STALLED_MS) this.#table.end(each, "stalled", true);
      const open = this.#table.lines.get(each.peer)?.open ?? false;
      if (each.state === "offered" && !open && now - each.since > NO_CHANNEL_MS)
        this.#table.end(each, "noChannel", true);
    }
  }
}

function offerOf({ id, name, size, mediaType }: Transfer): FileMessage {
  return { type: "offer", id, name, size, mediaType };
}

const ENDS: FileEnd[] = [
  ...(["cancelled", "tooLarge", "tooMany", "diskFull", "cannotWrite", "cannotRead", "changed"] as const),
  ...(["wrongHash", "brokeRules", "stalled", "peerLeft", "noChannel"] as const),
];

/** `null`: no message, or one of a later version. */
export function read(text: string): FileMessage | null {
  if (text.length > MAX_FILE_TEXT) return null;
  let value: Record<string, unknown>;
  try {
    value = Object(JSON.parse(text)) as typeof value;
  } catch {
    return null;
  }
  const { type, id, name, size, mediaType, offset, sha256: hash, reason } = value;
  const count = (number: unknown): number is number => Number.isSafeInteger(number) && (number as number) >= 0;
  if (!count(id) || id > 0xffffffff) return null;
  switch (type) {
    case "offer":
      if (typeof name !== "string" || typeof mediaType !== "string" || !count(size)) return null;
      return { type, id, name, size, mediaType };
    case "accept":
    case "ack":
      return count(offset) ? { type, id, offset } : null;
    case "end":
      return typeof hash === "string" && /^[0-9a-f]{64}$/i.test(hash) ? { type, id, sha256: hash } : null;
    case "withdraw":
    case "stop":
      return { type, id, reason: ENDS.find((each) => each === reason) ?? "unknown" };
    case "resume":
    case "decline":
    case "saved":
      return { type, id };
    default:
      return null;
  }
}
