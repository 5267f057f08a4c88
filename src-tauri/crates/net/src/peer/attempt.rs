//! What is said of an attempt to connect in whose place another one begins. Pure.

use std::time::Duration;

use fika_call::session::PeerState;

/// Without a relay after this time there is none.
const RELAY_PATIENCE: Duration = Duration::from_secs(10);

/// `connected`: whether it was, if there was an attempt. `without_relay`: how long it waited for a relay, if it still did. Whoever
/// offers may begin again just before ours would find out that there is none.
pub(super) fn replaced(connected: Option<bool>, without_relay: Option<Duration>) -> PeerState {
    match (connected, without_relay) {
        (Some(false), Some(waited)) if waited >= RELAY_PATIENCE => PeerState::NoRelay,
        (Some(false), _) => PeerState::Failed,
        _ => PeerState::Connecting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_that_is_replaced_says_that_it_found_no_relay() {
        assert_eq!(replaced(Some(false), Some(Duration::from_secs(14))), PeerState::NoRelay);
        assert_eq!(replaced(Some(false), Some(Duration::from_secs(2))), PeerState::Failed, "it had no time");
        assert_eq!(replaced(Some(false), None), PeerState::Failed);
        assert_eq!(replaced(Some(true), None), PeerState::Connecting);
        assert_eq!(replaced(None, None), PeerState::Connecting);
    }
}
