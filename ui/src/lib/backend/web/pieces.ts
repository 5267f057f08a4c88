/**
 * How the bytes of files move: read, paced and sent piece by piece to the others, taken from them and kept, and the hash of
 * all of it at both ends. One at a time to a participant, `MAX_WINDOW` bytes under way.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import { MAX_PIECE, MAX_WINDOW, MIN_PIECE, PIECE_HEAD } from "../../protocol/signal";
import { OVER, type FilesHost, type Transfer, type Transfers } from "./transfers";

const HASH_PIECE = 1024 * 1024;

export class Pieces {
  constructor(
    private readonly host: FilesHost,
    private readonly table: Transfers,
  ) {}

  /** From the beginning, or after a reconnect from somewhere; then the hash is of all before it. */
  async accepted(ours: Transfer, offset: number): Promise<void> {
    const { out } = ours;
    const fresh = ours.state === "offered";
    if (!out || (!fresh && ours.state !== "interrupted")) return;
    if (offset > ours.size || (fresh && offset > 0)) return this.table.end(ours, "brokeRules", true);
    const pass = ++ours.pass;
    this.table.set(ours, "queued");
    const hash = sha256.create();
    try {
      for (let at = 0; at < offset; at += HASH_PIECE) {
        hash.update(await bytesOf(out.file, at, Math.min(offset, at + HASH_PIECE)));
      }
    } catch {
      if (pass === ours.pass) this.table.end(ours, "changed", true);
      return;
    }
    if (pass !== ours.pass) return;
    Object.assign(out, { sent: offset, acked: offset, underWay: [], reading: false, hash });
    this.pump(ours.peer);
  }

  acked(ours: Transfer, offset: number): void {
    const { out } = ours;
    if (!out || ours.state !== "moving") return;
    if (offset > out.sent) return this.table.end(ours, "brokeRules", true);
    const now = performance.now();
    const pace = this.table.line(ours.peer).pace;
    for (let first = out.underWay[0]; first && first.end <= offset; first = out.underWay[0]) {
      out.underWay.shift();
      out.acked = first.end;
      pace.acked(first.bytes, now - first.at, now);
    }
    this.table.moved();
    this.pump(ours.peer);
  }

  piece(from: string, data: ArrayBuffer): void {
    const length = data.byteLength - PIECE_HEAD;
    if (length < 1 || length > MAX_PIECE) return this.table.breakOff(from);
    const head = new DataView(data);
    const offset = Number(head.getBigUint64(4));
    const transfer = this.table.theirs(from, head.getUint32(0));
    if (!transfer?.in?.sink || transfer.state !== "moving") return this.table.stray(from, data.byteLength);
    const { in: come, size } = transfer;
    const end = offset + length;
    // Of all their files together, what is not kept yet.
    const waiting = this.table
      .of(from)
      .reduce((sum, each) => sum + (each.in ? each.in.received - each.in.written : 0), 0);
    const small = length < MIN_PIECE && end !== size;
    if (offset !== come.received || end > size || small || waiting + length > 2 * MAX_WINDOW) {
      return this.table.end(transfer, "brokeRules", true);
    }
    come.received = end;
    const bytes = new Uint8Array(data, PIECE_HEAD);
    come.hash.update(bytes);
    come.sink?.write(bytes).then(
      () => {
        come.written += length;
        if (OVER.includes(transfer.state)) return;
        if (transfer.state === "moving") this.table.send(from, { type: "ack", id: transfer.id, offset: come.written });
        this.table.moved();
        this.finish(transfer);
      },
      (error: unknown) => this.table.end(transfer, full(error) ? "diskFull" : "cannotWrite", true),
    );
  }

  /** As soon as all of it is kept and its hash is known. */
  finish(transfer: Transfer): void {
    const { in: come, id, peer, person, name } = transfer;
    const sink = come?.sink;
    if (!come || !sink || come.sha256 === null || come.written !== transfer.size || transfer.state !== "checking")
      return;
    if (bytesToHex(come.hash.clone().digest()) !== come.sha256) return this.table.end(transfer, "wrongHash", true);
    // Once.
    come.sink = null;
    sink.save(name).then(
      () => {
        transfer.savedAs = name;
        this.table.set(transfer, "done");
        this.table.send(peer, { type: "saved", id });
        this.host.notified({ type: "fileSaved", name: person, file: name });
      },
      (error: unknown) => this.table.end(transfer, full(error) ? "diskFull" : "cannotWrite", true),
    );
  }

  /** Starts what may start, and sends what may leave. */
  pump(peer: string): void {
    const line = this.table.lines.get(peer);
    if (!line?.open) return;
    const ours = this.table.of(peer).filter((each) => each.out);
    const transfer = ours.find(({ state }) => state === "moving") ?? ours.find(({ state }) => state === "queued");
    const out = transfer?.out;
    if (!transfer || !out || out.reading) return;
    if (transfer.state === "queued") this.table.set(transfer, "moving");
    const { id, size } = transfer;
    if (out.sent === size) {
      if (out.underWay.length > 0) return;
      this.table.set(transfer, "checking");
      this.table.send(peer, { type: "end", id, sha256: bytesToHex(out.hash.clone().digest()) });
      return this.pump(peer);
    }
    const now = performance.now();
    const inFlight = out.underWay.reduce((sum, { bytes }) => sum + bytes, 0);
    const length = line.pace.piece(inFlight, now);
    if (length === null) {
      const due = line.pace.due(now);
      clearTimeout(line.timer);
      if (due !== null) line.timer = setTimeout(() => this.pump(peer), due - now + 1);
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
        this.pump(peer);
      },
      // It was deleted or written to since it was picked.
      () => pass === transfer.pass && this.table.end(transfer, "changed", true),
    );
  }
}

async function bytesOf(file: File, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await file.slice(from, to).arrayBuffer());
  if (bytes.length !== to - from) throw new Error("shorter than it was");
  return bytes;
}

const full = (error: unknown) => error instanceof DOMException && error.name === "QuotaExceededError";
