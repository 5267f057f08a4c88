/**
 * Files between this browser and the others, with the rules of `call::files` in Rust: offers, answers, what moves. One at a
 * time to a participant, at most `MAX_SHOWN` in all, `MAX_OFFERS` unanswered ones of each, `MAX_WINDOW` bytes under way.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import { MAX_FILE_TEXT, MAX_PIECE, MAX_WINDOW, MIN_PIECE, PIECE_HEAD, type FileMessage } from "../../protocol/signal";
import type { FileEnd, FileState, FilesView, FileView, Notification } from "..";
import type { DataEvent } from "./data";
import { safeMediaType, safeName } from "./filename";
import { Pace } from "./pace";
import { maxSize, openSink, type Sink } from "./store";

const MAX_SHOWN = 100;
const MAX_OFFERS = 10;
/** Bytes that nobody asked for; more of them break the rules. */
const MAX_STRAY = 4 * MAX_WINDOW;
const STALLED_MS = 90_000;
const NO_CHANNEL_MS = 30_000;
const PROGRESS_MS = 200;
const HASH_PIECE = 1024 * 1024;

export type FilesHost = {
  /** Who is there. */
  people(): { id: string; name: string; connected: boolean }[];
  send(to: string, data: string | Uint8Array<ArrayBuffer>): void;
  /** Nothing more over this connection. */
  close(to: string): void;
  changed(): void;
  notified(notification: Notification): void;
};

type Outgoing = {
  file: File;
  sent: number;
  acked: number;
  reading: boolean;
  hash: ReturnType<typeof sha256.create>;
  underWay: { end: number; bytes: number; at: number }[];
};
type Incoming = { sink: Sink | null; received: number; written: number; hash: Outgoing["hash"]; sha256: string | null };
type Transfer = {
  key: number;
  id: number;
  peer: string;
  person: string;
  name: string;
  size: number;
  mediaType: string;
  state: FileState;
  since: number;
  savedAs: string | null;
  end: FileEnd | null;
  /** Counts what makes earlier work on it void: a reconnect, an end. */
  pass: number;
  out: Outgoing | null;
  in: Incoming | null;
};
type Line = { open: boolean; pace: Pace; budget: number | null; stray: number; timer?: ReturnType<typeof setTimeout> };

const UNDER_WAY: FileState[] = ["queued", "moving", "interrupted", "checking"];
const OVER: FileState[] = ["done", "declined", "ended"];

export class Files {
  readonly maxSize = maxSize();
  #transfers: Transfer[] = [];
  #lines = new Map<string, Line>();
  #nextKey = 1;
  #nextId = 1;
  #progress: ReturnType<typeof setTimeout> | undefined;
  #changed = false;
  readonly #look: ReturnType<typeof setInterval>;

  constructor(private readonly host: FilesHost) {
    this.#look = setInterval(() => this.#late(), 1000);
  }

