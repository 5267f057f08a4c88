//! The machine in virtual time.

mod connection;
mod devices;
mod model;
mod phases;
mod room;
mod trust;
mod viewing;

use std::time::{Duration, Instant};

use super::*;
use crate::RoomId;
use crate::invite::Secret;
use crate::session::{CloseReason, Participant, PeerState, SessionCommand, SessionEvent, SignalState};
use crate::view::{CaptureState, ConnectionState, DeviceProblem, Notification, Problem};

const ON: MediaState = MediaState { microphone: true, camera: true };
const OFF: MediaState = MediaState { microphone: false, camera: false };

/// A call with somebody at the controls, and devices that open when they are told to.
struct Desk {
    call: Call,
    now: Instant,
}

impl Desk {
    fn new() -> Self {
        Self { call: Call::new(Config::default()), now: Instant::now() }
    }

    /// In a call with Amir, microphone, camera and media running.
    fn in_call() -> Self {
        let mut desk = Self::in_lobby();
        desk.input(Input::Join);
        desk.session(SessionEvent::Joined { you: id("me"), participants: vec![amir(ON)] });
        desk.peer(PeerState::Connected);
        desk.media();
        desk
    }

    fn in_lobby() -> Self {
        let mut desk = Self::new();
        let outputs = desk.input(Input::OpenInvite(invite()));
        desk.open_devices(&outputs);
        desk
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.call.handle_input(input, self.now);
        std::iter::from_fn(|| self.call.poll_output()).collect()
    }

    fn session(&mut self, event: SessionEvent) -> Vec<Output> {
        self.input(Input::Session(event))
    }

    fn peer(&mut self, state: PeerState) -> Vec<Output> {
        self.session(SessionEvent::PeerState { participant: id("amir"), state })
    }

    fn media(&mut self) -> Vec<Output> {
        self.input(Input::MediaReceived { participant: id("amir") })
    }

    /// Answers every request to open a device.
    fn open_devices(&mut self, outputs: &[Output]) -> Vec<Output> {
        let mut more = Vec::new();
        for output in outputs {
            if let Output::OpenDevice { kind, attempt, id } = output {
                let id = id.clone().unwrap_or_else(|| "default".into());
                let name = format!("{} {id}", kind.name());
                more.extend(self.input(Input::DeviceOpened { kind: *kind, attempt: *attempt, id, name }));
            }
        }
        more
    }

    /// Lets time pass, waking the machine whenever it wants to be woken.
    fn pass(&mut self, time: Duration) -> Vec<Output> {
        let end = self.now + time;
        let mut outputs = Vec::new();
        while let Some(at) = self.call.poll_timeout().filter(|at| *at <= end) {
            assert!(at > self.now, "a wake-up in the past would never end");
            self.now = at;
            outputs.extend(self.input(Input::Timeout));
        }
        self.now = end;
        outputs
    }

    fn connection(&self) -> ConnectionState {
        self.call.view().connection
    }

    fn phase(&self) -> Phase {
        self.call.view().phase
    }
}

fn id(text: &str) -> ParticipantId {
    ParticipantId(text.into())
}

fn amir(media: MediaState) -> Participant {
    Participant { id: id("amir"), name: "Amir".into(), media }
}

fn invite() -> Invite {
    let server = url::Url::parse("https://meet.example.org/").unwrap();
    Invite::open(server, RoomId::from_bytes([1; 10]), Secret::from_bytes([2; 16]))
}

fn sending(outputs: &[Output]) -> Option<MediaState> {
    outputs.iter().rev().find_map(|output| match output {
        Output::SetSending(media) => Some(*media),
        _ => None,
    })
}

fn opened(outputs: &[Output]) -> Vec<(DeviceKind, Option<String>)> {
    let opened = outputs.iter().filter_map(|output| match output {
        Output::OpenDevice { kind, id, .. } => Some((*kind, id.clone())),
        _ => None,
    });
    opened.collect()
}

fn closed(outputs: &[Output]) -> Vec<DeviceKind> {
    let closed = outputs.iter().filter_map(|output| match output {
        Output::CloseDevice { kind } => Some(*kind),
        _ => None,
    });
    closed.collect()
}

fn notifications(outputs: &[Output]) -> Vec<Notification> {
    let told = outputs.iter().filter_map(|output| match output {
        Output::Notify(notification) => Some(notification.clone()),
        _ => None,
    });
    told.collect()
}

fn left(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Session(SessionCommand::Leave)))
}

fn disconnected(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Disconnect))
}
