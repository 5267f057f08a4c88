//! Signalling messages: JSON text over one WebSocket at [`PATH`]. Documented in docs/protocol.md; shared with the page
//! by ts-rs. The server reads all but [`Sealed`] payloads, which only people with the link's secret can open.

mod peer;

use serde::{Deserialize, Serialize};

pub use self::peer::{Binding, PeerBody, PeerMessage};

use crate::chat::{ChatMessage, MessageId, MessageReaction};
use crate::door::{Entry, InviteInfo, InviteOptions, RoomOptions};
use crate::ring::CallId;
use crate::room::{Asked, Decline, Moderation, Reaction, RoomState, WaitingGuest};
use crate::{ParticipantId, RoomId};

pub const PATH: &str = "/api/v1/signal";
pub const PROTOCOL_VERSION: u32 = 2;
/// Largest WebSocket message either side accepts, in bytes.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// Longest name in characters; longer ones are refused.
pub const MAX_NAME: usize = 64;
/// Participants of one room.
pub const MAX_PARTICIPANTS: usize = 8;
/// Seconds between pings from either side; three missed ones mean gone.
pub const HEARTBEAT_SECONDS: u64 = 5;
/// Longest token in letters.
pub const MAX_TOKEN: usize = 1024;
/// Seconds for which the server keeps the seat of a participant whose connection broke.
pub const RESUME_SECONDS: u64 = 30;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ClientMessage {
    /// First message of a connection that wants a new room; answered by `created`. The connection may then join.
    Create {
        version: u32,
        #[serde(default)]
        #[ts(optional, as = "Option<RoomOptions>")]
        options: RoomOptions,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        again: Option<Box<Again>>,
    },
    /// Does what the host may, without a seat; answered by `room`, `waitingRoom` and `invites`, or `refused`.
    Manage {
        version: u32,
        room: RoomId,
        host_key: String,
    },
    /// Takes a seat; answered by `joined`, `waiting` or `refused`. `resume` claims the seat of an earlier connection.
    Join {
        version: u32,
        room: RoomId,
        name: String,
        media: MediaState,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        resume: Option<String>,
        #[serde(default, skip_serializing_if = "Entry::is_empty")]
        #[ts(optional, as = "Option<Entry>")]
        entry: Entry,
    },
    /// Host and owner; answered by `inviteMade` or `declined`.
    MakeInvite {
        options: InviteOptions,
    },
    /// Host and owner; answered by `invites` or `declined`. Who came by it and sits in the room stays there.
    RevokeInvite {
        id: String,
    },
    ListInvites,
    SetName {
        name: String,
    },
    SetHand {
        up: bool,
    },
    /// Shown to everybody for a moment.
    React {
        reaction: Reaction,
    },
    /// Comes back to the sender as `chat` with this `tag`, or as `declined`.
    Chat {
        tag: u32,
        to: Option<ParticipantId>,
        payload: Sealed,
    },
    ReactToMessage {
        message: MessageId,
        reaction: Reaction,
        on: bool,
    },
    Moderate {
        action: Moderation,
    },
    /// What the sender lets others see and hear now.
    SetMedia {
        media: MediaState,
    },
    /// Passed on to `to` unread.
    Signal {
        to: ParticipantId,
        payload: Sealed,
    },
    /// First message of a connection to which calls for this key are passed on; answered by `challenge`.
    Listen {
        version: u32,
        key: String,
    },
    /// Over the challenge; answered by `listening`.
    Prove {
        signature: String,
    },
    /// First message of a connection that calls whoever listens under the key `to`; `refused` where nobody does. The call ends
    /// with the connection.
    Ring {
        version: u32,
        to: String,
        call: CallId,
        payload: Sealed,
    },
    /// While listening: to whom the sender shows that they can be called, and about whom they ask; in place of the list before.
    /// Answered by `present`. Only to a server that knows `presence`.
    Show {
        keys: Vec<String>,
    },
    /// What the one who is called says to the caller.
    AnswerRing {
        call: CallId,
        payload: Sealed,
    },
    Leave,
    Ping,
}

