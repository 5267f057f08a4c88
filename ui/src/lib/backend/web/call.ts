/** A call in a browser: the seat, the people, and what the page is shown of both. One at a time; made anew for each join. */
import {
  MAX_PARTICIPANTS,
  type Entry,
  type IceServer,
  type MediaState,
  type ParticipantInfo,
  type ServerMessage,
} from "../../protocol/signal";
import type { ConnectionState, EndReason, Layout, Notification, ParticipantView, QualityView } from "..";
import { PeerChannel } from "./channel";
import { endOf } from "./end";
import { Files } from "./files";
import { isLocal, type Link } from "./link";
import { watchNetwork } from "./network";
import { Peer, type Tracks } from "./peer";
import { Person } from "./person";
import { filesBudget, figures, NO_FIGURES, qualityOf } from "./quality";
import { Texts } from "./realtime";
import { Room } from "./room";
import { Vouching } from "./identity";
import { deriveKey } from "./seal";
import { Signalling } from "./signalling";
import { cleanName } from "./text";
import type { Trusted } from "./trust";
import { isFull, NOTHING, wantOfTile } from "./want";

const LISTEN_MS = 100;
const MEASURE_MS = 1000;
/** Less than everything is told again after this, as it holds for a while only. */
const WANT_MS = 5000;

export type CallEvents = {
  changed(): void;
  notified(notification: Notification): void;
  heard(): void;
  /** A host switched it off, which is obeyed at once. `by`: their name. */
  switchedOff(kind: "camera" | "microphone", by: string | null): void;
  /** Nothing comes of it any more. */
  ended(reason: EndReason): void;
  tracks(): Tracks;
  /** The user has it on, or wants it to be. */
  wants(kind: "camera" | "microphone"): boolean;
};

export class WebCall {
  id: string | null = null;
  /** We wait before the door of this host. */
  door: { host: string | null } | null = null;
  lost = false;
  quality: QualityView | null = null;
  readonly people = new Map<string, Person>();
  readonly room: Room;
  readonly files = new Files({
    people: () =>
      [...this.people].map(([id, { info, state }]) => ({ id, name: info.name, connected: state === "connected" })),
    send: (to, data) => this.people.get(to)?.peer.send("files", data),
    close: (to) => this.people.get(to)?.peer.closeData("files"),
    changed: () => this.events.changed(),
    notified: (notification) => this.events.notified(notification),
  });
  readonly texts = new Texts({
    nameOf: (id) => (id === "me" ? this.name : (this.people.get(id)?.info.name ?? "")),
    send: (to, text) => this.people.get(to)?.peer.send("text", text),
    changed: () => this.events.changed(),
    notified: (notification) => this.events.notified(notification),
  });
  #signalling: Signalling | null = null;
  #key: CryptoKey | null = null;
  #iceServers: IceServer[] = [];
  #away = false;
  #connectedAt: number | null = null;
  #wants = new Map<string, { width: number; height: number }>();
  #timers: ReturnType<typeof setInterval>[] = [];
  #media: MediaState;
  #sink: string | null = null;
  #unwatch = (): void => undefined;

  constructor(
    private readonly link: Link,
    private name: string,
    media: MediaState,
    private readonly passcode: string,
    private readonly trusted: Trusted,
    private readonly events: CallEvents,
  ) {
    this.#media = media;
    this.room = new Room(deriveKey(link.secret, link.room, "chat"), {
      me: () => (this.id === null ? null : { id: this.id, name: this.name }),
      nameOf: (id) => this.#nameOf(id),
      isOn: (what) => this.events.wants(what),
      tell: (message) => this.#signalling?.tell(message) ?? false,
      notified: (notification) => this.events.notified(notification),
      changed: () => this.events.changed(),
    });
  }

