/**
 * The room beyond its people: roles, hands, reactions, what hosts ask, the chat. What holds is what the server said last;
 * nothing is assumed before. Opening a chat message takes time, so whatever is about the chat goes one after the other.
 */
import {
  MAX_PARTICIPANTS,
  MAX_WAITING,
  type Asked,
  type ClientMessage,
  type ParticipantId,
  type Reaction,
  type RoomState,
  type ServerMessage,
  type WaitingGuest,
} from "../../protocol/signal";
import type { AskView, MeView, Moderation, Notification, Role, RoomBackend, RoomView } from "..";
import { Chat, type Outgoing } from "./chat";
import { openChat, sealChat } from "./seal";
import { cleanName, cleanText } from "./text";

/** How long a reaction is shown. */
export const REACTION_MS = 5000;
/** What waits to be opened: more than a server keeps. Full: the newest is dropped, as if the server had lost it. */
export const MAX_OPENING = 256;

export type RoomHost = {
  /** Our seat; `null` without one. */
  me(): { id: ParticipantId; name: string } | null;
  nameOf(id: ParticipantId | null): string | null;
  /** We want it on already. */
  isOn(what: Asked): boolean;
  /** `false`: lost, the server is away. */
  tell(message: ClientMessage): boolean;
  notified(notification: Notification): void;
  changed(): void;
};

export class Room implements RoomBackend {
  readonly chat = new Chat();
  ask: AskView | null = null;
  #state: RoomState | null = null;
  #waiting: WaitingGuest[] = [];
  /** One for each person. */
  #reactions = new Map<ParticipantId, { reaction: Reaction; over: ReturnType<typeof setTimeout> }>();
  #opening = Promise.resolve();
  #unopened = 0;
  #sealing = Promise.resolve();
  /** Counts the seats: what was said to the one before is of no interest. */
  #seat = 0;

  constructor(
    private readonly key: Promise<CryptoKey>,
    private readonly host: RoomHost,
  ) {}

