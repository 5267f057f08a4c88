//! How fast a device's clock really runs. Fed from the device's callback, told the time; pure.
//!
//! The speaker's clock is master: a microphone is resampled by the ratio of both clocks' measured rates. Callbacks come
//! late by milliseconds, clocks differ by parts in a million, so the times go through a delay-locked loop (F. Adriaensen,
//! "Using a DLL to filter time", 2005).

use std::f64::consts::{SQRT_2, TAU};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fika_media::Timestamp;

/// Width of the loop's filter in Hz: narrow enough for parts in a million, settled after [`SETTLE_S`].
const BANDWIDTH_HZ: f64 = 0.05;
/// Seconds until the measurement counts.
const SETTLE_S: f64 = 20.0;
/// A callback this many seconds off has missed something: the loop starts again.
const LOST_S: f64 = 0.2;
/// Crystals differ by less than this (500 parts in a million); more is a wrong measurement.
const MAX_DRIFT: f64 = 500e-6;

/// A clock's measured rate, shared between its callback and whoever follows it. Zero until it is settled.
#[derive(Clone, Debug, Default)]
pub(super) struct Rate(Arc<AtomicU64>);

impl Rate {
    pub(super) fn set(&self, relative: f64) {
        self.0.store(relative.to_bits(), Ordering::Relaxed);
    }

    /// Samples a second as a multiple of the nominal rate.
    pub(super) fn get(&self) -> Option<f64> {
        let relative = f64::from_bits(self.0.load(Ordering::Relaxed));
        (relative > 0.0).then_some(relative)
    }
}

/// What to stretch a recording of the clock `own` by, so that it follows `master`: 1.0 until both are known.
pub(super) fn follow(own: &Rate, master: &Rate) -> f64 {
    match (own.get(), master.get()) {
        (Some(own), Some(master)) => (master / own).clamp(1.0 - MAX_DRIFT, 1.0 + MAX_DRIFT),
        _ => 1.0,
    }
}

/// Measures one clock.
#[derive(Debug)]
pub(super) struct Meter {
    nominal: f64,
    rate: Rate,
    running: Option<Loop>,
}

#[derive(Debug)]
struct Loop {
    /// When the first sample of the next callback should come, in seconds.
    expected: f64,
    /// Seconds a sample takes.
    period: f64,
    started: f64,
}

impl Meter {
    /// `nominal`: the device's rate in samples a second. The measurement goes to `rate`.
    pub(super) fn new(nominal: u32, rate: Rate) -> Self {
        rate.set(0.0);
        Self { nominal: f64::from(nominal), rate, running: None }
    }

    /// A callback moved `samples` samples at `now`.
    pub(super) fn moved(&mut self, samples: usize, now: Timestamp) {
        let now = now.as_micros() as f64 / 1e6;
        let samples = samples as f64;
        let fresh = Loop { expected: now + samples / self.nominal, period: 1.0 / self.nominal, started: now };
        let Some(running) = self.running.as_mut().filter(|running| (now - running.expected).abs() < LOST_S) else {
            self.running = Some(fresh);
            self.rate.set(0.0);
            return;
        };
        let error = now - running.expected;
        // The loop's step grows with the callback, so its width in Hz stays the same for pieces of any size.
        let omega = TAU * BANDWIDTH_HZ * samples / self.nominal;
        running.expected += samples * running.period + SQRT_2 * omega * error;
        running.period += omega * omega * error / samples.max(1.0);
        if now - running.started > SETTLE_S {
            let relative = 1.0 / (running.period * self.nominal);
            self.rate.set(if (relative - 1.0).abs() <= MAX_DRIFT { relative } else { 0.0 });
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.rate.set(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a clock that is `ppm` fast for a minute, with callbacks late by up to `jitter_us`.
    fn measured(ppm: f64, piece: usize, jitter_us: u64) -> Option<f64> {
        let rate = Rate::default();
        let mut meter = Meter::new(48_000, rate.clone());
        let (mut samples, mut noise) = (0.0, 1_u64);
        while samples < 60.0 * 48_000.0 {
            samples += piece as f64;
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let late = if jitter_us == 0 { 0 } else { (noise >> 33) % jitter_us };
            let at = samples / (48_000.0 * (1.0 + ppm * 1e-6)) * 1e6;
            meter.moved(piece, Timestamp::from_micros(at as i64 + late as i64));
        }
        let got = rate.get();
        drop(meter);
        assert_eq!(rate.get(), None, "a closed device is no clock");
        got
    }

    #[test]
    fn drift_is_measured_through_late_callbacks() {
        for (ppm, piece, jitter) in [(0.0, 480, 0), (80.0, 480, 4_000), (-150.0, 480, 4_000), (60.0, 24, 2_000)] {
            let got = (measured(ppm, piece, jitter).unwrap() - 1.0) * 1e6;
            assert!((got - ppm).abs() < 20.0, "{ppm} ppm measured as {got}");
        }
    }

    #[test]
    fn nonsense_is_not_reported() {
        assert_eq!(measured(20_000.0, 480, 0), None);
    }

    #[test]
    fn the_follower_is_stretched_to_the_master() {
        let (own, master) = (Rate::default(), Rate::default());
        own.set(1.0001);
        assert_eq!(follow(&own, &master), 1.0, "nobody to follow yet");
        master.set(1.0);
        assert!((follow(&own, &master) - 0.9999).abs() < 1e-6);
        master.set(2.0);
        assert_eq!(follow(&own, &master), 1.0 + MAX_DRIFT);
    }
}
