//! After each input: what follows from the new state and from the time.

use std::time::{Duration, Instant};

use super::device::Slot;
use super::people::{LOST_AFTER, passed};
use super::{Call, Link, Output};
use crate::session::SessionCommand;
use crate::signal::MediaState;
use crate::view::{ConnectionState, EndReason, Notification, Phase};

impl Call {
    pub(super) fn settle(&mut self, now: Instant) {
        if let Link::Leaving(until) = self.link
            && now >= until
        {
            self.link = Link::None;
            self.outputs.push_back(Output::Disconnect);
        }
        self.watch(now);
        self.settle_devices();
        self.settle_media();
        self.settle_viewing(now);
        self.settle_serving(now);
        let view = self.snapshot(now);
        if view != self.view {
            self.view = view;
            self.outputs.push_back(Output::ViewChanged);
        }
        if self.together.chat.take_changed() {
            self.outputs.push_back(Output::ChatChanged);
        }
        self.next = self.deadlines().filter(|at| *at > now).min();
    }

    /// The whole connection: to anybody counts.
    pub(super) fn connection(&self, now: Instant) -> ConnectionState {
        let trusted = self.people.iter().filter(|person| person.is_trusted());
        let best = trusted.map(|person| person.connection(now)).min_by_key(|state| badness(*state));
        match best.unwrap_or(ConnectionState::Waiting) {
            ConnectionState::Connected => ConnectionState::Connected,
            ConnectionState::Lost => ConnectionState::Lost,
            _ if self.signal_down => ConnectionState::Reconnecting,
            best => best,
        }
    }

    fn watch(&mut self, now: Instant) {
        if self.phase != Phase::InCall {
            return;
        }
        let connection = self.connection(now);
        match connection {
            ConnectionState::Connecting | ConnectionState::Reconnecting | ConnectionState::Lost => {
                let since = *self.broken_since.get_or_insert(now);
                if passed(since, LOST_AFTER, now) {
                    return self.finish(EndReason::Lost, now);
                }
            }
            _ => self.broken_since = None,
        }
        match connection {
            ConnectionState::Reconnecting => self.was_broken = true,
            ConnectionState::Connected => {
                if std::mem::take(&mut self.was_broken) {
                    self.outputs.push_back(Output::Notify(Notification::Reconnected));
                }
                self.connected_since.get_or_insert(now);
            }
            ConnectionState::Waiting => self.was_broken = false,
            _ => {}
        }
    }

    fn settle_devices(&mut self) {
        let active = matches!(self.phase, Phase::Lobby | Phase::Joining | Phase::Waiting | Phase::InCall);
        let Self { camera, microphone, speaker, outputs, .. } = self;
        // A muted microphone stays open: the first word after it is not lost. The light of a camera goes out.
        let use_microphone = microphone.wanted || microphone.is_running();
        let use_camera = camera.wanted;
        for (slot, wanted) in [(speaker, true), (microphone, use_microphone), (camera, use_camera)] {
            if active && wanted {
                slot.open(outputs);
            } else if !slot.is_closed() {
                slot.close(outputs);
            }
        }
    }

    fn settle_media(&mut self) {
        let in_call = self.phase == Phase::InCall;
        let live = self.live();
        let sending = if in_call { live } else { MediaState::default() };
        if sending != self.sending {
            self.sending = sending;
            self.outputs.push_back(Output::SetSending(sending));
        }
        if in_call && live != self.told {
            self.told = live;
            self.outputs.push_back(Output::Session(SessionCommand::SetMedia(live)));
        }
    }

    fn deadlines(&self) -> impl Iterator<Item = Instant> {
        let leaving = match self.link {
            Link::Leaving(until) => Some(until),
            Link::None | Link::Up => None,
        };
        let second = self.connected_since.map(|since| {
            let shown = self.view.connected_for_ms.unwrap_or(0);
            since + Duration::from_millis(u64::from(shown) + 1000)
        });
        let lost = self.broken_since.map(|since| since + LOST_AFTER);
        let people = self.people.iter().flat_map(|person| person.deadlines());
        let devices = [&self.camera, &self.microphone, &self.speaker].into_iter().filter_map(Slot::deadline);
        people
            .chain(devices)
            .chain(leaving)
            .chain(second)
            .chain(lost)
            .chain(self.serving.lower_at)
            .chain(self.together.deadline())
    }
}

fn badness(state: ConnectionState) -> u8 {
    match state {
        ConnectionState::Idle | ConnectionState::Connected => 0,
        ConnectionState::Unstable => 1,
        ConnectionState::Waiting | ConnectionState::Connecting => 2,
        ConnectionState::Reconnecting => 3,
        ConnectionState::Lost => 4,
    }
}
