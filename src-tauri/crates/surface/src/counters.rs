//! What one tile has been given and what of it was seen. Owned by the tile; told the time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::{TileId, TileStats};

/// Latencies kept for the mean of a tile. Full: the oldest goes.
const MAX_LATENCIES: usize = 120;
const MEAN_OVER: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Counters {
    presented: u32,
    drawn: u32,
    latencies: VecDeque<(Instant, Duration)>,
}

impl Counters {
    pub(crate) fn presented(&mut self) {
        self.presented = self.presented.wrapping_add(1);
    }

    /// A picture that was handed over at `presented` is on the screen.
    pub(crate) fn drawn(&mut self, presented: Instant, now: Instant) {
        self.drawn = self.drawn.wrapping_add(1);
        if self.latencies.len() == MAX_LATENCIES {
            self.latencies.pop_front();
        }
        self.latencies.push_back((now, now.saturating_duration_since(presented)));
    }

    pub(crate) fn stats(&self, tile: &TileId, now: Instant) -> TileStats {
        let recent: Vec<f64> = self
            .latencies
            .iter()
            .filter(|(at, _)| now.saturating_duration_since(*at) <= MEAN_OVER)
            .map(|(_, latency)| latency.as_secs_f64() * 1000.0)
            .collect();
        let latency_ms = if recent.is_empty() { 0.0 } else { recent.iter().sum::<f64>() / recent.len() as f64 };
        TileStats { tile: tile.clone(), presented: self.presented, drawn: self.drawn, latency_ms }
    }
}
