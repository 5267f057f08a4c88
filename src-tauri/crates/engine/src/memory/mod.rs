//! Rooms and sessions inside this process, for tests: engines joined to one [`Network`] meet as they would over a real
//! one, with a delay if wanted, and faults when told to.
//!
//! One tokio task for each session passes things on in order. Full queues of receivers: media is dropped, and video goes
//! on with `after_gap`.

mod member;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fika_call::invite::{Invite, Secret};
use fika_call::session::{CloseReason, PeerState, Request, SessionEvent, SignalState};
use fika_call::signal::MAX_PARTICIPANTS;
use fika_call::view::EndReason;
use fika_call::{ParticipantId, RoomId};
use fika_media::Clock;
use tokio::sync::mpsc;

use self::member::{Member, Seat};
use crate::ports::{AUDIO_QUEUE, Connector, Rooms, Session, VIDEO_QUEUE};

/// Full: the engine waits.
const COMMAND_QUEUE: usize = 16;
/// Full: what happens is lost; engines empty it at once.
const EVENT_QUEUE: usize = 256;
/// What goes over data channels. Full: it waits there, or is lost here.
const DATA_QUEUE: usize = 1024;
/// One for each remote track.
const TRACK_QUEUE: usize = 2 * MAX_PARTICIPANTS;

/// Clones share it.
#[derive(Clone)]
pub struct Network {
    state: Arc<Mutex<State>>,
    clock: Clock,
    latency: Duration,
}

#[derive(Default)]
pub(crate) struct State {
    rooms: BTreeMap<RoomId, Vec<Seat>>,
    opened: u8,
    joined: u32,
    refuse: Option<EndReason>,
}

impl Network {
    /// Media and events take `latency` from one engine to the other.
    pub fn new(clock: Clock, latency: Duration) -> Self {
        Self { state: Arc::default(), clock, latency }
    }

    /// From now on rooms cannot be opened; `None`: they can.
    pub fn refuse(&self, reason: Option<EndReason>) {
        self.lock().refuse = reason;
    }

    /// Everybody hears that the media path to everybody else is in this state now.
    pub fn set_peer_state(&self, state: PeerState) {
        self.tell_all(|_, other| SessionEvent::PeerState { participant: other.id().clone(), state });
    }

    /// Everybody hears that the signalling connection is in this state now.
    pub fn set_signal_state(&self, state: SignalState) {
        let shared = self.lock();
        for seat in shared.rooms.values().flatten() {
            seat.tell(SessionEvent::SignalState(state));
        }
    }

    /// Ends every session.
    pub fn close(&self, reason: CloseReason) {
        let rooms = std::mem::take(&mut self.lock().rooms);
        for seat in rooms.into_values().flatten() {
            seat.tell(SessionEvent::Closed(reason.clone()));
        }
    }

    fn tell_all(&self, event: impl Fn(&Seat, &Seat) -> SessionEvent) {
        let shared = self.lock();
        for room in shared.rooms.values() {
            for seat in room {
                room.iter().filter(|other| other.id() != seat.id()).for_each(|other| seat.tell(event(seat, other)));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rooms for Network {
    fn open(&self, server: Option<url::Url>) -> Pin<Box<dyn Future<Output = Result<Invite, EndReason>> + Send + '_>> {
        Box::pin(async move {
            let mut state = self.lock();
            if let Some(reason) = state.refuse {
                return Err(reason);
            }
            state.opened += 1;
            let room = RoomId::from_bytes([state.opened; 10]);
            let secret = Secret::from_bytes([state.opened; 16]);
            state.rooms.insert(room.clone(), Vec::new());
            let here = || url::Url::parse("http://127.0.0.1:1/").expect("a constant");
            Ok(Invite::open(server.unwrap_or_else(here), room, secret))
        })
    }
}

impl Connector for Network {
    fn connect(&self, request: Request) -> Session {
        let (commands, commands_in) = mpsc::channel(COMMAND_QUEUE);
        let (events_in, events) = mpsc::channel(EVENT_QUEUE);
        let (tracks_in, tracks) = mpsc::channel(TRACK_QUEUE);
        let (video, video_in) = mpsc::channel(VIDEO_QUEUE);
        let (audio, audio_in) = mpsc::channel(AUDIO_QUEUE);
        let id = {
            let mut state = self.lock();
            state.joined += 1;
            ParticipantId(format!("p{}", state.joined))
        };
        let (data, data_in) = mpsc::channel(DATA_QUEUE);
        let (arrived_in, arrived) = mpsc::channel(DATA_QUEUE);
        let seat = Seat::new(id, &request, events_in, tracks_in, arrived_in);
        let member = Member::new(self.clone(), request.room, commands_in, video_in, audio_in, data_in);
        tokio::spawn(member.run(seat));
        Session { commands, events, tracks, video, audio, data, arrived }
    }
}
