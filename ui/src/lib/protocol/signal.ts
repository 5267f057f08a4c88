// Made by `cargo test -p fika-call`; the types in Rust are the source.

export const PATH = "/api/v1/signal";
export const PROTOCOL_VERSION = 2;
export const MAX_MESSAGE = 65536;
export const MAX_NAME = 64;
export const MAX_PARTICIPANTS = 8;
export const MAX_WAITING = 32;
export const MAX_PASSCODE = 64;
export const MAX_CHAT_TEXT = 2000;
export const MAX_SEALED_CHAT = 16384;
export const HEARTBEAT_SECONDS = 5;
export const RESUME_SECONDS = 30;
export const MAX_FILE_TEXT = 4096;
export const MAX_PIECE = 16384;
export const MIN_PIECE = 1024;
export const PIECE_HEAD = 12;
export const MAX_WINDOW = 524288;

/**
 * Server-made room id: 80 random bits as `abcd-efgh-ijkl-mnop` (base32, lower case).
 */
export type RoomId = string;

/**
 * Server-made, new at each join.
 */
export type ParticipantId = string;

export type MediaState = { microphone: boolean, camera: boolean, };

/**
 * `urls` as in RFC 7064 and RFC 7065.
 */
export type IceServer = { urls: Array<string>, username?: string, credential?: string, };

export type ParticipantInfo = { id: ParticipantId, name: string, media: MediaState,
/**
 * The signalling connection is broken and the seat is kept.
 */
away: boolean, };

export type Refusal = "roomNotFound" | "roomFull" | "tooManyRequests" | "badMessage" | "version" | "denied" | "removed" | "ended" | "notReachable";

/**
 * What somebody shows at the door.
 */
export type Entry = {
/**
 * Of who opened the room: makes its bearer the host.
 */
hostKey?: string,
/**
 * The code of an invite.
 */
invite?: string, passcode?: string, };

/**
 * A room that the server has forgotten, as its owner knows it. Its id follows from the key, so nobody else can open it.
 * Seats are kept as for people who are away, for those whose tokens still hold.
 */
export type Again = { hostKey: string, people: Array<ParticipantInfo>, state: RoomState, };

/**
 * What a room asks for. The default is open for everybody with the link, until all have left.
 */
export type RoomOptions = { waitingRoom: boolean,
/**
 * The link alone opens nothing: an invite is needed too.
 */
inviteOnly: boolean, passcode: string | null,
/**
 * Seconds since 1970. The room is kept until then, also when it is empty and when the server starts anew.
 */
until: number | null, };

export type InviteOptions = {
/**
 * For whom; hosts see it beside the name.
 */
label: string | null,
/**
 * Opens the door once. Who has come in comes back without it.
 */
singleUse: boolean,
/**
 * Seconds since 1970.
 */
until: number | null,
/**
 * Straight in, past the waiting room.
 */
skipWaiting: boolean, coHost: boolean, };

export type InviteInfo = {
/**
 * Names it to its maker; opens nothing.
 */
id: string, label: string | null, singleUse: boolean, until: number | null, skipWaiting: boolean, coHost: boolean,
/**
 * How often it has opened the door.
 */
used: number, revoked: boolean, };

/**
 * What holds for a whole room; told complete at each change.
 */
export type RoomState = { host: ParticipantId | null, coHosts: Array<ParticipantId>,
/**
 * Nobody more can join.
 */
locked: boolean,
/**
 * Who comes waits until a host lets them in.
 */
waitingRoom: boolean,
/**
 * Shown large for all.
 */
spotlight: ParticipantId | null,
/**
 * Raised hands, the first one up first.
 */
hands: Array<ParticipantId>, };

/**
 * Somebody before the door.
 */
export type WaitingGuest = { id: ParticipantId, name: string,
/**
 * For whom the invite was made that they came with.
 */
label: string | null, };

/**
 * What a host may ask somebody to switch on. Only that person does it.
 */
export type Asked = "microphone" | "camera";

/**
 * Why something was not done. The connection goes on.
 */
