//! Calls that ring: one task that runs `call::ring`, between the engine's calls and a line to the network.
//!
//! Commands wait in [`COMMAND_QUEUE`]; full: who sends waits. What the line tells waits with the line. The view is the latest.

use std::collections::BTreeSet;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use fika_call::identity::{Contact, IdentityKey};
use fika_call::ring::{
    CallId, Input, Invitation, LineCommand, LineEvent, MAX_SERVERS, Missed, News, Output, Reach, Ring, RingView, Wish,
    presence,
};
use fika_call::view::{CallSettings, CallView, Phase};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use crate::command::Command;
use crate::handle::EngineHandle;

pub const COMMAND_QUEUE: usize = 16;
/// Calls in vain that are remembered. Full: the oldest is forgotten.
pub const MAX_MISSED: usize = 50;

/// To and from the network.
pub struct Line {
    pub commands: mpsc::Sender<LineCommand>,
    pub events: mpsc::Receiver<LineEvent>,
}

/// What a shell may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RingCommand {
    Wish(Wish),
    /// As they are now.
    Settings(CallSettings),
    ClearMissed,
}

/// When somebody has called in vain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MissedCall {
    #[serde(flatten)]
    pub call: Missed,
    /// Seconds since 1970.
    pub at: u32,
}

/// Clones share it. Without any the task ends, and then the view.
#[derive(Clone)]
pub struct RingHandle {
    commands: mpsc::Sender<RingCommand>,
    view: watch::Receiver<RingView>,
    missed: watch::Receiver<Vec<MissedCall>>,
}

impl RingHandle {
    /// Waits for a place in the queue; what it leads to shows in the view. Without the task nothing happens any more.
    pub async fn send(&self, command: RingCommand) {
        let _ = self.commands.send(command).await;
    }

    pub fn view(&self) -> watch::Receiver<RingView> {
        self.view.clone()
    }

    /// For the shell to keep; the newest first.
    pub fn missed(&self) -> watch::Receiver<Vec<MissedCall>> {
        self.missed.clone()
    }
}

/// Starts the task. `missed`: what was kept of earlier runs.
pub fn start(engine: EngineHandle, line: Line, settings: CallSettings, missed: Vec<MissedCall>) -> RingHandle {
    let (commands, asked) = mpsc::channel(COMMAND_QUEUE);
    let (view, shown) = watch::channel(RingView::default());
    let (kept, to_keep) = watch::channel(missed);
    let bell = Bell {
        ring: Ring::default(),
        engine,
        line: line.commands,
        settings: CallSettings::default(),
        reach: Reach::Off,
        nearby: Reach::Off,
        shown_to: BTreeSet::new(),
        here: BTreeSet::new(),
        opening: None,
        view,
        stale: true,
        missed: kept,
    };
    tokio::spawn(bell.run(asked, line.events, settings));
    RingHandle { commands, view: shown, missed: to_keep }
}

struct Bell {
    ring: Ring,
    engine: EngineHandle,
    line: mpsc::Sender<LineCommand>,
    settings: CallSettings,
    /// At the server, and on the local network.
    reach: Reach,
    nearby: Reach,
    /// As the line was told.
    shown_to: BTreeSet<IdentityKey>,
    /// Who of them can be called.
    here: BTreeSet<IdentityKey>,
    /// A room is being opened for this call.
    opening: Option<Opening>,
    view: watch::Sender<RingView>,
    /// Something of the view is new.
    stale: bool,
    missed: watch::Sender<Vec<MissedCall>>,
}

struct Opening {
    call: CallId,
    to: IdentityKey,
    video: bool,
    /// In its lobby.
    joining: bool,
}

