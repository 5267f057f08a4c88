//! `fika-cli ring` and `fika-cli listen`: calls that ring, one in each run, on the main task. What happens is told on stdout.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use clap::Args;
use fika_call::identity::{Contact, Identity, IdentityKey};
use fika_call::ring::{ContactView, OutgoingState, Reach, RingView, Wish};
use fika_call::view::{CallSettings, Phase};
use fika_engine::ring::{Line, RingCommand, RingHandle};
use fika_engine::{Command, EngineHandle};
use fika_net::Trust;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::args::{self, Media, Source};
use crate::call::{self, Running};
use crate::fail::{Failure, Kind};
use crate::record::Recorder;
use crate::stats::StatsFile;
use crate::{identity, ports, stop};

#[derive(Debug, Args)]
pub(crate) struct Ring {
    /// Whom to call: their key, as `listen` prints it.
    #[arg(value_parser = key)]
    key: IdentityKey,
    /// On the local network too, without a server.
    #[arg(long)]
    lan: bool,
    /// What happens as JSON, one object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    media: Media,
}

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Somebody whose calls are those of a contact. May be repeated; calls of others go through a TURN server alone.
    #[arg(long = "contact", value_name = "KEY=NAME", value_parser = contact)]
    contacts: Vec<Contact>,
    /// Only contacts may ring.
    #[arg(long)]
    contacts_only: bool,
    /// Say no, with this message; without one if it is empty.
    #[arg(long, value_name = "MESSAGE", num_args = 0..=1, default_missing_value = "")]
    decline: Option<String>,
    /// Show the contacts that we can be called at the server, and say which of them can.
    #[arg(long)]
    presence: bool,
    /// Let it ring.
    #[arg(long, conflicts_with = "decline")]
    ignore: bool,
    /// On the local network too, without a server.
    #[arg(long)]
    lan: bool,
    /// What happens as JSON, one object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    media: Media,
}

/// Calls and stays in the call.
pub(crate) async fn ring(Ring { key, lan, json, media }: Ring, trust: Trust) -> Result<(), Failure> {
    let contact = Contact { name: String::new(), key, verified: false, server: media.server.clone() };
    let bed =
        Bed::start(media, json, vec![contact], trust, |settings| CallSettings { nearby: lan, ..settings }).await?;
    bed.until_stopped(async |bed| {
        let call = fika_net::ring::call_id();
        let video = bed.media.camera != Some(Source::None);
        bed.ring.send(RingCommand::Wish(Wish::Call { call, to: key, video })).await;
        let mut view = bed.ring.view();
        let mut told = None;
        loop {
            let outgoing = view.borrow_and_update().outgoing.clone();
            let state = outgoing.as_ref().map(|outgoing| outgoing.state);
            if let Some(outgoing) = outgoing.filter(|_| state != told) {
                told = state;
                bed.say(outgoing.state, outgoing.message);
            }
            let sentence = match state {
                Some(OutgoingState::Answered) => break,
                Some(OutgoingState::Declined) => "They declined.",
                Some(OutgoingState::Busy) => "They are in another call: try again later.",
                Some(OutgoingState::NoAnswer) => "They do not answer: try again later.",
                Some(OutgoingState::Unreachable) => "They cannot be reached there: send them a link instead.",
                Some(OutgoingState::Failed) => "No server takes the call: check --server.",
                // They are in the call, or it has ended.
                None if told.is_some() => {
                    // Where both happen at once only the later is seen.
                    let there = !bed.engine.view().borrow().participants.is_empty();
                    if there && told.is_some_and(OutgoingState::is_open) {
                        bed.say(OutgoingState::Answered, None);
                    }
                    break;
                }
                Some(OutgoingState::Calling | OutgoingState::Ringing) | None => {
                    changed(&mut view).await?;
                    continue;
                }
            };
            let kind = if state == Some(OutgoingState::Failed) { Kind::Connection } else { Kind::Link };
            return Err(Failure::new(kind, sentence));
        }
        bed.stay().await
    })
    .await
}