export type Decline = "notAllowed" | "notHere" | "tooFast" | "full";

/**
 * What hosts and co-hosts do. There is no way to switch somebody's microphone or camera on.
 */
export type Moderation = { "type": "admit", who: ParticipantId, } | { "type": "admitAll" } | { "type": "deny", who: ParticipantId, } | { "type": "mute", who: ParticipantId, } | { "type": "muteAll" } | { "type": "ask", who: ParticipantId, what: Asked, } | { "type": "stopCamera", who: ParticipantId, } | { "type": "remove", who: ParticipantId, } | { "type": "moveToWaiting", who: ParticipantId, } | { "type": "setCoHost", who: ParticipantId, on: boolean, } | { "type": "makeHost", who: ParticipantId, } | { "type": "setLocked", on: boolean, } | { "type": "setWaitingRoom", on: boolean, } | { "type": "spotlight", who: ParticipantId | null, } | { "type": "lowerHand", who: ParticipantId, } | { "type": "end" };

export type Reaction = "thumbsUp" | "heart" | "clap" | "laugh" | "surprised" | "sad" | "celebrate" | "thinking" | "coffee";

/**
 * Counts the messages of a room, in the order in which the server took them.
 */
export type MessageId = number;

export type MessageReaction = { from: ParticipantId, reaction: Reaction, };

export type ChatMessage = { id: MessageId, from: ParticipantId,
/**
 * Of the sender when it was sent.
 */
name: string,
/**
 * `None`: everybody in the room.
 */
to: ParticipantId | null,
/**
 * Seconds since 1970 by the server's clock.
 */
at: number,
/**
 * A [`ChatBody`].
 */
payload: Sealed, reactions: Array<MessageReaction>, };

/**
 * Sealed as in [`Sealed`], but with info = "fika chat v1" and `from "\n" to`, or `from "\n*"` for everybody.
 */
export type ChatBody = { text: string, replyTo: MessageId | null, };

/**
 * A [`PeerMessage`] under AES-256-GCM, base64url without padding: 12 bytes nonce, ciphertext, 16 bytes tag.
 * Key: HKDF-SHA256(ikm = link secret, salt = room id, info = "fika signal v1"), 32 bytes.
 * Additional data: `from "\n" to`, the server's participant ids, so that a message cannot be sent back or to others.
 */
export type Sealed = string;

/**
 * Drawn by the caller, [`CALL_BYTES`] in base64url without padding: 22 characters.
 */
export type CallId = string;

export type ClientMessage = { "type": "create", version: number, options?: RoomOptions, again?: Again, } | { "type": "manage", version: number, room: RoomId, hostKey: string, } | { "type": "join", version: number, room: RoomId, name: string, media: MediaState, resume?: string, entry?: Entry, } | { "type": "makeInvite", options: InviteOptions, } | { "type": "revokeInvite", id: string, } | { "type": "listInvites" } | { "type": "setName", name: string, } | { "type": "setHand", up: boolean, } | { "type": "react", reaction: Reaction, } | { "type": "chat", tag: number, to: ParticipantId | null, payload: Sealed, } | { "type": "reactToMessage", message: MessageId, reaction: Reaction, on: boolean, } | { "type": "moderate", action: Moderation, } | { "type": "setMedia", media: MediaState, } | { "type": "signal", to: ParticipantId, payload: Sealed, } | { "type": "listen", version: number, key: string, } | { "type": "prove", signature: string, } | { "type": "ring", version: number, to: string, call: CallId, payload: Sealed, } | { "type": "show", keys: Array<string>, } | { "type": "answerRing", call: CallId, payload: Sealed, } | { "type": "leave" } | { "type": "ping" };

