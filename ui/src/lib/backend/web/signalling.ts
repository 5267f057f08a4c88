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

const DELAYS_MS = [0, 300, 1200];
/** After those, for a minute. */
const DELAY_MS = 2500;
const SOON_MS = 60_000;
/** After that minute. */
const LAST_DELAY_MS = 7000;
/** Where sound and picture do not come through either, it is not the server that is away, and nobody crowds at it. */
const OURS_MS = 1000;
/** For who hears nobody: sound and picture need no server. */
const GIVE_UP_MS = 60_000;
/** How long opening may take, and how long where it is the network that has to come back. */
const OPEN_MS = 8000;
const OPEN_OURS_MS = 2000;
/** How long the server may take to answer once nothing comes from a peer any more. */
const DOUBT_MS = 2000;
/** Attempts before a seat was ever held: somebody waits for an answer. */
const FIRST_ATTEMPTS = 3;
const GOES_ON = new Set<Refusal>(["roomNotFound", "tooManyRequests"]);
/** So long without a word counts as gone. */
const SILENCE_MS = 3 * HEARTBEAT_SECONDS * 1000;

export interface Seat {
  message(message: ServerMessage): void;
  /** The server is away, and tried again. */
  away(): void;
  /** Sound and picture of somebody come. */
  hears(): boolean;
  /** There will be no more. */
  closed(reason: Refusal | "unreachable" | "lost"): void;
}

export class Signalling {
  #socket: WebSocket | null = null;
  #resume: string | undefined;
  #attempt = 0;
  #lostAt: number | null = null;
  #held = false;
  /** In the room, not before its door. */
  #seated = false;
  /** The connection of now has its seat. */
  #joined = false;
  /** Until the next success it is the network that is away. */
  #ours = false;
  #ended = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #opening: ReturnType<typeof setTimeout> | undefined;
  #doubted: ReturnType<typeof setTimeout> | undefined;
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
    this.#joined = false;
    this.#opening = setTimeout(() => this.#giveUp(socket), this.#ours ? OPEN_OURS_MS : OPEN_MS);
    socket.onopen = () => {
      clearTimeout(this.#opening);
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

  /** `false`: the server is away, and it is lost. What is said in chat waits for no seat: what has arrived must be known. */
  tell(message: ClientMessage): boolean {
    const open = this.#socket?.readyState === WebSocket.OPEN && (this.#joined || message.type !== "chat");
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

  /** A peer has fallen silent, or the network has changed: perhaps the server is out of reach too. */
  doubt(): void {
    const socket = this.#socket;
    if (this.#ended || !this.#held || socket === null) return;
    if (socket.readyState === WebSocket.OPEN) {
      if (this.#doubted !== undefined) return;
      this.tell({ type: "ping" });
      this.#doubted = setTimeout(() => {
        this.#ours = true;
        this.#giveUp(socket);
      }, DOUBT_MS);
    } else {
      this.#ours = true;
      if (socket.readyState === WebSocket.CONNECTING) return;
      this.#attempt = 0;
      clearTimeout(this.#retry);
      this.connect();
    }
  }

  leave(): void {
    this.tell({ type: "leave" });
    this.#end();
  }

  #beat(socket: WebSocket): void {
    if (performance.now() - this.#heard > SILENCE_MS) this.#giveUp(socket);
    else this.tell({ type: "ping" });
  }

  /** Its own end may take minutes. */
  #giveUp(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    socket.onclose = null;
    socket.close();
    this.#broken();
  }

  #receive(data: unknown): void {
    this.#heard = performance.now();
    this.#certain();
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
        this.#held = this.#joined = true;
        this.#seated = message.type === "joined";
        this.#ours = false;
        this.#attempt = 0;
        this.#lostAt = null;
        this.seat.message(message);
        // What was switched while the join was under way.
        this.setMedia(this.media);
        break;
      case "refused":
        // A server that has begun anew knows no room of before until its owner comes, and one that many come back to at once has
        // no time: who is in the call goes on without it.
        if (this.#seated && !this.#joined && GOES_ON.has(message.reason)) {
          if (this.#socket) this.#giveUp(this.#socket);
          break;
        }
        this.#end();
        this.seat.closed(message.reason);
        break;
      case "pong":
        break;
      default:
        this.seat.message(message);
    }
  }

  #certain(): void {
    clearTimeout(this.#doubted);
    this.#doubted = undefined;
  }

  #broken(): void {
    clearInterval(this.#ping);
    clearTimeout(this.#opening);
    this.#certain();
    if (this.#ended) return;
    const now = performance.now();
    this.#lostAt ??= now;
    const away = now - this.#lostAt;
    const over = this.#held ? away >= GIVE_UP_MS && !this.seat.hears() : this.#attempt >= FIRST_ATTEMPTS;
    if (over) {
      this.#end();
      this.seat.closed(this.#held ? "lost" : "unreachable");
      return;
    }
    if (this.#held) this.seat.away();
    const delay = DELAYS_MS[this.#attempt] ?? (away < SOON_MS ? DELAY_MS : LAST_DELAY_MS);
    this.#attempt += 1;
    this.#retry = setTimeout(() => this.connect(), this.#ours ? Math.min(delay, OURS_MS) : delay);
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#opening);
    this.#certain();
    clearInterval(this.#ping);
    this.#socket?.close();
  }
}
