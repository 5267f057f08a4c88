//! One of our devices: what is wanted, what is open, and what happens when it fails or goes away.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::io::{Attempt, Device, DeviceKind, Output};
use crate::view::{CaptureState, CaptureView, DeviceProblem, Notification};

/// Losses further apart than this are not counted together.
const LOSS_WINDOW: Duration = Duration::from_secs(10);
/// A device that stops by itself is opened again this often within the window.
const RESTARTS: u32 = 1;
/// One that is unplugged is replaced this often within the window.
const REPLACEMENTS: u32 = 3;
/// A device that worked and fell silent is tried again after these waits, the last one again and again: it may be held
/// by its own last attempt, or come back by itself.
const AGAIN: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(30)];

pub(super) struct Slot {
    kind: DeviceKind,
    /// The user wants it on.
    pub(super) wanted: bool,
    /// `None`: the system's default.
    chosen: Option<String>,
    /// The chosen device is away and the default stands in.
    stand_in: bool,
    state: State,
    attempt: u32,
    /// The system's default in the last list.
    default: Option<String>,
    losses: u32,
    lost_at: Option<Instant>,
    /// When what has failed is tried again by itself.
    again_at: Option<Instant>,
    waits: usize,
}

enum State {
    Closed,
    Opening {
        attempt: Attempt,
        /// One of this kind was open just before.
        replaces: bool,
        /// The name is told when it is open.
        announce: bool,
        /// What is wrong if there is none to open.
        loss: Option<DeviceProblem>,
    },
    Open {
        attempt: Attempt,
        id: String,
        name: String,
    },
    Failed(DeviceProblem),
}