/// Waits for one call.
pub(crate) async fn listen(listen: Listen, trust: Trust) -> Result<(), Failure> {
    let Listen { contacts, contacts_only, decline, presence, ignore, lan, json, media } = listen;
    if media.server.is_none() && !lan {
        let sentence = "Name the server at which you can be called, --server URL, or --lan for the local network.";
        return Err(Failure::new(Kind::Usage, sentence));
    }
    let reachable = media.server.is_some();
    let strangers_may_ring = !contacts_only;
    let listening = |settings| CallSettings { reachable, nearby: lan, strangers_may_ring, presence, ..settings };
    let bed = Bed::start(media, json, contacts, trust, listening).await?;
    bed.until_stopped(async |bed| {
        let mut view = bed.ring.view();
        let (mut listened, mut rings) = (false, None);
        let mut here = BTreeSet::new();
        loop {
            let RingView { reach, nearby, incoming, missed, contacts, .. } = view.borrow_and_update().clone();
            // Everywhere where it is asked for.
            let on = |asked: bool, reach| !asked || reach == Reach::On;
            if on(reachable, reach) && on(lan, nearby) && !listened {
                listened = true;
                bed.tell(json!({ "event": "listening", "key": bed.identity.public().to_string() }));
            }
            if reach == Reach::Failed && !listened {
                let sentence = "The server does not take us: check the address and that it runs.";
                return Err(Failure::new(Kind::Connection, sentence));
            }
            if nearby == Reach::Failed && !listened {
                let sentence =
                    "There is no local network on which we can be found: check that this computer is on one.";
                return Err(Failure::new(Kind::Connection, sentence));
            }
            for ContactView { key, name, here: now, .. } in contacts {
                let changed = if now { here.insert(key.clone()) } else { here.remove(&key) };
                if changed {
                    bed.tell(json!({ "event": "presence", "key": key, "name": name, "here": now }));
                }
            }
            if let Some(incoming) = incoming.filter(|incoming| rings.as_ref() != Some(&incoming.call)) {
                rings = Some(incoming.call.clone());
                bed.tell(json!({ "event": "ringing", "from": incoming.key, "name": incoming.name,
                    "contact": incoming.saved, "video": incoming.video }));
                let call = incoming.call;
                match &decline {
                    Some(message) => {
                        let message = Some(message.clone()).filter(|message| !message.is_empty());
                        bed.ring.send(RingCommand::Wish(Wish::Decline { call, message })).await;
                        bed.tell(json!({ "event": "declined" }));
                        return Ok(());
                    }
                    None if ignore => {}
                    None => {
                        bed.ring.send(RingCommand::Wish(Wish::Answer { call })).await;
                        let mut call = bed.engine.view();
                        call::wait(&mut call, |view| view.phase == Phase::InCall).await?;
                        bed.tell(json!({ "event": "joined" }));
                        return bed.stay().await;
                    }
                }
            }
            if let Some(missed) = missed.first() {
                bed.tell(json!({ "event": "missed", "from": missed.key, "name": missed.name, "video": missed.video }));
                return Ok(());
            }
            changed(&mut view).await?;
        }
    })
    .await
}

struct Bed {
    engine: EngineHandle,
    ring: RingHandle,
    identity: Identity,
    media: Media,
    json: bool,
    recorder: Arc<Recorder>,
}

impl Bed {
    async fn start(
        media: Media,
        json: bool,
        contacts: Vec<Contact>,
        trust: Trust,
        settings: impl FnOnce(CallSettings) -> CallSettings,
    ) -> Result<Self, Failure> {
        let identity = identity::open(media.seat.identity.as_deref())?;
        let recorder = Arc::new(Recorder::create(&media)?);
        let local = Arc::default();
        let setup = call::Setup { identity: identity.clone(), contacts, local: Arc::clone(&local) };
        let (engine, own) = call::start_as(&media, trust.clone(), Arc::clone(&recorder), setup).await?;
        let ours = std::future::ready(Some(identity.clone()));
        let fika_net::ring::Line { commands, events } = fika_net::ring::connect(ours, trust, ports::here(local));
        let ring = fika_engine::ring::start(engine.clone(), Line { commands, events }, settings(own), Vec::new());
        engine.send(Command::SetMicrophone { on: media.microphone != Some(Source::None) }).await?;
        Ok(Self { engine, ring, identity, media, json, recorder })
    }

    async fn until_stopped(self, what: impl AsyncFnOnce(&Self) -> Result<(), Failure>) -> Result<(), Failure> {
        let ended = tokio::select! {
            ended = what(&self) => ended,
            () = stop::requested() => Ok(()),
        };
        let Self { engine, ring, recorder, .. } = self;
        // What was said last leaves before we do.
        let mut view = ring.view();
        drop(ring);
        while view.changed().await.is_ok() {}
        engine.shutdown().await;
        for sentence in recorder.finish() {
            eprintln!("fika-cli: {sentence}");
        }
        ended
    }

    /// In the call until it ends or its time is over.
    async fn stay(&self) -> Result<(), Failure> {
        let stats = self.media.stats.as_deref().map(StatsFile::create).transpose()?;
        let mut view = self.engine.view();
        Running { engine: &self.engine, media: &self.media, stats }.stay(&mut view, true).await?;
        self.engine.send(Command::Leave).await?;
        Ok(())
    }

    fn say(&self, state: OutgoingState, message: Option<String>) {
        let state = serde_json::to_value(state).unwrap_or_default();
        let event = message.map_or(json!({ "event": state }), |message| json!({ "event": state, "message": message }));
        self.tell(event);
    }

    /// A reader that has gone away does not need it.
    fn tell(&self, event: Value) {
        let text = if self.json { event.to_string() } else { in_words(&event) };
        let _ = writeln!(std::io::stdout(), "{text}");
    }
}

/// `ringing: from=… name=…`.
fn in_words(event: &Value) -> String {
    let mut words = event["event"].as_str().unwrap_or_default().to_owned();
    for (name, value) in event.as_object().into_iter().flatten().filter(|(name, _)| *name != "event") {
        words.push_str(&format!(" {name}={}", value.as_str().map_or(value.to_string(), str::to_owned)));
    }
    words
}

async fn changed(view: &mut watch::Receiver<RingView>) -> Result<(), Failure> {
    view.changed().await.map_err(|_| call::stopped())
}

fn key(text: &str) -> Result<IdentityKey, &'static str> {
    IdentityKey::parse(text).ok_or("that is no key: copy it from listen, 43 characters")
}

fn contact(text: &str) -> Result<Contact, &'static str> {
    let (text, name) = text.rsplit_once('=').ok_or("KEY=NAME")?;
    Ok(Contact { name: args::name(name), key: key(text)?, verified: false, server: None })
}
