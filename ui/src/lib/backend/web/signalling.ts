/**
 * Our seat in a room: one WebSocket, made again when it breaks. Messages of the server become calls of `Seat`; nothing is
 * kept for a server that is away, peers begin again without an answer.
 */
import {
  HEARTBEAT_SECONDS,
  PATH,
  PROTOCOL_VERSION,
  type ClientMessage,
  type Entry,
  type MediaState,
  type Refusal,
  type ServerMessage,
} from "../../protocol/signal";
import type { Link } from "./link";
import { parse } from "./shape";

const DELAYS_MS = [0, 300, 1200, 2700, 4800];
const LAST_DELAY_MS = 7000;
const GIVE_UP_MS = 60_000;
/** Attempts before a seat was ever held: somebody waits for an answer. */
const FIRST_ATTEMPTS = 3;
/** So long without a word counts as gone. */
const SILENCE_MS = 3 * HEARTBEAT_SECONDS * 1000;

export interface Seat {
  message(message: ServerMessage): void;
  /** The server is away, and tried again. */
  away(): void;
  /** There will be no more. */
  closed(reason: Refusal | "unreachable" | "lost"): void;
}

export class Signalling {
  #socket: WebSocket | null = null;
  #resume: string | undefined;
  #attempt = 0;
  #lostAt: number | null = null;
  #held = false;
  #ended = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #ping: ReturnType<typeof setInterval> | undefined;
  #heard = 0;

  constructor(
    private readonly link: Link,
    private name: string,
    private media: MediaState,
    private readonly entry: Entry,
    private readonly seat: Seat,
  ) {}

  connect(): void {
    const socket = new WebSocket(`${this.link.origin.replace(/^http/, "ws")}${PATH}`);
    this.#socket = socket;
    socket.onopen = () => {
      this.#heard = performance.now();
      const { name, media, entry } = this;
      const { room } = this.link;
      const join: ClientMessage = { type: "join", version: PROTOCOL_VERSION, room, name, media, entry };
      this.tell(this.#resume === undefined ? join : { ...join, resume: this.#resume });
      clearInterval(this.#ping);
      this.#ping = setInterval(() => this.#beat(socket), HEARTBEAT_SECONDS * 1000);
    };
    socket.onmessage = ({ data }: MessageEvent<unknown>) => socket === this.#socket && this.#receive(data);
    socket.onclose = () => socket === this.#socket && this.#broken();
  }

  setMedia(media: MediaState): void {
    this.media = media;
    this.tell({ type: "setMedia", media });
  }

  /** Also what we come back under. */
  setName(name: string): void {
    this.name = name;
    this.tell({ type: "setName", name });
  }

  /** `false`: the server is away, and it is lost. */
  tell(message: ClientMessage): boolean {
    const open = this.#socket?.readyState === WebSocket.OPEN;
    if (open) this.#socket?.send(JSON.stringify(message));
    return open;
  }

  /** The user is impatient. */
  hurry(): void {
    if (this.#ended || this.#socket?.readyState === WebSocket.OPEN) return;
    this.#attempt = 0;
    clearTimeout(this.#retry);
    this.connect();
  }

  leave(): void {
    this.tell({ type: "leave" });
    this.#end();
  }

  #beat(socket: WebSocket): void {
    if (performance.now() - this.#heard > SILENCE_MS) {
      // Its own end may take minutes.
      socket.onclose = null;
      socket.close();
      this.#broken();
    } else this.tell({ type: "ping" });
  }

  #receive(data: unknown): void {
    this.#heard = performance.now();
    const message = parse(data);
    if (message === null) return;
    switch (message.type) {
      case "token":
        this.#resume = message.resume;
        this.seat.message(message);
        break;
      case "joined":
      case "waiting":
        this.#resume = message.resume;
        this.#held = true;
        this.#attempt = 0;
        this.#lostAt = null;
        this.seat.message(message);
        // What was switched while the join was under way.
        this.setMedia(this.media);
        break;
      case "refused":
        this.#end();
        this.seat.closed(message.reason);
        break;
      case "pong":
        break;
      default:
        this.seat.message(message);
    }
  }

  #broken(): void {
    clearInterval(this.#ping);
    if (this.#ended) return;
    const now = performance.now();
    this.#lostAt ??= now;
    const over = this.#held ? now - this.#lostAt >= GIVE_UP_MS : this.#attempt >= FIRST_ATTEMPTS;
    if (over) {
      this.#end();
      this.seat.closed(this.#held ? "lost" : "unreachable");
      return;
    }
    if (this.#held) this.seat.away();
    const delay = DELAYS_MS[this.#attempt] ?? LAST_DELAY_MS;
    this.#attempt += 1;
    const left = this.#held ? GIVE_UP_MS - (now - this.#lostAt) : delay;
    this.#retry = setTimeout(() => this.connect(), Math.min(delay, left));
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#retry);
    clearInterval(this.#ping);
    this.#socket?.close();
  }
}