  /** `null`: nothing has changed since it was taken last. */
  take(): FilesView | null {
    if (!this.#changed) return null;
    this.#changed = false;
    return this.view();
  }

  view(): FilesView {
    const people = new Map(this.host.people().map((each) => [each.id, each]));
    return {
      maxSize: this.maxSize,
      files: this.#transfers.map((each) => shown(each, people.get(each.peer))),
    };
  }

  // What the user does.

  offer(files: File[], to: string | null): void {
    for (const file of files) {
      for (const { id, name } of this.host.people()) {
        if (to !== null && to !== id) continue;
        const out = { file, sent: 0, acked: 0, reading: false, hash: sha256.create(), underWay: [] };
        const transfer = this.#add(this.#nextId++, id, name, { out, in: null });
        if (!transfer) return;
        Object.assign(transfer, { name: safeName(file.name), size: file.size, mediaType: safeMediaType(file.type) });
        this.#send(id, offerOf(transfer));
      }
    }
  }

  accept(key: number): void {
    const transfer = this.#find(key);
    if (!transfer?.in || transfer.state !== "offered") return;
    const { id, peer, in: come } = transfer;
    this.#set(transfer, "preparing");
    openSink(transfer.size).then(
      (sink) => {
        if (transfer.state !== "preparing") return sink.abandon();
        come.sink = sink;
        this.#set(transfer, "moving");
        const line = this.#lines.get(peer);
        if (line) line.stray = 0;
        this.#send(peer, { type: "accept", id, offset: 0 });
      },
      (reason: FileEnd) => this.#end(transfer, reason, true),
    );
  }

  decline(key: number): void {
    const transfer = this.#find(key);
    if (!transfer?.in || transfer.state !== "offered") return;
    this.#set(transfer, "declined");
    this.#send(transfer.peer, { type: "decline", id: transfer.id });
  }

  cancel(key: number): void {
    const transfer = this.#find(key);
    if (transfer) this.#end(transfer, "cancelled", true);
  }

  // What happens.

  on(from: string, event: DataEvent): void {
    const line = this.#line(from);
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
        else this.#stray(from, event.text.length);
        break;
      }
      case "binary":
        if (line.open) this.#piece(from, event.bytes);
        break;
    }
  }

  /** What sound and picture leave of the way to this participant, bytes a second; `null`: they have all they want. */
  setBudget(id: string, budget: number | null): void {
    const line = this.#line(id);
    if (line.budget === budget) return;
    line.budget = budget;
    const budgets = [...this.#lines.values()].flatMap((each) => each.budget ?? []);
    const least = budgets.length > 0 ? Math.min(...budgets) : null;
    for (const [peer, each] of this.#lines) {
      each.pace.setBudget(least);
      this.#pump(peer);
    }
  }

  left(id: string, why: "peerLeft" | "cancelled" = "peerLeft"): void {
    for (const each of this.#of(id)) this.#end(each, why, false);
    clearTimeout(this.#lines.get(id)?.timer);
    this.#lines.delete(id);
  }

  leave(): void {
    for (const id of [...this.#lines.keys()]) this.left(id);
    for (const each of this.#transfers) this.#end(each, "peerLeft", false);
    if (this.#transfers.length > 0) this.#change();
    this.#transfers = [];
  }

  close(): void {
    this.leave();
    clearInterval(this.#look);
  }

  #find(key: number): Transfer | undefined {
    return this.#transfers.find((each) => each.key === key);
  }

  #of(peer: string): Transfer[] {
    return this.#transfers.filter((each) => each.peer === peer && !OVER.includes(each.state));
  }

  #line(id: string): Line {
    let line = this.#lines.get(id);
    if (!line) this.#lines.set(id, (line = { open: false, pace: new Pace(), budget: null, stray: 0 }));
    return line;
  }

  #add(id: number, peer: string, person: string, way: Pick<Transfer, "in" | "out">): Transfer | null {
    if (this.#transfers.length >= MAX_SHOWN) {
      const at = this.#transfers.findIndex(({ state }) => OVER.includes(state));
      if (at < 0) return null;
      this.#transfers.splice(at, 1);
    }
    const transfer: Transfer = {
      ...{ key: this.#nextKey++, id, peer, person, name: "", size: 0, mediaType: "", pass: 0 },
      ...{ state: "offered", since: performance.now(), savedAs: null, end: null, ...way },
    };
    this.#transfers.push(transfer);
    this.#change();
    return transfer;
  }

  #set(transfer: Transfer, state: FileState): void {
    transfer.state = state;
    transfer.since = performance.now();
    this.#change();
  }

  #end(transfer: Transfer, reason: FileEnd, tell: boolean): void {
    if (OVER.includes(transfer.state)) return;
    transfer.pass += 1;
    transfer.end = reason;
    transfer.in?.sink?.abandon();
    this.#set(transfer, "ended");
    if (tell) this.#send(transfer.peer, { type: transfer.out ? "withdraw" : "stop", id: transfer.id, reason });
    this.#pump(transfer.peer);
  }

  #send(to: string, message: FileMessage): void {
    if (this.#lines.get(to)?.open) this.host.send(to, JSON.stringify(message));
  }

  /** Nothing of ours: tolerated up to a point. */
  #stray(from: string, bytes: number): void {
    const line = this.#line(from);
    line.stray += bytes + 256;
    if (line.stray > MAX_STRAY) this.#breakOff(from);
  }

  #breakOff(from: string): void {
    for (const each of this.#of(from)) this.#end(each, "brokeRules", true);
    this.#line(from).open = false;
    this.host.close(from);
  }

  #opened(from: string, line: Line): void {
    this.#interrupt(from);
    const budget = [...this.#lines.values()].flatMap((each) => each.budget ?? []);
    Object.assign(line, { open: true, stray: 0, pace: new Pace() });
    if (budget.length > 0) line.pace.setBudget(Math.min(...budget));
    for (const each of this.#of(from)) {
      if (!each.out) continue;
      if (each.state === "offered") {
        each.since = performance.now();
        this.#send(from, offerOf(each));
      } else if (each.state === "interrupted") this.#send(from, { type: "resume", id: each.id });
    }
  }

  #interrupt(from: string): void {
    for (const each of this.#of(from)) {
      if (!UNDER_WAY.includes(each.state)) continue;
      each.pass += 1;
      each.state = "interrupted";
      if (each.out) each.out.underWay = [];
    }
    this.#change();
  }

  #theirs(from: string, id: number): Transfer | undefined {
    return this.#transfers.findLast((each) => each.peer === from && each.id === id && each.in);
  }

  #ours(to: string, id: number): Transfer | undefined {
    return this.#transfers.find((each) => each.peer === to && each.id === id && each.out);
  }

  #message(from: string, message: FileMessage): void {
    const { id } = message;
    const theirs = this.#theirs(from, id);
    const ours = this.#ours(from, id);
    switch (message.type) {
      case "offer":
        return this.#offered(from, message);
      case "resume":
        return this.#resumed(from, id, theirs);
      case "end":
        if (!theirs?.in || !UNDER_WAY.includes(theirs.state)) return;
        if (theirs.in.received !== theirs.size) return this.#end(theirs, "brokeRules", true);
        theirs.in.sha256 ??= message.sha256.toLowerCase();
        this.#set(theirs, "checking");
        return this.#finish(theirs);
      case "withdraw":
        if (theirs) this.#end(theirs, message.reason, false);
        return;
      case "accept":
        if (ours) void this.#accepted(ours, message.offset);
        return;
      case "decline":
        if (ours?.state === "offered") this.#set(ours, "declined");
        return;
      case "ack":
        if (ours) this.#acked(ours, message.offset);
        return;
      case "saved":
        if (!ours?.out || !UNDER_WAY.includes(ours.state)) return;
        ours.out.acked = ours.size;
        this.#set(ours, "done");
        return this.#pump(from);
      case "stop":
        if (ours) this.#end(ours, message.reason, false);
    }
  }

  #offered(from: string, message: Extract<FileMessage, { type: "offer" }>): void {
    // Each costs a little, also one that is declined.
    this.#stray(from, 0);
    const { id, size } = message;
    const person = this.host.people().find((each) => each.id === from);
    if (!person || this.#theirs(from, id)) return;
    const open = this.#of(from).filter((each) => each.in && each.state === "offered").length;
    const come = { sink: null, received: 0, written: 0, hash: sha256.create(), sha256: null };
    const transfer = open >= MAX_OFFERS ? null : this.#add(id, from, person.name, { out: null, in: come });
    if (!transfer) return this.#send(from, { type: "stop", id, reason: "tooMany" });
    const [name, mediaType] = [safeName(message.name), safeMediaType(message.mediaType)];
    Object.assign(transfer, { name, size, mediaType });
    if (size > this.maxSize) return this.#end(transfer, "tooLarge", true);
    this.host.notified({ type: "fileOffered", name: person.name, file: name });
  }

  #resumed(from: string, id: number, theirs: Transfer | undefined): void {
    if (theirs?.state === "done") return this.#send(from, { type: "saved", id });
    if (theirs?.state === "preparing") return;
    if (theirs?.state === "declined") return this.#send(from, { type: "decline", id });
    if (!theirs?.in || !UNDER_WAY.includes(theirs.state)) {
      return this.#send(from, { type: "stop", id, reason: theirs?.end ?? "unknown" });
    }
    this.#set(theirs, "moving");
    this.#send(from, { type: "accept", id, offset: theirs.in.received });
  }

  /** From the beginning, or after a reconnect from somewhere; then the hash is of all before it. */
  async #accepted(ours: Transfer, offset: number): Promise<void> {
    const { out } = ours;
    const fresh = ours.state === "offered";
    if (!out || (!fresh && ours.state !== "interrupted")) return;
    if (offset > ours.size || (fresh && offset > 0)) return this.#end(ours, "brokeRules", true);
    const pass = ++ours.pass;
    this.#set(ours, "queued");
    const hash = sha256.create();
    try {
      for (let at = 0; at < offset; at += HASH_PIECE) {
        hash.update(await bytesOf(out.file, at, Math.min(offset, at + HASH_PIECE)));
      }
    } catch {
      if (pass === ours.pass) this.#end(ours, "changed", true);
      return;
    }
    if (pass !== ours.pass) return;
    Object.assign(out, { sent: offset, acked: offset, underWay: [], reading: false, hash });
    this.#pump(ours.peer);
  }

  #acked(ours: Transfer, offset: number): void {
    const { out } = ours;
    if (!out || ours.state !== "moving") return;
    if (offset > out.sent) return this.#end(ours, "brokeRules", true);
    const now = performance.now();
    const pace = this.#line(ours.peer).pace;
    for (let first = out.underWay[0]; first && first.end <= offset; first = out.underWay[0]) {
      out.underWay.shift();
      out.acked = first.end;
      pace.acked(first.bytes, now - first.at, now);
    }
    this.#moved();
    this.#pump(ours.peer);
  }

  #piece(from: string, data: ArrayBuffer): void {
    const length = data.byteLength - PIECE_HEAD;
    if (length < 1 || length > MAX_PIECE) return this.#breakOff(from);
    const head = new DataView(data);
    const offset = Number(head.getBigUint64(4));
    const transfer = this.#theirs(from, head.getUint32(0));
    if (!transfer?.in?.sink || transfer.state !== "moving") return this.#stray(from, data.byteLength);
    const { in: come, size } = transfer;
    const end = offset + length;
    // Of all their files together, what is not kept yet.
    const waiting = this.#of(from).reduce((sum, each) => sum + (each.in ? each.in.received - each.in.written : 0), 0);
    const small = length < MIN_PIECE && end !== size;
    if (offset !== come.received || end > size || small || waiting + length > 2 * MAX_WINDOW) {
      return this.#end(transfer, "brokeRules", true);
    }
    come.received = end;
    const bytes = new Uint8Array(data, PIECE_HEAD);
    come.hash.update(bytes);
    come.sink?.write(bytes).then(
      () => {
        come.written += length;
        if (OVER.includes(transfer.state)) return;
        if (transfer.state === "moving") this.#send(from, { type: "ack", id: transfer.id, offset: come.written });
        this.#moved();
        this.#finish(transfer);
      },
      (error: unknown) => this.#end(transfer, full(error) ? "diskFull" : "cannotWrite", true),
    );
  }

  /** As soon as all of it is kept and its hash is known. */
  #finish(transfer: Transfer): void {
    const { in: come, id, peer, person, name } = transfer;
    const sink = come?.sink;
    if (!come || !sink || come.sha256 === null || come.written !== transfer.size || transfer.state !== "checking")
      return;
    if (bytesToHex(come.hash.clone().digest()) !== come.sha256) return this.#end(transfer, "wrongHash", true);
    // Once.
    come.sink = null;
    sink.save(name).then(
      () => {
        transfer.savedAs = name;
        this.#set(transfer, "done");
        this.#send(peer, { type: "saved", id });
        this.host.notified({ type: "fileSaved", name: person, file: name });
      },
      (error: unknown) => this.#end(transfer, full(error) ? "diskFull" : "cannotWrite", true),
    );
  }

  /** Starts what may start, and sends what may leave. */
  #pump(peer: string): void {
    const line = this.#lines.get(peer);
    if (!line?.open) return;
    const ours = this.#of(peer).filter((each) => each.out);
    const transfer = ours.find(({ state }) => state === "moving") ?? ours.find(({ state }) => state === "queued");
    const out = transfer?.out;
    if (!transfer || !out || out.reading) return;
    if (transfer.state === "queued") this.#set(transfer, "moving");
    const { id, size } = transfer;
    if (out.sent === size) {
      if (out.underWay.length > 0) return;
      this.#set(transfer, "checking");
      this.#send(peer, { type: "end", id, sha256: bytesToHex(out.hash.clone().digest()) });
      return this.#pump(peer);
    }
    const now = performance.now();
    const inFlight = out.underWay.reduce((sum, { bytes }) => sum + bytes, 0);
    const length = line.pace.piece(inFlight, now);
    if (length === null) {
      const due = line.pace.due(now);
      clearTimeout(line.timer);
      if (due !== null) line.timer = setTimeout(() => this.#pump(peer), due - now + 1);
      return;
    }
    out.reading = true;
    const { pass } = transfer;
    bytesOf(out.file, out.sent, Math.min(size, out.sent + length)).then(
      (bytes) => {
        if (pass !== transfer.pass) return;
        out.reading = false;
        const piece = new Uint8Array(PIECE_HEAD + bytes.length);
        const head = new DataView(piece.buffer);
        head.setUint32(0, id);
        head.setBigUint64(4, BigInt(out.sent));
        piece.set(bytes, PIECE_HEAD);
        out.hash.update(bytes);
        out.sent += bytes.length;
        const at = performance.now();
        out.underWay.push({ end: out.sent, bytes: bytes.length, at });
        line.pace.sent(bytes.length, at);
        this.host.send(peer, piece);
        this.#pump(peer);
      },
      // It was deleted or written to since it was picked.
      () => pass === transfer.pass && this.#end(transfer, "changed", true),
    );
  }

  #late(): void {
    const now = performance.now();
    for (const each of this.#transfers) {
      if (!each.out) continue;
      const oldest = each.out.underWay[0];
      if (each.state === "moving" && oldest && now - oldest.at > STALLED_MS) this.#end(each, "stalled", true);
      const open = this.#lines.get(each.peer)?.open ?? false;
      if (each.state === "offered" && !open && now - each.since > NO_CHANNEL_MS) this.#end(each, "noChannel", true);
    }
  }

  #change(): void {
    this.#changed = true;
    this.host.changed();
  }

  #moved(): void {
    this.#progress ??= setTimeout(() => {
      this.#progress = undefined;
      this.#change();
    }, PROGRESS_MS);
  }
}

async function bytesOf(file: File, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await file.slice(from, to).arrayBuffer());
  if (bytes.length !== to - from) throw new Error("shorter than it was");
  return bytes;
}

const full = (error: unknown) => error instanceof DOMException && error.name === "QuotaExceededError";

function offerOf({ id, name, size, mediaType }: Transfer): FileMessage {
  return { type: "offer", id, name, size, mediaType };
}

function shown(each: Transfer, person: { name: string; connected: boolean } | undefined): FileView {
  const { key, peer, name, size, mediaType, savedAs, end } = each;
  const broken = ["queued", "moving", "checking"].includes(each.state) && !person?.connected;
  return {
    ...{ key, with: peer, person: person?.name ?? each.person, incoming: each.in !== null, name, size, mediaType },
    state: broken ? "interrupted" : each.in && each.state === "preparing" ? "moving" : each.state,
    ...{ done: each.out?.acked ?? each.in?.written ?? 0, savedAs, end },
  };
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