impl Bell {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<RingCommand>,
        mut events: mpsc::Receiver<LineEvent>,
        settings: CallSettings,
    ) {
        let (mut call, mut contacts) = (self.engine.view(), self.engine.contacts());
        self.set(settings).await;
        loop {
            self.perform().await;
            if std::mem::take(&mut self.stale) {
                self.show();
            }
            let due = self.ring.poll_timeout();
            let timer = async {
                match due {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.command(command).await,
                    None => break,
                },
                Some(event) = events.recv() => self.happened(event),
                changed = call.changed() => match changed {
                    Ok(()) => {
                        let view = call.borrow_and_update().clone();
                        self.seen(&view).await;
                    }
                    Err(_) => return,
                },
                Ok(()) = contacts.changed() => {
                    contacts.mark_unchanged();
                    self.stale = true;
                    self.show_ourselves().await;
                }
                () = timer => self.ring.handle_timeout(Instant::now()),
            }
        }
        // The view ends when the last word has left.
        drop(self.line);
        while events.recv().await.is_some() {}
    }

    fn input(&mut self, input: Input) {
        self.ring.handle_input(input, Instant::now());
    }

    async fn command(&mut self, command: RingCommand) {
        match command {
            RingCommand::Wish(wish) => self.input(Input::Wish(wish)),
            RingCommand::Settings(settings) => self.set(settings).await,
            RingCommand::ClearMissed => {
                self.missed.send_replace(Vec::new());
                self.stale = true;
            }
        }
    }

    async fn set(&mut self, settings: CallSettings) {
        self.input(Input::Strangers(settings.strangers_may_ring));
        self.settings = settings;
        self.stale = true;
        let server = self.server().filter(|_| self.settings.reachable);
        if server.is_none() && self.settings.reachable {
            self.reach = Reach::NoServer;
        } else if server.is_none() {
            self.reach = Reach::Off;
        }
        // First, so that another server hears of nobody who is off the list.
        self.show_ourselves().await;
        self.tell(LineCommand::Listen { server, nearby: self.settings.nearby }).await;
    }

    async fn show_ourselves(&mut self) {
        let to = presence::shown_to(&self.settings, &self.engine.contacts.borrow());
        if to != self.shown_to {
            self.here.retain(|key| to.contains(key));
            self.shown_to.clone_from(&to);
            self.tell(LineCommand::Show { to }).await;
        }
    }

    fn server(&self) -> Option<url::Url> {
        url::Url::parse(self.settings.server.as_deref()?).ok()
    }

    fn happened(&mut self, event: LineEvent) {
        let input = match event {
            LineEvent::Reach(Reach::Off) if self.settings.reachable => return,
            LineEvent::Reach(reach) => {
                self.reach = reach;
                self.stale = true;
                return;
            }
            LineEvent::Nearby(reach) => {
                self.nearby = reach;
                self.stale = true;
                return;
            }
            LineEvent::Present(here) => {
                self.here = &here & &self.shown_to;
                self.stale = true;
                return;
            }
            LineEvent::Incoming { call, from, nearby, invitation } => {
                let saved = self.engine.contacts.borrow().iter().any(|contact| contact.key == from);
                Input::Incoming { call, from, saved, nearby, invitation }
            }
            LineEvent::News { call, news } => Input::News { call, news },
        };
        self.input(input);
    }

    /// The call has changed.
    async fn seen(&mut self, view: &CallView) {
        self.input(Input::Occupied(!matches!(view.phase, Phase::Home | Phase::Ended)));
        if !view.participants.is_empty() {
            self.input(Input::Joined);
        }
        let Some(opening) = &mut self.opening else { return };
        match (view.phase, &view.invite) {
            (Phase::Lobby, Some(invite)) if invite.mine && !opening.joining => {
                opening.joining = true;
                let link = invite.link.clone();
                let Opening { call, to, video, .. } = opening;
                let (call, to, video) = (call.clone(), *to, *video);
                self.ask(Command::SetCamera { on: video }).await;
                self.ask(Command::Join).await;
                self.place(call, to, video, link).await;
            }
            (Phase::InCall, _) if opening.joining => self.opening = None,
            (Phase::Ended, _) => {
                let call = opening.call.clone();
                self.opening = None;
                self.input(Input::News { call, news: News::Failed });
            }
            _ => {}
        }
    }

    /// The room from which somebody is called: the one in which we are alone, or a new one.
    async fn open(&mut self, call: CallId, to: IdentityKey, video: bool) {
        let view = self.engine.view.borrow().clone();
        if view.phase == Phase::InCall
            && view.participants.is_empty()
            && let Some(invite) = view.invite
        {
            return self.place(call, to, video, invite.link).await;
        }
        if !matches!(view.phase, Phase::Home | Phase::Ended) {
            self.ask(Command::Home).await;
        }
        self.opening = Some(Opening { call, to, video, joining: false });
        self.ask(Command::NewCall).await;
    }

    async fn place(&mut self, call: CallId, to: IdentityKey, video: bool, link: String) {
        let invitation = Invitation { link, name: self.settings.name.clone(), video };
        let (servers, nearby) = (self.servers_of(&to), self.settings.nearby);
        if servers.is_empty() && !nearby {
            // No network is to blame: a link is the way to them.
            return self.input(Input::News { call, news: News::Unreachable });
        }
        self.tell(LineCommand::Ring { call, to, servers, nearby, invitation }).await;
    }

    /// Where somebody is looked for: where we have met them, and where we are ourselves.
    fn servers_of(&self, to: &IdentityKey) -> Vec<url::Url> {
        let contacts = self.engine.contacts.borrow();
        let met = contacts.iter().find(|contact| contact.key == *to).and_then(|contact| contact.server.clone());
        let mut servers: Vec<url::Url> = met.into_iter().chain(self.server()).take(MAX_SERVERS).collect();
        servers.dedup();
        servers
    }

    async fn perform(&mut self) {
        while let Some(output) = self.ring.poll_output() {
            match output {
                Output::Open { call, to, video } => self.open(call, to, video).await,
                Output::Reply { call, reply } => self.tell(LineCommand::Reply { call, reply }).await,
                Output::Hang { call } => {
                    self.opening.take_if(|opening| opening.call == call);
                    self.tell(LineCommand::Hang { call }).await;
                }
                Output::Enter { link, video, relayed } => self.ask(Command::Answer { link, video, relayed }).await,
                Output::Leave => self.ask(Command::Home).await,
                Output::Missed(call) => {
                    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
                    self.missed.send_modify(|missed| {
                        missed.insert(0, MissedCall { call, at: u32::try_from(now).unwrap_or(u32::MAX) });
                        missed.truncate(MAX_MISSED);
                    });
                    self.stale = true;
                }
                Output::Changed => self.stale = true,
            }
        }
    }

    /// The engine checks what it is asked, and without it we end too.
    async fn ask(&self, command: Command) {
        if let Err(error) = self.engine.send(command).await {
            tracing::debug!(%error, "the call does not follow the ring");
        }
    }

    /// Without a line nobody calls.
    async fn tell(&self, command: LineCommand) {
        let _ = self.line.send(command).await;
    }

    fn show(&self) {
        let contacts: Vec<Contact> = self.engine.contacts.borrow().clone();
        let missed: Vec<(Missed, u32)> = self.missed.borrow().iter().map(|one| (one.call.clone(), one.at)).collect();
        let reach = (self.reach, self.nearby);
        self.view.send_replace(RingView::of(&self.ring, reach, &missed, &contacts, &self.here));
    }
}
