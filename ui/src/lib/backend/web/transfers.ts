/**
 * The table of the files offered to and by the others, and the lines they go over: what each is, what state it is in, how
 * it ends. At most `MAX_SHOWN` in all. Who may do what with them is in `files`, how their bytes move in `pieces`.
 */
import type { sha256 } from "@noble/hashes/sha2.js";

import { MAX_WINDOW, type FileMessage } from "../../protocol/signal";
import type { FileEnd, FileState, FileView, Notification } from "..";
import { Pace } from "./pace";
import type { Sink } from "./store";

const MAX_SHOWN = 100;
/** Bytes that nobody asked for; more of them break the rules. */
const MAX_STRAY = 4 * MAX_WINDOW;
const PROGRESS_MS = 200;

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
export type Transfer = {
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
export type Line = {
  open: boolean;
  pace: Pace;
  budget: number | null;
  stray: number;
  timer?: ReturnType<typeof setTimeout>;
};

export const UNDER_WAY: FileState[] = ["queued", "moving", "interrupted", "checking"];
export const OVER: FileState[] = ["done", "declined", "ended"];

export class Transfers {
  transfers: Transfer[] = [];
  readonly lines = new Map<string, Line>();
  #nextKey = 1;
  #progress: ReturnType<typeof setTimeout> | undefined;
  #changed = false;

  constructor(
    private readonly host: FilesHost,
    /** Something ended; the next to this participant may start. */
    private readonly pump: (peer: string) => void,
  ) {}

  /** Whether anything has changed since this was asked last. */
  takeChanged(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  view(): FileView[] {
    const people = new Map(this.host.people().map((each) => [each.id, each]));
    return this.transfers.map((each) => shown(each, people.get(each.peer)));
  }

  find(key: number): Transfer | undefined {
    return this.transfers.find((each) => each.key === key);
  }

  of(peer: string): Transfer[] {
    return this.transfers.filter((each) => each.peer === peer && !OVER.includes(each.state));
  }

  line(id: string): Line {
    let line = this.lines.get(id);
    if (!line) this.lines.set(id, (line = { open: false, pace: new Pace(), budget: null, stray: 0 }));
    return line;
  }

  add(id: number, peer: string, person: string, way: Pick<Transfer, "in" | "out">): Transfer | null {
    if (this.transfers.length >= MAX_SHOWN) {
      const at = this.transfers.findIndex(({ state }) => OVER.includes(state));
      if (at < 0) return null;
      this.transfers.splice(at, 1);
    }
    const transfer: Transfer = {
      ...{ key: this.#nextKey++, id, peer, person, name: "", size: 0, mediaType: "", pass: 0 },
      ...{ state: "offered", since: performance.now(), savedAs: null, end: null, ...way },
    };
    this.transfers.push(transfer);
    this.change();
    return transfer;
  }

  set(transfer: Transfer, state: FileState): void {
    transfer.state = state;
    transfer.since = performance.now();
    this.change();
  }

  end(transfer: Transfer, reason: FileEnd, tell: boolean): void {
    if (OVER.includes(transfer.state)) return;
    transfer.pass += 1;
    transfer.end = reason;
    transfer.in?.sink?.abandon();
    this.set(transfer, "ended");
    if (tell) this.send(transfer.peer, { type: transfer.out ? "withdraw" : "stop", id: transfer.id, reason });
    this.pump(transfer.peer);
  }

  send(to: string, message: FileMessage): void {
    if (this.lines.get(to)?.open) this.host.send(to, JSON.stringify(message));
  }

  /** Nothing of ours: tolerated up to a point. */
  stray(from: string, bytes: number): void {
    const line = this.line(from);
    line.stray += bytes + 256;
    if (line.stray > MAX_STRAY) this.breakOff(from);
  }

  breakOff(from: string): void {
    for (const each of this.of(from)) this.end(each, "brokeRules", true);
    this.line(from).open = false;
    this.host.close(from);
  }

  theirs(from: string, id: number): Transfer | undefined {
    return this.transfers.findLast((each) => each.peer === from && each.id === id && each.in);
  }

  ours(to: string, id: number): Transfer | undefined {
    return this.transfers.find((each) => each.peer === to && each.id === id && each.out);
  }

  change(): void {
    this.#changed = true;
    this.host.changed();
  }

  moved(): void {
    this.#progress ??= setTimeout(() => {
      this.#progress = undefined;
      this.change();
    }, PROGRESS_MS);
  }
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
