/**
 * What a room is beyond its people: roles, the waiting room, hands, reactions, chat. The part of the seam that not every
 * backend has: without a `RoomView` in the snapshot the page offers none of it. Lists are in order, `"me"` is us.
 */
import type { FileEnd } from "../protocol/signal";
import type * as app from "./bindings";
import type {
  CallView,
  ChatMessageView,
  FileState,
  Moderation,
  Notification,
  ParticipantView,
  Reaction,
  TextLine,
  TextView,
} from "./bindings";

export type { FileEnd, FileState, TextLine, TextView };
/** The reasons by name: the bindings make any text of the one that stands for those to come. */
export type FileView = Omit<app.FileView, "end"> & { end: FileEnd | null };
export type FilesView = Omit<app.FilesView, "files"> & { files: FileView[] };

/** A person of the room: us or another. */
export type PersonOfRoom = Pick<ParticipantView, "role" | "hand" | "reaction">;

/** What the whole snapshot has more of. */
export type CallOfRoom = Pick<CallView, "room" | "waitingFor" | "ask" | "unread">;

/** What is on its way has the time at which it was written. */
export type ChatLine = Omit<ChatMessageView, "at"> & { at: number };
export type ChatLines = { messages: ChatLine[] };

export type RoomNotification = Extract<
  Notification,
  { type: "waiting" | "admitted" | "muted" | "cameraStopped" | "roleChanged" | "handRaised" | "chat" | "notDone" }
>;

/** What can be done in such a room. */
export interface RoomBackend {
  moderate(action: Moderation): Promise<void>;
  setHand(up: boolean): Promise<void>;
  react(reaction: Reaction): Promise<void>;
  /** `to`: to one person alone. */
  sendChat(text: string, to: string | null, replyTo: number | null): Promise<void>;
  retryChat(key: number): Promise<void>;
  reactToMessage(id: number, reaction: Reaction, on: boolean): Promise<void>;
  readChat(): Promise<void>;
  dismissAsk(): Promise<void>;
}

/** What goes from one to the other beside sound and picture, without the server. */
export interface BesideBackend {
  /** Asks for files and offers them; `null`: to everybody. */
  sendFile(to: string | null): Promise<void>;
  acceptFile(key: number): Promise<void>;
  declineFile(key: number): Promise<void>;
  cancelFile(key: number): Promise<void>;
  /** Whether we write in real time in this call. */
  setTextOn(on: boolean): Promise<void>;
  /** The whole of the line that we write, as it is now. */
  setTextLine(text: string): Promise<void>;
  endTextLine(): Promise<void>;
}
