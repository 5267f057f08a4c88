/**
 * What a room is beyond its people: roles, the waiting room, hands, reactions, chat. The part of the seam that not every
 * backend has: without a `RoomView` in the snapshot the page offers none of it. Lists are in order, `"me"` is us.
 */

export type Role = "host" | "coHost" | "participant";
export type Reaction =
  "thumbsUp" | "heart" | "clap" | "laugh" | "surprised" | "sad" | "celebrate" | "thinking" | "coffee";
export type Asked = "microphone" | "camera";
export type WaitingGuest = {
  id: string;
  name: string;
  /** For whom the invite was made that they came with. */
  label: string | null;
};

export type RoomView = {
  /** We are host or co-host. */
  mayModerate: boolean;
  isHost: boolean;
  /** Nobody more can join. */
  locked: boolean;
  /** Guests wait until they are let in. */
  waitingRoom: boolean;
  /** Shown large for all. */
  spotlight: string | null;
  /** Raised hands, the first one up first. */
  hands: string[];
  /** Who waits, the first one first; empty unless we may let them in. */
  waiting: WaitingGuest[];
};

/** A person of the room: us or another. */
export type PersonOfRoom = {
  role: Role;
  /** Place in the line of raised hands, from 1. */
  hand: number | null;
  /** Shown for some seconds. */
  reaction: Reaction | null;
};

/** What the whole snapshot has more of. */
export type CallOfRoom = {
  room: RoomView | null;
  /** In phase `waiting`: name of the host who can let us in. */
  waitingFor: string | null;
  /** A host asks us to switch something on; answered by doing so or by dismissing it. */
  ask: { by: string | null; what: Asked } | null;
  /** Chat messages that have not been read. */
  unread: number;
};

/** What hosts and co-hosts do. There is no way to switch somebody's microphone or camera on. */
export type Moderation =
  | { type: "admit"; who: string }
  | { type: "admitAll" }
  | { type: "deny"; who: string }
  | { type: "mute"; who: string }
  | { type: "muteAll" }
  | { type: "ask"; who: string; what: Asked }
  | { type: "stopCamera"; who: string }
  | { type: "remove"; who: string }
  | { type: "moveToWaiting"; who: string }
  | { type: "setCoHost"; who: string; on: boolean }
  | { type: "makeHost"; who: string }
  | { type: "setLocked"; on: boolean }
  | { type: "setWaitingRoom"; on: boolean }
  | { type: "spotlight"; who: string | null }
  | { type: "lowerHand"; who: string }
  | { type: "end" };

export type ChatLine = {
  /** Stable while the line is shown. */
  key: number;
  /** `null` until the server has taken it. */
  id: number | null;
  from: string;
  name: string;
  mine: boolean;
  /** `null`: to everybody. */
  to: { id: string; name: string } | null;
  text: string;
  replyTo: number | null;
  /** Seconds since 1970. */
  at: number;
  state: "sent" | "sending" | "failed";
  reactions: { reaction: Reaction; count: number; mine: boolean }[];
};
export type ChatView = { messages: ChatLine[] };

export type RoomNotification =
  /** Somebody knocks. */
  | { type: "waiting"; name: string }
  /** We are let in. */
  | { type: "admitted" }
  | { type: "muted"; by: string | null }
  | { type: "cameraStopped"; by: string | null }
  | { type: "roleChanged"; role: Role }
  | { type: "handRaised"; name: string }
  | { type: "chat"; name: string; private: boolean }
  /** A host's doing came to nothing: the role does not allow it any more, or whom it was about has left. */
  | { type: "notDone" };

/** What can be done in such a room. */
export interface RoomBackend {
  /** In the lobby, where the link asks for one. */
  setPasscode(passcode: string): Promise<void>;
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
