//! What a call is: participants, tracks, roles, the state machine, the view model and the signalling messages.
//!
//! Pure: told the time, owns no socket, thread or clock, draws no random numbers. The engine runs it, the server and
//! the page share its messages.

pub mod calendar;
pub mod chat;
pub mod door;
pub mod files;
pub mod identity;
pub mod ids;
pub mod invite;
pub mod machine;
pub mod ring;
pub mod room;
pub mod seal;
pub mod session;
pub mod signal;
pub mod text;
pub mod view;
pub mod want;

pub use ids::{ParticipantId, RoomId, TrackId, TrackKind, TrackSource};
pub use want::VideoWant;
