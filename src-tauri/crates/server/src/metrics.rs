//! What the server counts, as Prometheus reads it: sums without names, addresses or rooms.
//!
//! Sums are written by the hub's task and read by whoever asks; what there is now, the hub counts when it is asked.

use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use fika_call::signal::Refusal;

use crate::hub::Census;

#[derive(Default)]
pub(crate) struct Metrics {
    pub(crate) joins: AtomicU64,
    pub(crate) messages: AtomicU64,
    pub(crate) chats: AtomicU64,
    pub(crate) slow: AtomicU64,
    refusals: [AtomicU64; REASONS.len()],
}

const REASONS: [(Refusal, &str); 9] = [
    (Refusal::RoomNotFound, "room_not_found"),
    (Refusal::RoomFull, "room_full"),
    (Refusal::TooManyRequests, "too_many_requests"),
    (Refusal::BadMessage, "bad_message"),
    (Refusal::Version, "version"),
    (Refusal::Denied, "denied"),
    (Refusal::Removed, "removed"),
    (Refusal::Ended, "ended"),
    (Refusal::NotReachable, "not_reachable"),
];

impl Metrics {
    pub(crate) fn refused(&self, reason: Refusal) {
        let counters = REASONS.iter().zip(&self.refusals);
        if let Some((_, counter)) = counters.into_iter().find(|((of, _), _)| *of == reason) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// In the text format of Prometheus.
    pub(crate) fn text(&self, now: Census) -> String {
        let mut text = String::new();
        let gauges = [
            ("fika_rooms", "Open rooms.", now.rooms.rooms as u64),
            ("fika_participants", "People in rooms.", now.rooms.participants as u64),
            ("fika_waiting", "People before a door.", now.rooms.waiting as u64),
            ("fika_listeners", "People who can be called.", now.listeners as u64),
            ("fika_connections", "Open WebSockets.", now.connections as u64),
        ];
        let counters = [
            ("fika_joins_total", "Seats taken, those of people who came back too.", &self.joins),
            ("fika_messages_total", "Messages received.", &self.messages),
            ("fika_chat_messages_total", "Chat messages received.", &self.chats),
            ("fika_slow_connections_total", "Connections dropped because they read too slowly.", &self.slow),
        ];
        let counters = counters.map(|(name, help, value)| (name, help, value.load(Relaxed)));
        let kinds = gauges.map(|one| (one, "gauge")).into_iter().chain(counters.map(|one| (one, "counter")));
        for ((name, help, value), kind) in kinds {
            // Writing to a text does not fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        }
        text.push_str("# HELP fika_refusals_total Connections refused.\n# TYPE fika_refusals_total counter\n");
        for ((_, reason), value) in REASONS.iter().zip(&self.refusals) {
            let _ = writeln!(text, "fika_refusals_total{{reason=\"{reason}\"}} {}", value.load(Relaxed));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::Count;

    #[test]
    fn every_line_is_a_comment_or_a_sample() {
        let metrics = Metrics::default();
        metrics.refused(Refusal::Denied);
        metrics.joins.store(3, Relaxed);
        let rooms = Count { rooms: 2, participants: 5, waiting: 1 };
        let text = metrics.text(Census { rooms, listeners: 4, connections: 6 });
        assert!(text.contains("\nfika_participants 5\n"));
        assert!(text.contains("\nfika_joins_total 3\n"));
        assert!(text.contains("\nfika_refusals_total{reason=\"denied\"} 1\n"));
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let (_, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<u64>().is_ok(), "{line}");
        }
    }
}
