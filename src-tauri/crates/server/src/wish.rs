//! What a message asks of the house, with everything drawn at random, and without the secrets that are shown in it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use fika_call::door::{Entry, MAX_PASSCODE, RoomOptions};
use fika_call::identity::IdentityKey;
use fika_call::invite::{CODE_BYTES, Code, HostKey};
use fika_call::ring::presence::MAX_SHOWN;
use fika_call::ring::{self, CallId};
use fika_call::signal::{Again, ClientMessage, PROTOCOL_VERSION, Refusal, Sealed};
use fika_call::{ParticipantId, RoomId, seal};

use crate::house::Wish;
use crate::keys::{Keys, digest, room_of};
use crate::random;
use crate::rooms::{Join, NewRoom, Past, Shown};

/// What this instance gives now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) anyone_may_create: bool,
    /// Nobody new comes in.
    pub(crate) closed: bool,
    /// Tokens hold although the server has begun anew.
    pub(crate) tokens_last: bool,
}

/// The wish, and the secret that goes into the answer: drawn here, told to one connection, and kept nowhere.
pub(crate) fn read(
    message: ClientMessage,
    address: IpAddr,
    keys: &Keys,
    terms: Terms,
    unix: u32,
) -> (Wish, Option<String>) {
    match wish(message, address, keys, terms, unix) {
        Ok(wish) => wish,
        Err(reason) => (Wish::Refuse(reason), None),
    }
}

/// A room under an id that nobody guesses, and the key that makes its bearer the host.
pub(crate) fn room(options: RoomOptions, keys: &Keys) -> Result<(NewRoom, HostKey), Refusal> {
    of_key(random::base64url::<CODE_BYTES>(), options, None, keys)
}

fn of_key(
    host_key: String,
    options: RoomOptions,
    past: Option<Past>,
    keys: &Keys,
) -> Result<(NewRoom, HostKey), Refusal> {
    if options.passcode.as_ref().is_some_and(|passcode| passcode.chars().count() > MAX_PASSCODE) {
        return Err(Refusal::BadMessage);
    }
    let id = room_of(&host_key);
    let passcode = options.passcode.as_deref().filter(|passcode| !passcode.is_empty());
    let passcode = passcode.map(|passcode| keys.passcode(&id, passcode));
    let options = RoomOptions { passcode: None, ..options };
    Ok((NewRoom { id, host_key: digest(&host_key), passcode, options, past }, HostKey(host_key)))
}

fn wish(
    message: ClientMessage,
    address: IpAddr,
    keys: &Keys,
    terms: Terms,
    unix: u32,
) -> Result<(Wish, Option<String>), Refusal> {
    let origin = keys.origin(address);
    let ours = |version| if version == PROTOCOL_VERSION { Ok(()) } else { Err(Refusal::Version) };
    Ok(match message {
        ClientMessage::Create { version, options, again } => {
            ours(version)?;
            if !terms.anyone_may_create || terms.closed {
                return Err(Refusal::TooManyRequests);
            }
            let (new, host_key) = match again {
                None => room(options, keys)?,
                Some(again) => {
                    let Again { host_key, people, state } = *again;
                    let past = Past::new(people, state).filter(|_| is_code(&host_key)).ok_or(Refusal::BadMessage)?;
                    let past = if terms.tokens_last { past } else { past.without_people() };
                    of_key(host_key, options, Some(past), keys)?
                }
            };
            (Wish::Create { origin, new }, Some(host_key.0))
        }
        ClientMessage::Manage { version, room, host_key } => {
            ours(version)?;
            (Wish::Manage { origin, room, host_key: digest(&host_key) }, None)
        }
        ClientMessage::Join { version, room, name, media, resume, entry } => {
            ours(version)?;
            let resume = resume.and_then(|token| keys.grant(&token, unix));
            // Who comes back to a seat still may.
            if terms.closed && resume.is_none() {
                return Err(Refusal::TooManyRequests);
            }
            let shown = shown(&room, &entry, keys)?;
            let fresh = ParticipantId(random::hex::<8>());
            (Wish::Join { origin, join: Join { room, name, media, resume, shown }, fresh }, None)
        }
        ClientMessage::MakeInvite { options } => {
            let code = random::base64url::<CODE_BYTES>();
            (Wish::MakeInvite { options, id: random::hex::<4>(), digest: digest(&code) }, Some(code))
        }
        ClientMessage::Ring { version, to, call, payload } => {
            ours(version)?;
            if terms.closed {
                return Err(Refusal::TooManyRequests);
            }
            let to = IdentityKey::parse(&to).ok_or(Refusal::BadMessage)?;
            if !is_ring(&call, &payload) {
                return Err(Refusal::BadMessage);
            }
            (Wish::Ring { origin, to, call, payload }, None)
        }
        ClientMessage::Show { keys } => (Wish::Show { to: people(&keys).ok_or(Refusal::BadMessage)? }, None),
        ClientMessage::AnswerRing { call, payload } if !is_ring(&call, &payload) => return Err(Refusal::BadMessage),
        message => (Wish::Say(message), None),
    })
}

fn is_ring(call: &CallId, payload: &Sealed) -> bool {
    call.is_well_formed() && payload.0.len() <= ring::MAX_SEALED && seal::is_well_formed(payload)
}

/// In order, each once.
fn people(keys: &[String]) -> Option<Vec<IdentityKey>> {
    if keys.len() > MAX_SHOWN {
        return None;
    }
    let keys: Option<BTreeSet<IdentityKey>> = keys.iter().map(|key| IdentityKey::parse(key)).collect();
    Some(keys?.into_iter().collect())
}

/// As this server draws them.
fn is_code(text: &str) -> bool {
    Code::parse(text).is_some()
}

fn shown(room: &RoomId, entry: &Entry, keys: &Keys) -> Result<Shown, Refusal> {
    let passcode = entry.passcode.as_deref();
    if passcode.is_some_and(|passcode| passcode.chars().count() > MAX_PASSCODE) {
        return Err(Refusal::BadMessage);
    }
    Ok(Shown {
        host_key: entry.host_key.as_deref().map(digest),
        invite: entry.invite.as_deref().map(digest),
        passcode: passcode.map(|passcode| keys.passcode(room, passcode)),
    })
}