impl ClientMessage {
    /// Reads what a client sent, or says with which words to refuse it. Of another protocol version only `version` has
    /// to be readable.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        if text.len() > MAX_MESSAGE {
            return Err(Refusal::BadMessage);
        }
        serde_json::from_str(text).map_err(|_| match serde_json::from_str(text) {
            Ok(Versioned { version }) if version != PROTOCOL_VERSION => Refusal::Version,
            _ => Refusal::BadMessage,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ServerMessage {
    /// `host_key` makes its bearer the host, also later. Never part of a link.
    Created {
        room: RoomId,
        host_key: String,
    },
    /// Before the door: `joined` follows, or `refused`. A participant who gets this again has been sent out before it.
    Waiting {
        you: ParticipantId,
        resume: String,
        /// Name of the host, if there is one.
        host: Option<String>,
    },
    /// `resume` is the secret with which this seat can be claimed again.
    Joined {
        you: ParticipantId,
        resume: String,
        participants: Vec<ParticipantInfo>,
        ice_servers: Vec<IceServer>,
    },
    ParticipantJoined {
        participant: ParticipantInfo,
    },
    ParticipantChanged {
        participant: ParticipantInfo,
    },
    ParticipantLeft {
        participant: ParticipantId,
    },
    Signal {
        from: ParticipantId,
        payload: Sealed,
    },
    /// After `joined`, and at each change.
    Room {
        state: RoomState,
    },
    /// Who waits, the first one first; to hosts, co-hosts and the owner, at each change.
    WaitingRoom {
        guests: Vec<WaitingGuest>,
    },
    /// A host has muted the receiver, who does it now.
    Muted {
        by: Option<ParticipantId>,
    },
    CameraStopped {
        by: Option<ParticipantId>,
    },
    /// A host asks; the receiver's person decides.
    Asked {
        by: Option<ParticipantId>,
        what: Asked,
    },
    Reacted {
        participant: ParticipantId,
        reaction: Reaction,
    },
    /// `tag` only to its sender. `history`: said before; who comes gets what the room keeps, and what was for them.
    Chat {
        message: ChatMessage,
        tag: Option<u32>,
        history: bool,
    },
    /// All reactions to this message.
    MessageReactions {
        message: MessageId,
        reactions: Vec<MessageReaction>,
    },
    /// Something was not done; of a chat message with its tag.
    Declined {
        tag: Option<u32>,
        reason: Decline,
    },
    /// In place of the earlier `resume`, which holds for some minutes only; with servers, if credentials run out, in place of
    /// those of `joined`.
    Token {
        resume: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<IceServer>>")]
        ice_servers: Vec<IceServer>,
    },
    Invites {
        invites: Vec<InviteInfo>,
    },
    /// `code` is the part of the link that opens the door; it is told this once.
    InviteMade {
        invite: InviteInfo,
        code: String,
    },
    /// To be signed with the key.
    Challenge {
        nonce: String,
    },
    /// `presence`: the server knows `show`.
    Listening {
        #[serde(default)]
        presence: bool,
    },
    /// These can be called from now on, or no longer. Told only of those who show themselves to the receiver, and to whom the
    /// receiver does.
    Present {
        keys: Vec<String>,
        here: bool,
    },
    /// Somebody calls.
    Ringing {
        call: CallId,
        payload: Sealed,
    },
    /// What the one who is called says.
    RingAnswered {
        call: CallId,
        payload: Sealed,
    },
    /// The other side of this call is gone.
    RingEnded {
        call: CallId,
    },
    /// The last message before the server closes.
    Refused {
        reason: Refusal,
    },
    Pong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub enum Refusal {
    /// No such room; or it is locked; or the passcode or the invite is wrong, used up or revoked. The same answer, after
    /// the same time.
    RoomNotFound,
    RoomFull,
    TooManyRequests,
    BadMessage,
    /// The app is older or newer than the server speaks.
    Version,
    /// A host does not let the guest in.
    Denied,
    /// A host has put the participant out.
    Removed,
    /// A host has ended the meeting for all.
    Ended,
    /// Nobody listens under that key; the same answer, after the same time, as for a room that is not there.
    NotReachable,
}

/// A room that the server has forgotten, as its owner knows it. Its id follows from the key, so nobody else can open it.
/// Seats are kept as for people who are away, for those whose tokens still hold.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Again {
    pub host_key: String,
    pub people: Vec<ParticipantInfo>,
    pub state: RoomState,
}

impl std::fmt::Debug for Again {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Again({} people)", self.people.len())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantInfo {
    pub id: ParticipantId,
    pub name: String,
    pub media: MediaState,
    /// The signalling connection is broken and the seat is kept.
    pub away: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct MediaState {
    pub microphone: bool,
    pub camera: bool,
}

/// `urls` as in RFC 7064 and RFC 7065.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub credential: Option<String>,
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IceServer({} urls)", self.urls.len())
    }
}

/// A [`PeerMessage`] under AES-256-GCM, base64url without padding: 12 bytes nonce, ciphertext, 16 bytes tag.
/// Key: HKDF-SHA256(ikm = link secret, salt = room id, info = "fika signal v1"), 32 bytes.
/// Additional data: `from "\n" to`, the server's participant ids, so that a message cannot be sent back or to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Sealed(pub String);
