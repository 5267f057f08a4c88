//! What the owner does without a seat.

use fika_call::ParticipantId;
use fika_call::door::InviteInfo;
use fika_call::invite::{Code, HostKey, Invite, SECRET_BYTES, Secret};
use fika_call::room::Moderation;
use fika_call::signal::{ClientMessage, ServerMessage};
use fika_net::Trust;
use fika_net::signal::{Managed, create_room};
use serde_json::json;

use super::args::{OnOff, Open, Owner, Person, Room, Someone};
use super::{find, say};
use crate::fail::{Failure, Kind};
use crate::ports::root;

pub(super) async fn open(open: Open, trust: &Trust) -> Result<(), Failure> {
    let options = open.options();
    let passcode = options.passcode.as_ref().is_some_and(|passcode| !passcode.is_empty());
    let until = options.until;
    let (room, host_key) = create_room(&open.server, trust, options).await?;
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret).expect("the system gives random numbers");
    let invite = Invite { passcode, ..Invite::open(root(open.server), room, Secret::from_bytes(secret)) };
    let link = invite.link();
    if open.json {
        say(&json!({ "link": link, "hostKey": host_key.0, "until": until }).to_string());
    } else {
        say(&link);
        say(&format!("host key: {}", host_key.0));
    }
    Ok(())
}

pub(super) async fn run(command: Room, trust: &Trust) -> Result<(), Failure> {
    match command {
        // Taken before.
        Room::Open(_) | Room::Sit(_) | Room::Ics(_) | Room::Agenda(_) => Ok(()),
        Room::Chat { .. } | Room::Messages(_) | Room::React { .. } | Room::Hand(_) => Ok(()),
        Room::SendFile { .. } | Room::ReceiveFile { .. } => Ok(()),
        Room::Show(owner) => {
            Session::open(owner, trust).await?.show();
            Ok(())
        }
        Room::Admit(someone) => to_someone(someone, trust, Moderation::AdmitAll, |who| Moderation::Admit { who }).await,
        Room::Mute(someone) => to_someone(someone, trust, Moderation::MuteAll, |who| Moderation::Mute { who }).await,
        Room::Deny(person) => to(person, trust, |who| Moderation::Deny { who }).await,
        Room::Ask { person, what } => to(person, trust, |who| Moderation::Ask { who, what: what.into() }).await,
        Room::StopCamera(person) => to(person, trust, |who| Moderation::StopCamera { who }).await,
        Room::Remove(person) => to(person, trust, |who| Moderation::Remove { who }).await,
        Room::Wait(person) => to(person, trust, |who| Moderation::MoveToWaiting { who }).await,
        Room::CoHost { person, off } => to(person, trust, |who| Moderation::SetCoHost { who, on: !off }).await,
        Room::Host(person) => to(person, trust, |who| Moderation::MakeHost { who }).await,
        Room::LowerHand(person) => to(person, trust, |who| Moderation::LowerHand { who }).await,
        Room::Lock(owner) => act(owner, trust, Moderation::SetLocked { on: true }).await,
        Room::Unlock(owner) => act(owner, trust, Moderation::SetLocked { on: false }).await,
        Room::WaitingRoom { owner, state } => {
            act(owner, trust, Moderation::SetWaitingRoom { on: state == OnOff::On }).await
        }
        Room::Spotlight { owner, who: Some(who) } => {
            to(Person { owner, who }, trust, |who| Moderation::Spotlight { who: Some(who) }).await
        }
        Room::Spotlight { owner, who: None } => act(owner, trust, Moderation::Spotlight { who: None }).await,
        Room::End(owner) => act(owner, trust, Moderation::End).await,
        Room::Invite { owner, options } => {
            let mut session = Session::open(owner, trust).await?;
            let answer = session.managed.ask(ClientMessage::MakeInvite { options: options.options() }).await?;
            let Some(ServerMessage::InviteMade { invite, code }) = answer else { return Err(nonsense()) };
            let code = Code::parse(&code).ok_or_else(nonsense)?;
            let link = Invite { code: Some(code), ..session.invite }.link();
            say(&if session.json { json!({ "link": link, "invite": invite }).to_string() } else { link });
            Ok(())
        }
        Room::Invites(owner) => {
            let session = Session::open(owner, trust).await?;
            tell_invites(&session.managed.invites, session.json);
            Ok(())
        }
        Room::Revoke { owner, id } => {
            let mut session = Session::open(owner, trust).await?;
            session.managed.ask(ClientMessage::RevokeInvite { id }).await?;
            tell_invites(&session.managed.invites, session.json);
            Ok(())
        }
    }
}

