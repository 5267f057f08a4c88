//! Loudness for meters and for "who is speaking". Pure; fed 10 ms at a time.

/// Below this the meter stands at zero.
const BOTTOM_DBFS: f32 = -60.0;
/// What the meter falls in 10 ms.
const FALL: f32 = 1.5;
/// Quieter is never speech.
const QUIET_DBFS: f32 = -50.0;
/// Speech stands this far above the noise.
const ABOVE_NOISE_DB: f32 = 10.0;
/// What the noise floor rises in 10 ms: 3 dB in a second.
const NOISE_RISE_DB: f32 = 0.03;
/// Loud frames that make a word, not a click: 30 ms.
const BEGIN: u32 = 3;
/// Frames that speech lasts beyond the last loud one: half a second.
const HOLD: u32 = 50;

/// Root mean square in dB below full scale; -100 for silence.
pub fn dbfs(samples: &[f32]) -> f32 {
    let mean = samples.iter().map(|s| s * s).sum::<f32>() / samples.len().max(1) as f32;
    (10.0 * mean.log10()).max(-100.0)
}

/// A meter from 0 to 100 that rises at once and falls slowly. -60 dBFS is 0, 0 dBFS is 100.
#[derive(Clone, Copy, Debug, Default)]
pub struct Level {
    value: f32,
}

impl Level {
    pub fn update(&mut self, samples: &[f32]) -> u8 {
        let now = ((dbfs(samples) - BOTTOM_DBFS) / -BOTTOM_DBFS * 100.0).clamp(0.0, 100.0);
        self.value = now.max(self.value - FALL);
        self.get()
    }

    pub fn get(&self) -> u8 {
        self.value.round() as u8
    }
}

/// Tells speech from a steady noise by its loudness; holds for half a second.
#[derive(Clone, Copy, Debug)]
pub struct Speaking {
    noise: f32,
    loud: u32,
    hold: u32,
}

impl Default for Speaking {
    fn default() -> Self {
        Self { noise: QUIET_DBFS, loud: 0, hold: 0 }
    }
}

impl Speaking {
    pub fn update(&mut self, samples: &[f32]) -> bool {
        let level = dbfs(samples);
        self.noise = level.min(self.noise + NOISE_RISE_DB).max(-90.0);
        if level > (self.noise + ABOVE_NOISE_DB).max(QUIET_DBFS) {
            self.loud += 1;
        } else {
            self.loud = 0;
        }
        self.hold = if self.loud >= BEGIN { HOLD } else { self.hold.saturating_sub(1) };
        self.get()
    }

    pub fn get(&self) -> bool {
        self.hold > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(dbfs: f32) -> [f32; 480] {
        [10f32.powf(dbfs / 20.0); 480]
    }

    #[test]
    fn the_meter_rises_at_once_and_falls_slowly() {
        let mut level = Level::default();
        assert_eq!(level.update(&constant(-100.0)), 0);
        assert_eq!(level.update(&constant(-30.0)), 50);
        assert_eq!(level.update(&constant(0.0)), 100);
        assert_eq!(level.update(&[0.0; 480]), 99);
        (0..40).for_each(|_| _ = level.update(&[0.0; 480]));
        assert!((35..45).contains(&level.get()), "{}", level.get());
        assert_eq!(dbfs(&[]), -100.0);
    }

    #[test]
    fn speech_holds_and_steady_noise_is_no_speech() {
        let mut speaking = Speaking::default();
        assert!(!speaking.update(&constant(-20.0)));
        (0..5).for_each(|_| _ = speaking.update(&constant(-70.0)));
        assert!(!speaking.get(), "a click");
        (0..3).for_each(|_| _ = speaking.update(&constant(-25.0)));
        assert!(speaking.get());
        (0..49).for_each(|_| _ = speaking.update(&constant(-70.0)));
        assert!(speaking.get(), "held");
        speaking.update(&constant(-70.0));
        assert!(!speaking.get());
        // A fan is taken for speech at first and for noise later.
        (0..1500).for_each(|_| _ = speaking.update(&constant(-40.0)));
        assert!(!speaking.get());
        (0..3).for_each(|_| _ = speaking.update(&constant(-25.0)));
        assert!(speaking.get(), "speech over the fan");
    }
}
