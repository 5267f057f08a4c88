//! Who shows themselves to whom, of those who listen for calls. Two hear of each other only while each has named the other. Part of
//! [`crate::listening`]: pure, the same on every instance, and gone with the connection.
//!
//! Full: a list has [`MAX_SHOWN`] keys, which [`crate::wish`] sees to, and there are no more lists than listeners. Who changes theirs faster
//! than [`RATE`] is refused, so a change that takes somebody off is never passed over: it comes with the end of the connection.

use std::collections::BTreeMap;

use fika_call::identity::IdentityKey;
use fika_call::signal::Refusal;
use serde::{Deserialize, Serialize};

use crate::limits::{Bucket, Rate};
use crate::moment::Moment;

/// Of the lists of one connection. Apps keep a second between two.
const RATE: Rate = Rate { per_second: 1.0, burst: 8.0 };

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Presence {
    lists: BTreeMap<IdentityKey, List>,
}

#[derive(Serialize, Deserialize)]
struct List {
    /// In order.
    keys: Box<[IdentityKey]>,
    rate: Bucket,
}

/// What a new list leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// All of the list who have named its owner.
    pub(crate) here: Vec<IdentityKey>,
    /// Who sees the owner come.
    pub(crate) come: Vec<IdentityKey>,
    /// Who sees them go.
    pub(crate) gone: Vec<IdentityKey>,
}

impl Presence {
    /// In place of the list before. `keys`: in order, each once.
    pub(crate) fn show(&mut self, owner: IdentityKey, keys: Vec<IdentityKey>, now: Moment) -> Result<Change, Refusal> {
        let fresh = || List { keys: Box::default(), rate: Bucket::new(RATE, now) };
        let list = self.lists.entry(owner).or_insert_with(fresh);
        if !list.rate.take(1.0, now) {
            return Err(Refusal::TooManyRequests);
        }
        let before = std::mem::replace(&mut list.keys, keys.clone().into());
        let here: Vec<IdentityKey> = keys.iter().filter(|key| self.names(key, &owner)).copied().collect();
        Ok(Change {
            come: here.iter().filter(|key| before.binary_search(key).is_err()).copied().collect(),
            gone: before
                .iter()
                .filter(|key| keys.binary_search(key).is_err() && self.names(key, &owner))
                .copied()
                .collect(),
            here,
        })
    }

    /// They listen no more. Who sees them go.
    pub(crate) fn gone(&mut self, owner: &IdentityKey) -> Vec<IdentityKey> {
        let list = self.lists.remove(owner).map(|list| list.keys).unwrap_or_default();
        list.iter().filter(|key| self.names(key, owner)).copied().collect()
    }

    /// Nobody is told of themselves.
    fn names(&self, who: &IdentityKey, whom: &IdentityKey) -> bool {
        who != whom && self.lists.get(who).is_some_and(|list| list.keys.binary_search(whom).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const PEOPLE: u8 = 5;

    fn key(seed: u8) -> IdentityKey {
        IdentityKey([seed; 32])
    }

    fn all(of: impl Fn(u8) -> bool) -> Vec<IdentityKey> {
        (0..PEOPLE).filter(|seed| of(*seed)).map(key).collect()
    }

    proptest! {
        /// Whatever the lists are: what everybody was told adds up to who has named them, is named by them, and listens.
        #[test]
        fn everybody_sees_those_who_see_them(steps in prop::collection::vec((0..PEOPLE, prop::option::weighted(0.8, any::<u8>())), 0..60)) {
            let (mut presence, mut now) = (Presence::default(), Moment(0));
            let mut lists: BTreeMap<u8, u8> = BTreeMap::new();
            let mut seen: BTreeMap<IdentityKey, BTreeSet<IdentityKey>> = BTreeMap::new();
            for (who, list) in steps {
                let (come, gone) = match list {
                    Some(list) => {
                        now += Duration::from_secs(1);
                        lists.insert(who, list);
                        let keys = all(|seed| list >> seed & 1 == 1);
                        let Change { here, come, gone } = presence.show(key(who), keys, now).unwrap();
                        seen.insert(key(who), here.into_iter().collect());
                        (come, gone)
                    }
                    None => {
                        lists.remove(&who);
                        seen.remove(&key(who));
                        (Vec::new(), presence.gone(&key(who)))
                    }
                };
                for one in come {
                    prop_assert!(seen.get_mut(&one).unwrap().insert(key(who)), "told once");
                }
                for one in gone {
                    prop_assert!(seen.get_mut(&one).unwrap().remove(&key(who)), "only of whom they saw");
                }
                let names = |who: u8, whom: u8| lists.get(&who).is_some_and(|list| list >> whom & 1 == 1);
                for who in lists.keys() {
                    let expected = all(|other| other != *who && names(*who, other) && names(other, *who));
                    prop_assert_eq!(seen[&key(*who)].iter().copied().collect::<Vec<_>>(), expected);
                }
            }
        }
    }

    #[test]
    fn lists_are_changed_a_few_times_at_once_and_then_once_a_second() {
        let mut presence = Presence::default();
        let mut show = |at: u64| presence.show(key(1), vec![key(2)], Moment(at));
        assert!((0..8).all(|_| show(0).is_ok()));
        assert_eq!(show(0), Err(Refusal::TooManyRequests));
        assert!(show(1000).is_ok());
    }
}
