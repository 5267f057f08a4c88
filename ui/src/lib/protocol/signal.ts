// Made by `cargo test -p fika-call`; the types in Rust are the source.

export const PATH = "/api/v1/signal";
export const PROTOCOL_VERSION = 1;
export const MAX_MESSAGE = 65536;
export const MAX_NAME = 64;
export const MAX_PARTICIPANTS = 8;
export const HEARTBEAT_SECONDS = 5;
export const RESUME_SECONDS = 30;

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

export type Refusal = "roomNotFound" | "roomFull" | "tooManyRequests" | "badMessage" | "version";

/**
 * A [`PeerMessage`] under AES-256-GCM, base64url without padding: 12 bytes nonce, ciphertext, 16 bytes tag.
 * Key: HKDF-SHA256(ikm = link secret, salt = room id, info = "fika signal v1"), 32 bytes.
 * Additional data: `from "\n" to`, the server's participant ids, so that a message cannot be sent back or to others.
 */
export type Sealed = string;

export type ClientMessage = { "type": "create", version: number, } | { "type": "join", version: number, room: RoomId, name: string, media: MediaState, resume?: string, } | { "type": "setMedia", media: MediaState, } | { "type": "signal", to: ParticipantId, payload: Sealed, } | { "type": "leave" } | { "type": "ping" };

export type ServerMessage = { "type": "created", room: RoomId, } | { "type": "joined", you: ParticipantId, resume: string, participants: Array<ParticipantInfo>, iceServers: Array<IceServer>, } | { "type": "participantJoined", participant: ParticipantInfo, } | { "type": "participantChanged", participant: ParticipantInfo, } | { "type": "participantLeft", participant: ParticipantId, } | { "type": "signal", from: ParticipantId, payload: Sealed, } | { "type": "refused", reason: Refusal, } | { "type": "pong" };

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
 * The participant whose id is smaller offers.
 */
export type PeerBody = { "type": "offer", sdp: string, } | { "type": "answer", sdp: string, } | { "type": "candidate", candidate: string | null, sdpMid: string | null, sdpMLineIndex: number | null, } | { "type": "wantVideo", source: TrackSource, want: VideoWant, } | { "type": "restart" };

/**
 * What two participants say to each other. `session` is drawn anew by the offerer for each peer connection, `seq`
 * counts each sender's messages in it from 0; a message out of order or of another session is dropped (no replay).
 * The description carries the DTLS fingerprint, so the seal authenticates it.
 */
export type PeerMessage = { session: string, seq: number, body: PeerBody, };