  async join(): Promise<void> {
    this.#key = await deriveKey(this.link.secret, this.link.room);
    const entry: Entry = {
      ...(this.link.code === null ? {} : { invite: this.link.code }),
      ...(this.passcode === "" ? {} : { passcode: this.passcode }),
    };
    this.#signalling = new Signalling(this.link, this.name, this.#media, entry, {
      message: (message) => this.#on(message),
      away: () => {
        this.#away = true;
        this.events.changed();
      },
      hears: () => [...this.people.values()].some(({ state }) => state === "connected"),
      closed: (reason) => this.#closed(reason),
    });
    this.#signalling.connect();
    this.#unwatch = watchNetwork(() => this.#signalling?.doubt());
    this.#timers = [
      setInterval(() => this.#listen(), LISTEN_MS),
      setInterval(() => void this.#measure(), MEASURE_MS),
      setInterval(() => this.#want(true), WANT_MS),
    ];
  }

  setMedia(media: MediaState): void {
    this.#media = media;
    this.#signalling?.setMedia(media);
  }

  /** Nobody is without a name who had one. */
  setName(name: string): void {
    if (name === "" || name === this.name) return;
    this.name = name;
    this.#signalling?.setName(name);
  }

  tracksChanged(): void {
    for (const { peer } of this.people.values()) void peer.tracksChanged();
  }

  /** The boxes of the page: nobody needs to send more than fills them. */
  setLayout({ tiles, devicePixelRatio }: Layout): void {
    const ratio = devicePixelRatio ?? 1;
    this.#wants = new Map(
      tiles.map(({ id, width, height }) => [id, { width: (width ?? 0) * ratio, height: (height ?? 0) * ratio }]),
    );
    this.#want(false);
  }

  hurry(): void {
    this.#signalling?.hurry();
  }

  leave(): void {
    this.#signalling?.leave();
    this.close();
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#unwatch();
    this.#leaveAll();
    this.files.close();
  }

  /** Where the others are heard; `null`: where the browser plays everything. */
  setSink(id: string | null): void {
    this.#sink = id;
    for (const person of this.people.values()) person.playOn(id);
  }

  get connection(): ConnectionState {
    if (this.lost) return "lost";
    const states = [...this.people.values()].map(({ connection }) => connection);
    if (states.includes("connected")) return "connected";
    if (this.#away) return "reconnecting";
    if (states.includes("unstable")) return "unstable";
    if (states.includes("reconnecting")) return "reconnecting";
    return states.includes("connecting") ? "connecting" : "waiting";
  }

  /** The worst that is known of who the others are. */
  get distrust(): "wordsDiffer" | "untrusted" | "keyChanged" | null {
    const found = this.participants().map(({ trust }) => trust);
    if (found.includes("differs")) return "wordsDiffer";
    if (found.includes("refused")) return "untrusted";
    return found.includes("changed") ? "keyChanged" : null;
  }

  /** The two people have read their words to each other. */
  wordsCompared(id: string, same: boolean): void {
    const person = this.people.get(id);
    if (!person) return;
    const { key, words } = person.identity ?? { key: null, words: null };
    if (!same) {
      this.trusted.differs(key);
      this.#cut(person);
    } else if (key !== null && words !== null && person.state !== "cut" && person.state !== "untrusted") {
      this.trusted.verified(person.info.name, key);
    }
    this.events.changed();
  }

  #cut(person: Person): void {
    person.peer.cut();
    person.sound.srcObject = null;
    this.files.left(person.info.id, "cancelled");
    this.texts.left(person.info.id);
  }

  /** In whole seconds: a view does not change more often for the clock alone. */
  get connectedForMs(): number | null {
    return this.#connectedAt === null ? null : Math.floor((performance.now() - this.#connectedAt) / 1000) * 1000;
  }

  participants(): ParticipantView[] {
    const now = performance.now();
    return [...this.people].map(([id, person]) => ({ ...person.view(now, this.trusted), ...this.room.of(id) }));
  }

  #on(message: ServerMessage): void {
    switch (message.type) {
      case "joined":
        this.#joined(message);
        break;
      case "waiting":
        // Also for who was inside: nobody sees or hears them any more.
        this.#leaveAll();
        this.id = null;
        this.#away = false;
        this.door = { host: cleanName(message.host ?? "") || null };
        break;
      case "muted":
        this.room.answered("microphone");
        this.events.switchedOff("microphone", this.#nameOf(message.by));
        break;
      case "cameraStopped":
        this.room.answered("camera");
        this.events.switchedOff("camera", this.#nameOf(message.by));
        break;
      case "participantJoined": {
        const person = this.#add(message.participant);
        if (person) this.events.notified({ type: "joined", name: person.info.name });
        break;
      }
      case "participantChanged":
        this.people.get(message.participant.id)?.told(message.participant);
        break;
      case "participantLeft":
        this.#remove(message.participant);
        break;
      case "token":
        // For connections that begin from now on.
        if (message.iceServers) this.#iceServers = message.iceServers;
        return;
      case "signal":
        this.people.get(message.from)?.peer.receive(message.payload);
        return;
      default:
        if (this.id !== null) this.room.on(message);
    }
    this.events.changed();
  }

  #joined({ you, participants, iceServers }: Extract<ServerMessage, { type: "joined" }>): void {
    if (this.door) this.events.notified({ type: "admitted" });
    this.door = null;
    if (this.id !== you) {
      // A seat of our own again: nobody knows the old one any more.
      this.#leaveAll();
      this.id = you;
    } else {
      this.room.chat.resumed();
      if (this.#away) this.events.notified({ type: "reconnected" });
      for (const person of this.people.values()) person.peer.back();
    }
    this.#away = false;
    this.#iceServers = iceServers;
    for (const id of [...this.people.keys()]) if (!participants.some((each) => each.id === id)) this.#remove(id);
    for (const info of participants) this.#add(info);
  }

  /** `null`: known already, us, or one more than a room has. */
  #add(info: ParticipantInfo): Person | null {
    const known = this.people.get(info.id);
    known?.told(info);
    if (known || this.#key === null || this.id === null || info.id === this.id) return null;
    if (this.people.size >= MAX_PARTICIPANTS) return null;
    const channel = new PeerChannel(this.#key, this.id, info.id, (payload) =>
      this.#signalling?.tell({ type: "signal", to: info.id, payload }),
    );
    const peer = new Peer({
      offers: this.id < info.id,
      channel,
      vouching: new Vouching({ room: this.link.room, us: this.id, them: info.id }),
      iceServers: () => this.#iceServers,
      tracks: () => this.events.tracks(),
      loopback: isLocal(this.link.host) && /^(localhost|127\.|\[::1\])/.test(this.link.host),
      onState: (state) => {
        person.state = state;
        if (state === "disconnected") this.#signalling?.doubt();
        if (state === "connected") {
          person.connectedOnce = true;
          this.#connectedAt ??= performance.now();
          this.#want(false);
        }
        this.events.changed();
      },
      onIdentity: (identity) => {
        person.identity = identity;
        if (this.trusted.isRefused(identity.key)) this.#cut(person);
        this.events.changed();
      },
      onTrack: (track) => person.track(track, () => this.events.changed()),
      onData: (kind, event) => (kind === "files" ? this.files : this.texts).on(info.id, event),
    });
    const person = new Person(info, peer);
    person.playOn(this.#sink);
    this.people.set(info.id, person);
    peer.begin();
    return person;
  }

  #leaveAll(): void {
    for (const person of this.people.values()) person.close();
    this.people.clear();
    this.room.leave();
    this.files.leave();
    this.texts.leave();
  }

  #nameOf(id: string | null): string | null {
    return id === null ? null : (this.people.get(id)?.info.name ?? null);
  }

  #remove(id: string): void {
    const person = this.people.get(id);
    if (!person) return;
    this.people.delete(id);
    person.close();
    this.files.left(id);
    this.texts.left(id);
    this.events.notified({ type: "left", name: person.info.name });
  }

  #closed(reason: string): void {
    if (reason === "lost") {
      this.lost = true;
      for (const person of this.people.values()) person.peer.close();
      this.events.changed();
      return;
    }
    this.close();
    this.events.ended(endOf(reason));
  }

  #listen(): void {
    const now = performance.now();
    let changed = false;
    for (const person of this.people.values()) {
      const before = person.speaks(now);
      person.listen(now);
      changed ||= before !== person.speaks(now) || person.speaks(now - LISTEN_MS) !== person.speaks(now);
    }
    this.events.heard();
    if (changed) this.events.changed();
  }

  async #measure(): Promise<void> {
    const pairs = [];
    for (const [id, person] of this.people) {
      const stats = await person.peer.stats();
      if (!stats || person.state !== "connected") continue;
      const before = person.figures;
      const found: Parameters<typeof figures>[0] = [...stats.values()];
      this.files.setBudget(id, filesBudget(found));
      person.figures = figures(found);
      // What came before the first look did not come in one second.
      if (before !== NO_FIGURES) pairs.push({ before, now: person.figures, seconds: MEASURE_MS / 1000 });
    }
    this.quality = qualityOf(pairs);
    this.events.changed();
  }

  #want(again: boolean): void {
    for (const [id, { peer, state }] of this.people) {
      if (state !== "connected") continue;
      const tile = this.#wants.get(`${id}/camera`);
      const want = tile ? wantOfTile(tile.width, tile.height) : NOTHING;
      if (!again || !isFull(want)) peer.want(want, again);
    }
  }
}
