/**
 * The chat of one seat: what was said, what is on its way, what has not been read. Shown is what the server took; a message
 * of ours is on its way until it comes back. At most `MAX_LINES`; full: the oldest is forgotten.
 */
import type { ChatBody, ChatMessage, ClientMessage, MessageReaction, ParticipantId } from "../../protocol/signal";
import { REACTIONS } from "../../reactions";
import type { ChatLine, ChatLines, ChatMessageView, Notification } from "..";
import { cleanName, cleanText } from "./text";

/** Messages that are shown. */
export const MAX_LINES = 500;

/** A message that was opened. */
export type Said = Omit<ChatMessage, "payload"> & {
  body: ChatBody;
  /** Of our own message. */
  tag: number | null;
  /** Said before we came. */
  history: boolean;
};
/** What is to be sealed and sent. */
export type Outgoing = Omit<Extract<ClientMessage, { type: "chat" }>, "type" | "payload"> & { body: ChatBody };

type Line = ChatBody & {
  key: number;
  id: number | null;
  /** Ours, as it was sent last. */
  tag: number | null;
  from: ParticipantId;
  name: string;
  to: ChatMessageView["to"];
  at: number;
  state: ChatMessageView["state"];
  reactions: MessageReaction[];
};

export class Chat {
  unread = 0;
  #lines: Line[] = [];
  #nextKey = 0;
  /** Never used twice, also not by the next seat. */
  #nextTag = 0;
  /** The seat is new: what is replayed was said to others. */
  #fresh = true;
  /** Tags of what the connection of now took and has not brought back. */
  readonly #told = new Set<number>();
  /** Of what those before took: what has arrived shows with the replayed messages. */
  readonly #doubtful = new Set<number>();
  #changed = false;

  /** For a new seat, with nothing in it. */
  empty(): void {
    this.#changed ||= this.#lines.length > 0;
    this.#lines = [];
    this.unread = 0;
    this.#told.clear();
    this.#doubtful.clear();
    this.#fresh = true;
  }

  /** The same seat again: the server tells what it has. */
  resumed(): void {
    for (const tag of this.#told) this.#doubtful.add(tag);
    this.#told.clear();
  }

  /** Everything that was replayed has been. */
  settled(): void {
    this.#fresh = false;
    for (const tag of this.#doubtful) this.lost(tag);
  }

  send(me: ParticipantId, name: string, to: Line["to"], text: string, replyTo: number | null): Outgoing {
    const tag = ++this.#nextTag;
    const known = this.#lines.some(({ id }) => id !== null && id === replyTo);
    const body = { text, replyTo: known ? replyTo : null };
    const at = Math.floor(Date.now() / 1000);
    this.#push({ ...body, id: null, tag, from: me, name, to, at, state: "sending", reactions: [] });
    return { tag, to: to?.id ?? null, body };
  }

  /** Sends a message again that was not sent. */
  retry(key: number): Outgoing | null {
    const line = this.#lines.find((each) => each.key === key && each.state === "failed");
    if (!line) return null;
    line.state = "sending";
    line.tag = ++this.#nextTag;
    this.#changed = true;
    return { tag: line.tag, to: line.to?.id ?? null, body: { text: line.text, replyTo: line.replyTo } };
  }

  /** The connection of now has taken it. */
  told(tag: number): void {
    this.#told.add(tag);
  }

  lost(tag: number): void {
    this.#answered(tag);
    const line = this.#lines.find((each) => each.tag === tag && each.state === "sending");
    if (!line) return;
    line.state = "failed";
    this.#changed = true;
  }

  /** What to tell about it. */
  said(said: Said, me: ParticipantId | null): Notification | null {
    const text = cleanText(said.body.text);
    if (text === "") return null;
    const { id, from, at, reactions, tag } = said;
    const known = this.#lines.find((line) => line.id === id);
    if (known) {
      known.reactions = reactions;
      this.#changed = true;
      return null;
    }
    const mine = me === from;
    if (mine && tag !== null) this.#answered(tag);
    const sent = this.#lines.findIndex((line) => mine && tag !== null && line.tag === tag && line.id === null);
    const [line] = sent < 0 ? [] : this.#lines.splice(sent, 1);
    if (line) {
      this.#insert(Object.assign(line, { id, at, state: "sent", reactions }));
      return null;
    }
    const name = cleanName(said.name);
    const to = said.to === null ? null : { id: said.to === me ? "me" : said.to, name: "" };
    const { replyTo } = said.body;
    this.#push({ text, replyTo, id, tag: null, from, name, to, at, state: "sent", reactions });
    if (mine || (said.history && this.#fresh)) return null;
    this.unread += 1;
    return { type: "chat", name, private: to !== null };
  }

  #answered(tag: number): void {
    this.#told.delete(tag);
    this.#doubtful.delete(tag);
  }

  reactions(id: number, reactions: MessageReaction[]): void {
    const line = this.#lines.find((each) => each.id === id);
    if (!line) return;
    line.reactions = reactions;
    this.#changed = true;
  }

  /** `null`: nothing has changed since it was taken last. */
  take(me: ParticipantId | null): ChatLines | null {
    if (!this.#changed) return null;
    this.#changed = false;
    return { messages: this.#lines.map((line) => shown(line, me)) };
  }

  #push(line: Omit<Line, "key">): void {
    this.#insert({ ...line, key: this.#nextKey++ });
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }

  /** In the server's order; what is on its way comes last. */
  #insert(line: Line): void {
    const before = ({ id }: Line) => line.id === null || (id !== null && id < line.id);
    this.#lines.splice(this.#lines.findLastIndex(before) + 1, 0, line);
    this.#changed = true;
  }
}

function shown(line: Line, me: ParticipantId | null): ChatLine {
  const counted = REACTIONS.map((reaction) => {
    const all = line.reactions.filter((each) => each.reaction === reaction);
    return { reaction, count: all.length, mine: all.some(({ from }) => from === me) };
  });
  const { key, id, from, name, to, text, replyTo, at, state } = line;
  const reactions = counted.filter(({ count }) => count > 0);
  return { key, id, from, name, mine: from === me, to, text, replyTo, at, state, reactions };
}