  /** A new seat, or none: nothing is left of what was. */
  leave(): void {
    this.#seat += 1;
    this.#state = this.ask = null;
    this.#waiting = [];
    for (const { over } of this.#reactions.values()) clearTimeout(over);
    this.#reactions.clear();
    this.chat.empty();
  }

  view(): RoomView | null {
    const state = this.#state;
    if (!state) return null;
    const me = this.host.me()?.id ?? null;
    const role = me === null ? "participant" : this.#role(me);
    const shown = (id: ParticipantId) => (id === me ? "me" : id);
    return {
      mayModerate: role !== "participant",
      isHost: role === "host",
      locked: state.locked,
      waitingRoom: state.waitingRoom,
      spotlight: state.spotlight === null ? null : shown(state.spotlight),
      hands: state.hands.map(shown),
      waiting: role === "participant" ? [] : this.#waiting,
    };
  }

  /** What it adds to a person. */
  of(id: ParticipantId | null): Required<Pick<MeView, "role" | "hand" | "reaction">> {
    if (id === null) return { role: "participant", hand: null, reaction: null };
    const place = (this.#state?.hands.indexOf(id) ?? -1) + 1;
    return { role: this.#role(id), hand: place || null, reaction: this.#reactions.get(id)?.reaction ?? null };
  }

  /** What was asked has been done, or is of no interest any more. */
  answered(what: Asked): void {
    if (this.ask?.what === what) this.ask = null;
  }

  /** With a seat. */
  on(message: ServerMessage): void {
    switch (message.type) {
      case "room":
        // Comes after everything that was replayed.
        this.#inOrder(() => this.chat.settled());
        this.#onState(message.state);
        break;
      case "waitingRoom":
        this.#onWaiting(message.guests);
        break;
      case "asked":
        if (!this.host.isOn(message.what)) this.ask = { by: this.host.nameOf(message.by), what: message.what };
        break;
      case "reacted":
        this.#onReaction(message.participant, message.reaction);
        break;
      case "chat":
        this.#inOrder(() => this.#onChat(message));
        break;
      case "messageReactions":
        this.#inOrder(() => this.chat.reactions(message.message, message.reactions));
        break;
      case "declined":
        if (message.tag !== null) this.chat.lost(message.tag);
        else if (message.reason !== "tooFast") this.host.notified({ type: "notDone" });
        break;
    }
  }

  async moderate(action: Moderation): Promise<void> {
    this.#tell({ type: "moderate", action });
  }
  async setHand(up: boolean): Promise<void> {
    this.#tell({ type: "setHand", up });
  }
  async react(reaction: Reaction): Promise<void> {
    this.#tell({ type: "react", reaction });
  }
  async reactToMessage(message: number, reaction: Reaction, on: boolean): Promise<void> {
    this.#tell({ type: "reactToMessage", message, reaction, on });
  }
  async sendChat(text: string, to: ParticipantId | null, replyTo: number | null): Promise<void> {
    const me = this.host.me();
    const clean = cleanText(text);
    const name = this.host.nameOf(to);
    // To somebody who has just left there is nothing to say.
    if (!me || clean === "" || (to !== null && name === null)) return;
    const partner = to === null ? null : { id: to, name: name ?? "" };
    this.#send(me.id, this.chat.send(me.id, me.name, partner, clean, replyTo));
  }
  async retryChat(key: number): Promise<void> {
    const me = this.host.me();
    const again = me && this.chat.retry(key);
    if (again) this.#send(me.id, again);
  }
  async readChat(): Promise<void> {
    this.chat.unread = 0;
    this.host.changed();
  }
  async dismissAsk(): Promise<void> {
    this.ask = null;
    this.host.changed();
  }

  #role(who: ParticipantId): Role {
    if (this.#state?.host === who) return "host";
    return this.#state?.coHosts.includes(who) ? "coHost" : "participant";
  }

  #onState(state: RoomState): void {
    // No fika-server says more.
    if (state.coHosts.length > MAX_PARTICIPANTS || state.hands.length > MAX_PARTICIPANTS) return;
    const me = this.host.me();
    const before = this.#state;
    const was = me && this.#role(me.id);
    this.#state = state;
    if (!before || !me) return;
    const role = this.#role(me.id);
    if (role !== was) this.host.notified({ type: "roleChanged", role });
    if (role === "participant") this.#waiting = [];
    for (const hand of state.hands) {
      const name = before.hands.includes(hand) || hand === me.id ? null : this.host.nameOf(hand);
      if (name !== null) this.host.notified({ type: "handRaised", name });
    }
  }

  #onWaiting(guests: WaitingGuest[]): void {
    const known = this.#waiting;
    this.#waiting = guests.slice(0, MAX_WAITING).map(({ id, name, label }) => ({
      id,
      name: cleanName(name),
      label: cleanName(label ?? "") || null,
    }));
    for (const { id, name } of this.#waiting) {
      if (!known.some((each) => each.id === id)) this.host.notified({ type: "waiting", name });
    }
  }

  #onReaction(who: ParticipantId, reaction: Reaction): void {
    if (who !== this.host.me()?.id && this.host.nameOf(who) === null) return;
    clearTimeout(this.#reactions.get(who)?.over);
    const over = setTimeout(() => {
      this.#reactions.delete(who);
      this.host.changed();
    }, REACTION_MS);
    this.#reactions.set(who, { reaction, over });
  }

  async #onChat({ message, tag, history }: Extract<ServerMessage, { type: "chat" }>): Promise<void> {
    const seat = this.#seat;
    const { payload, ...rest } = message;
    const body = await openChat(await this.key, message.from, message.to, payload);
    // What does not open was not written by anybody with the link.
    if (seat !== this.#seat || body === "untrusted" || body === "nonsense") return;
    const told = this.chat.said({ ...rest, body, tag, history }, this.host.me()?.id ?? null);
    if (told) this.host.notified(told);
  }

  #inOrder(step: () => Promise<void> | void): void {
    if (this.#unopened >= MAX_OPENING) return;
    this.#unopened += 1;
    const seat = this.#seat;
    this.#opening = this.#opening.then(async () => {
      this.#unopened -= 1;
      if (seat !== this.#seat) return;
      await step();
      this.host.changed();
    });
  }

  #send(from: ParticipantId, { tag, to, body }: Outgoing): void {
    this.host.changed();
    const seat = this.#seat;
    this.#sealing = this.#sealing.then(async () => {
      const payload = await sealChat(await this.key, from, to, body);
      if (seat !== this.#seat) return;
      if (this.host.tell({ type: "chat", tag, to, payload })) {
        this.chat.told(tag);
        return;
      }
      this.chat.lost(tag);
      this.host.changed();
    });
  }

  #tell(message: ClientMessage): void {
    if (this.host.me()) this.host.tell(message);
  }
}