struct Session {
    managed: Managed,
    invite: Invite,
    json: bool,
}

impl Session {
    async fn open(owner: Owner, trust: &Trust) -> Result<Self, Failure> {
        let invite = Invite::parse(&owner.link)
            .map_err(|error| Failure::new(Kind::Link, format!("That link does not work, {error}: copy it anew.")))?;
        let managed = Managed::open(&invite.server, trust, invite.room.clone(), &HostKey(owner.host_key)).await?;
        Ok(Self { managed, invite, json: owner.json })
    }

    fn find(&self, word: &str) -> Result<ParticipantId, Failure> {
        let inside = self.managed.participants.iter().map(|person| (&person.id, person.name.as_str()));
        let waiting = self.managed.waiting.iter().map(|guest| (&guest.id, guest.name.as_str()));
        find(word, inside.chain(waiting)).ok_or_else(|| {
            Failure::new(Kind::Link, format!("Nobody is called {word}, or more than one: take an id of room show."))
        })
    }

    async fn act(mut self, action: Moderation) -> Result<(), Failure> {
        let ends = action == Moderation::End;
        match self.managed.ask(ClientMessage::Moderate { action }).await {
            Ok(_) => {}
            // With the meeting the room has gone, and the connection with it.
            Err(fika_net::signal::ManageError::Unreachable) if ends => {}
            Err(error) => return Err(error.into()),
        }
        if ends {
            say(&if self.json { json!({ "ended": true }).to_string() } else { "The meeting has ended.".into() });
        } else {
            self.show();
        }
        Ok(())
    }

    fn show(&self) {
        let Managed { state, participants, waiting, .. } = &self.managed;
        if self.json {
            return say(&json!({ "state": state, "participants": participants, "waiting": waiting }).to_string());
        }
        let door = match (state.locked, state.waiting_room) {
            (true, _) => "locked",
            (false, true) => "guests wait",
            (false, false) => "open",
        };
        say(&format!("door: {door}"));
        for person in participants {
            let role = state.role(&person.id);
            let hand = state.hand(&person.id).map_or(String::new(), |place| format!("  hand {place}"));
            let away = if person.away { "  away" } else { "" };
            say(&format!("{}  {}  {role:?}{hand}{away}", person.id.0, person.name));
        }
        for guest in waiting {
            let label = guest.label.as_ref().map_or(String::new(), |label| format!("  ({label})"));
            say(&format!("{}  {}  waits{label}", guest.id.0, guest.name));
        }
    }
}

async fn act(owner: Owner, trust: &Trust, action: Moderation) -> Result<(), Failure> {
    Session::open(owner, trust).await?.act(action).await
}

async fn to(person: Person, trust: &Trust, action: impl FnOnce(ParticipantId) -> Moderation) -> Result<(), Failure> {
    let session = Session::open(person.owner, trust).await?;
    let who = session.find(&person.who)?;
    session.act(action(who)).await
}

async fn to_someone(
    someone: Someone,
    trust: &Trust,
    all: Moderation,
    one: impl FnOnce(ParticipantId) -> Moderation,
) -> Result<(), Failure> {
    match someone.who {
        Some(who) => to(Person { owner: someone.owner, who }, trust, one).await,
        None => act(someone.owner, trust, all).await,
    }
}

fn tell_invites(invites: &[InviteInfo], json: bool) {
    if json {
        return say(&json!({ "invites": invites }).to_string());
    }
    for InviteInfo { id, label, used, revoked, .. } in invites {
        let label = label.as_deref().unwrap_or("everybody");
        let state = if *revoked { "revoked" } else { "valid" };
        say(&format!("{id}  {label}  used {used}  {state}"));
    }
}

fn nonsense() -> Failure {
    Failure::new(Kind::Connection, "What answers there is no Fika server: check the address.")
}