impl Slot {
    pub(super) fn new(kind: DeviceKind) -> Self {
        Self {
            kind,
            wanted: true,
            chosen: None,
            stand_in: false,
            state: State::Closed,
            attempt: 0,
            default: None,
            losses: 0,
            lost_at: None,
            again_at: None,
            waits: 0,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.again_at
    }

    /// Tries again what is due.
    pub(super) fn tick(&mut self, now: Instant, out: &mut VecDeque<Output>) {
        if self.again_at.is_some_and(|at| at <= now) {
            self.again_at = None;
            if let State::Failed(problem) = self.state {
                self.start(false, Some(problem), out);
            }
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, State::Open { .. } | State::Opening { .. })
    }

    #[cfg(test)]
    pub(super) fn attempt(&self) -> Attempt {
        Attempt(self.attempt)
    }

    /// It gives data, or did a moment ago and is being replaced.
    pub(super) fn is_live(&self) -> bool {
        self.wanted && matches!(self.state, State::Open { .. } | State::Opening { replaces: true, .. })
    }

    pub(super) fn problem(&self) -> Option<DeviceProblem> {
        match self.state {
            State::Failed(problem) if self.wanted => Some(problem),
            _ => None,
        }
    }

    pub(super) fn view(&self) -> CaptureView {
        let (state, name, id) = match &self.state {
            _ if !self.wanted => (CaptureState::Off, None, None),
            State::Closed => (CaptureState::Off, None, None),
            State::Opening { .. } => (CaptureState::Starting, None, None),
            State::Open { id, name, .. } => (CaptureState::On, Some(name.clone()), Some(id.clone())),
            State::Failed(_) => (CaptureState::Failed, None, None),
        };
        CaptureView { wanted: self.wanted, state, device_name: name, device_id: id, problem: self.problem() }
    }

    /// Opens what is chosen, unless something is open or has failed.
    pub(super) fn open(&mut self, out: &mut VecDeque<Output>) {
        if self.is_closed() {
            self.start(false, None, out);
        }
    }

    pub(super) fn close(&mut self, out: &mut VecDeque<Output>) {
        if self.is_running() {
            out.push_back(Output::CloseDevice { kind: self.kind });
        }
        self.state = State::Closed;
        self.forgive();
    }

    pub(super) fn choose(&mut self, id: Option<String>, out: &mut VecDeque<Output>) {
        if self.chosen == id {
            return;
        }
        self.chosen = id;
        self.forgive();
        if !self.is_closed() {
            self.start(false, None, out);
        }
    }

    pub(super) fn retry(&mut self, out: &mut VecDeque<Output>) {
        if matches!(self.state, State::Failed(_)) {
            self.forgive();
            self.start(false, None, out);
        }
    }

    pub(super) fn opened(&mut self, attempt: Attempt, id: String, name: String, out: &mut VecDeque<Output>) {
        let State::Opening { attempt: expected, announce, .. } = self.state else { return };
        if attempt == expected {
            if announce {
                out.push_back(Output::Notify(Notification::DeviceReplaced {
                    kind: self.kind.name().into(),
                    name: name.clone(),
                }));
            }
            self.state = State::Open { attempt, id, name };
        }
    }

    pub(super) fn failed(
        &mut self,
        attempt: Attempt,
        problem: DeviceProblem,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) {
        let State::Opening { attempt: expected, loss, .. } = self.state else { return };
        if attempt != expected {
            return;
        }
        let missing = matches!(problem, DeviceProblem::NotFound | DeviceProblem::Disconnected);
        if missing && self.chosen.is_some() && !self.stand_in {
            self.stand_in = true;
            self.start(true, loss, out);
        } else {
            // That nothing is left to open, or that the last attempt still holds it, is the consequence; the loss is what
            // happened.
            let silent =
                loss.filter(|loss| is_silence(*loss) && (is_silence(problem) || problem == DeviceProblem::Busy));
            self.state = State::Failed(silent.or(loss.filter(|_| missing)).unwrap_or(problem));
            if silent.is_some() {
                self.try_later(now);
            }
        }
    }

    pub(super) fn lost(&mut self, attempt: Attempt, problem: DeviceProblem, now: Instant, out: &mut VecDeque<Output>) {
        if !matches!(self.state, State::Open { attempt: open, .. } if open == attempt) {
            return;
        }
        let lately = self.lost_at.is_some_and(|at| now.saturating_duration_since(at) < LOSS_WINDOW);
        self.losses = if lately { self.losses + 1 } else { 1 };
        if !lately {
            self.waits = 0;
        }
        self.lost_at = Some(now);
        let (again, announce) = match problem {
            DeviceProblem::NotFound | DeviceProblem::Disconnected => {
                self.stand_in = self.chosen.is_some();
                (self.losses <= REPLACEMENTS, true)
            }
            DeviceProblem::Stalled | DeviceProblem::Failed => (self.losses <= RESTARTS, false),
            DeviceProblem::Busy | DeviceProblem::PermissionDenied | DeviceProblem::Unsupported => (false, false),
        };
        if again {
            self.start(announce, Some(problem), out);
        } else {
            self.state = State::Failed(problem);
            if is_silence(problem) {
                self.try_later(now);
            }
        }
    }

    fn try_later(&mut self, now: Instant) {
        let wait = AGAIN[self.waits.min(AGAIN.len() - 1)];
        self.waits += 1;
        self.again_at = Some(now + wait);
    }

    /// A new list of devices: the chosen one may be back, or the default may be another one.
    pub(super) fn listed(&mut self, list: &[Device], out: &mut VecDeque<Output>) {
        self.named(list);
        let mut ours = list.iter().filter(|device| device.kind == self.kind);
        let before = self.default.take();
        self.default = ours.clone().find(|device| device.is_default).map(|device| device.id.clone());
        let chosen_is_here =
            self.chosen.is_some() && ours.clone().any(|device| Some(&device.id) == self.chosen.as_ref());
        let open_again = match &self.state {
            State::Closed => false,
            State::Failed(DeviceProblem::NotFound | DeviceProblem::Disconnected) => ours.next().is_some(),
            State::Failed(_) => false,
            State::Opening { .. } => self.stand_in && chosen_is_here,
            State::Open { id, .. } => {
                let follows_default = self.chosen.is_none() || self.stand_in;
                let default_moved = before.is_some() && self.default.is_some() && self.default != before;
                let moved_elsewhere = self.default.as_ref() != Some(id);
                (self.stand_in && chosen_is_here) || (follows_default && default_moved && moved_elsewhere)
            }
        };
        if open_again {
            self.stand_in = self.chosen.is_some() && !chosen_is_here;
            self.start(false, None, out);
        }
    }

    /// What was opened before the first list knew at most its id.
    fn named(&mut self, list: &[Device]) {
        let State::Open { id, name, .. } = &mut self.state else { return };
        if name != id {
            return;
        }
        let found = list.iter().filter(|device| device.kind == self.kind).find(|device| match id.as_str() {
            "" => device.is_default,
            id => device.id == id,
        });
        if let Some(device) = found {
            (*id, *name) = (device.id.clone(), device.name.clone());
        }
    }

    fn start(&mut self, announce: bool, loss: Option<DeviceProblem>, out: &mut VecDeque<Output>) {
        let replaces = matches!(self.state, State::Open { .. } | State::Opening { replaces: true, .. });
        self.attempt = self.attempt.wrapping_add(1);
        self.again_at = None;
        let attempt = Attempt(self.attempt);
        let id = self.chosen.clone().filter(|_| !self.stand_in);
        out.push_back(Output::OpenDevice { kind: self.kind, attempt, id });
        self.state = State::Opening { attempt, replaces, announce, loss };
    }

    fn forgive(&mut self) {
        self.stand_in = false;
        self.losses = 0;
        self.lost_at = None;
        self.again_at = None;
        self.waits = 0;
    }
}

/// It was there and gave nothing any more.
const fn is_silence(problem: DeviceProblem) -> bool {
    matches!(problem, DeviceProblem::Stalled | DeviceProblem::Failed)
}

impl DeviceKind {
    /// As in `Notification::DeviceReplaced`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Microphone => "microphone",
            Self::Speaker => "speaker",
        }
    }
}
