//! What the page shows of calls that ring.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{CallId, Missed, OutgoingState, Reach, Ring};
use crate::identity::{Contact, IdentityKey};

/// Who can be called, who calls, and who has called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct RingView {
    /// At the meeting server.
    pub reach: Reach,
    /// On the local network.
    pub nearby: Reach,
    pub incoming: Option<IncomingView>,
    pub outgoing: Option<OutgoingView>,
    /// The newest first.
    pub missed: Vec<MissedView>,
    pub contacts: Vec<ContactView>,
}

/// Somebody calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct IncomingView {
    pub call: CallId,
    pub key: String,
    /// Of a contact the user's own name for them, else what they call themselves.
    pub name: String,
    /// One of the contacts.
    pub saved: bool,
    pub verified: bool,
    pub video: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct OutgoingView {
    pub key: String,
    pub name: String,
    pub video: bool,
    pub state: OutgoingState,
    /// Said while declining.
    pub message: Option<String>,
}

/// Somebody has called in vain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct MissedView {
    pub key: String,
    pub name: String,
    pub saved: bool,
    pub video: bool,
    /// Seconds since 1970.
    pub at: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct ContactView {
    pub key: String,
    pub name: String,
    pub verified: bool,
    /// Shows us that they can be called now.
    pub here: bool,
}

impl RingView {
    /// `missed`: the newest first, with the time of each in seconds since 1970. `here`: who shows us that they can be called.
    pub fn of(
        ring: &Ring,
        (reach, nearby): (Reach, Reach),
        missed: &[(Missed, u32)],
        contacts: &[Contact],
        here: &BTreeSet<IdentityKey>,
    ) -> Self {
        let known = |key: &IdentityKey| contacts.iter().find(|contact| contact.key == *key);
        let called_back = |key: &IdentityKey| {
            let missed = missed.iter().find(|(missed, _)| missed.from == *key);
            missed.map_or("", |(missed, _)| missed.name.as_str())
        };
        let name = |key: &IdentityKey, own: &str| known(key).map_or(own, |contact| &contact.name).to_owned();
        Self {
            reach,
            nearby,
            incoming: ring.incoming().map(|incoming| IncomingView {
                call: incoming.call.clone(),
                key: incoming.from.to_string(),
                name: name(&incoming.from, &incoming.invitation.name),
                saved: known(&incoming.from).is_some(),
                verified: known(&incoming.from).is_some_and(|contact| contact.verified),
                video: incoming.invitation.video,
            }),
            outgoing: ring.outgoing().map(|outgoing| OutgoingView {
                key: outgoing.to.to_string(),
                name: name(&outgoing.to, called_back(&outgoing.to)),
                video: outgoing.video,
                state: outgoing.state,
                message: outgoing.message.clone(),
            }),
            missed: missed
                .iter()
                .map(|(missed, at)| MissedView {
                    key: missed.from.to_string(),
                    name: name(&missed.from, &missed.name),
                    saved: known(&missed.from).is_some(),
                    video: missed.video,
                    at: *at,
                })
                .collect(),
            contacts: contacts
                .iter()
                .map(|contact| ContactView {
                    key: contact.key.to_string(),
                    name: contact.name.clone(),
                    verified: contact.verified,
                    here: here.contains(&contact.key),
                })
                .collect(),
        }
    }
}