export type ServerMessage = { "type": "created", room: RoomId, hostKey: string, } | { "type": "waiting", you: ParticipantId, resume: string,
/**
 * Name of the host, if there is one.
 */
host: string | null, } | { "type": "joined", you: ParticipantId, resume: string, participants: Array<ParticipantInfo>, iceServers: Array<IceServer>, } | { "type": "participantJoined", participant: ParticipantInfo, } | { "type": "participantChanged", participant: ParticipantInfo, } | { "type": "participantLeft", participant: ParticipantId, } | { "type": "signal", from: ParticipantId, payload: Sealed, } | { "type": "room", state: RoomState, } | { "type": "waitingRoom", guests: Array<WaitingGuest>, } | { "type": "muted", by: ParticipantId | null, } | { "type": "cameraStopped", by: ParticipantId | null, } | { "type": "asked", by: ParticipantId | null, what: Asked, } | { "type": "reacted", participant: ParticipantId, reaction: Reaction, } | { "type": "chat", message: ChatMessage, tag: number | null, history: boolean, } | { "type": "messageReactions", message: MessageId, reactions: Array<MessageReaction>, } | { "type": "declined", tag: number | null, reason: Decline, } | { "type": "token", resume: string, iceServers?: Array<IceServer>, } | { "type": "invites", invites: Array<InviteInfo>, } | { "type": "inviteMade", invite: InviteInfo, code: string, } | { "type": "challenge", nonce: string, } | { "type": "listening", presence: boolean, } | { "type": "present", keys: Array<string>, here: boolean, } | { "type": "ringing", call: CallId, payload: Sealed, } | { "type": "ringAnswered", call: CallId, payload: Sealed, } | { "type": "ringEnded", call: CallId, } | { "type": "refused", reason: Refusal, } | { "type": "pong" };

export type TrackSource = "camera" | "microphone" | "screenShare" | "screenShareAudio";

/**
 * More is of no use. Ordered: by size first.
 */
export type VideoWant = {
/**
 * Pixels of the picture's shorter side; 0: no pictures at all.
 */
lines: number,
/**
 * Pictures a second; 0: none at all.
 */
frameRate: number, };

/**
 * Its sender's signature over the certificate of a description, for one room, pair, session and direction
 * (docs/protocol.md, "Who somebody is"). Keys and numbers are base64url without padding.
 */
export type Binding = {
/**
 * Ed25519, of whoever signs.
 */
key: string,
/**
 * The key is kept: the next call comes with the same.
 */
lasting: boolean,
/**
 * X25519, for this connection.
 */
ephemeral: string,
/**
 * In an offer the commitment to a nonce, in an answer a nonce. 32 bytes.
 */
share: string,
/**
 * Seconds since 1970.
 */
expires: number, signature: string, };

/**
 * The participant whose id is smaller offers.
 */
export type PeerBody = { "type": "offer", sdp: string, binding?: Binding, } | { "type": "answer", sdp: string, binding?: Binding, } | { "type": "reveal", nonce: string, } | { "type": "candidate", candidate: string | null, sdpMid: string | null, sdpMLineIndex: number | null, } | { "type": "wantVideo", source: TrackSource, want: VideoWant, } | { "type": "restart" };

/**
 * What two participants say to each other. `session` is drawn anew by the offerer for each peer connection, `seq`
 * counts each sender's messages in it from 0; a message out of order or of another session is dropped (no replay).
 * The description carries the DTLS fingerprint, so the seal authenticates it, and so does the binding beside it.
 */
export type PeerMessage = { session: string, seq: number, body: PeerBody, };

/**
 * Why a file does not come.
 */
export type FileEnd = "cancelled" | "tooLarge" | "tooMany" | "diskFull" | "cannotWrite" | "cannotRead" | "changed" | "wrongHash" | "brokeRules" | "stalled" | "peerLeft" | "noChannel" | "unknown";

/**
 * `id` is given by who sends the file, and unique among what that participant sends to the other.
 */
export type FileMessage = { "type": "offer", id: number, name: string, size: number,
/**
 * As RFC 6838; empty: not known.
 */
mediaType: string, } | { "type": "resume", id: number, } | { "type": "end", id: number, sha256: string, } | { "type": "withdraw", id: number, reason: FileEnd, } | { "type": "accept", id: number, offset: number, } | { "type": "decline", id: number, } | { "type": "ack", id: number, offset: number, } | { "type": "saved", id: number, } | { "type": "stop", id: number, reason: FileEnd, };
