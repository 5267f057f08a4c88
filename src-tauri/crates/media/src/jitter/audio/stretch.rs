//! Changes the length of speech by one pitch period, cross-faded, so that its pitch stays (WSOLA). Pure.

use std::collections::VecDeque;

/// Pitch periods looked for: 2.5 to 10 ms, 400 to 100 Hz.
const SHORTEST: usize = 120;
const LONGEST: usize = 480;
/// Likeness of two neighbouring periods below which nothing is changed.
const ALIKE: f32 = 0.7;
/// Mean square below which any cut goes unheard.
const SILENT: f32 = 1e-5;

/// Appends `samples` without one pitch period; how many samples that was. `None`: no period found, nothing appended.
pub(super) fn shorten(samples: &[f32], out: &mut VecDeque<f32>) -> Option<usize> {
    let period = period(samples)?;
    out.extend((0..period).map(|at| fade(samples[at], samples[at + period], at, period)));
    out.extend(&samples[2 * period..]);
    Some(period)
}

/// Appends `samples` with one pitch period twice; how many samples were added. `None`: no period found, nothing appended.
pub(super) fn lengthen(samples: &[f32], out: &mut VecDeque<f32>) -> Option<usize> {
    let period = period(samples)?;
    out.extend(&samples[..period]);
    out.extend((0..period).map(|at| fade(samples[at + period], samples[at], at, period)));
    out.extend(&samples[period..]);
    Some(period)
}

fn fade(from: f32, to: f32, at: usize, len: usize) -> f32 {
    let weight = at as f32 / len as f32;
    from * (1.0 - weight) + to * weight
}

/// The distance at which the start of `samples` is most like itself.
fn period(samples: &[f32]) -> Option<usize> {
    if samples.len() < 2 * LONGEST {
        return None;
    }
    let head = &samples[..LONGEST];
    let energy = |part: &[f32]| part.iter().map(|s| s * s).sum::<f32>();
    let head_energy = energy(head);
    let (mut best, mut likeness) = (LONGEST / 2, -1.0);
    for period in (SHORTEST..=LONGEST).step_by(2) {
        let shifted = &samples[period..period + LONGEST];
        let product: f32 = head.iter().zip(shifted).map(|(a, b)| a * b).sum();
        let alike = product / (head_energy * energy(shifted) + 1e-12).sqrt();
        if alike > likeness {
            (best, likeness) = (period, alike);
        }
    }
    let silent = energy(samples) < SILENT * samples.len() as f32;
    (silent || likeness > ALIKE).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frequency: f32) -> Vec<f32> {
        (0..960).map(|n| (n as f32 * frequency * std::f32::consts::TAU / 48_000.0).sin() * 0.5).collect()
    }

    fn largest_step(samples: &VecDeque<f32>) -> f32 {
        samples.iter().zip(samples.iter().skip(1)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn whole_periods_go_and_come_without_a_click() {
        for frequency in [110.0, 200.0, 333.0] {
            let samples = tone(frequency);
            let smooth = largest_step(&samples.iter().copied().collect());
            let (mut short, mut long) = (VecDeque::new(), VecDeque::new());
            let removed = shorten(&samples, &mut short).unwrap();
            let added = lengthen(&samples, &mut long).unwrap();
            assert_eq!((short.len(), long.len()), (960 - removed, 960 + added));
            let periods = removed as f32 * frequency / 48_000.0;
            assert!((periods - periods.round()).abs() < 0.03, "{frequency} Hz: {periods} periods");
            for stretched in [&short, &long] {
                assert!(largest_step(stretched) < smooth * 1.3, "{frequency} Hz");
                assert_eq!(stretched.back(), samples.last());
            }
        }
    }

    #[test]
    fn noise_is_left_alone_and_silence_is_not() {
        let mut state = 1u32;
        let noise: Vec<f32> = (0..960)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32 - 0.5
            })
            .collect();
        let mut out = VecDeque::new();
        assert_eq!(shorten(&noise, &mut out), None);
        assert_eq!(lengthen(&noise, &mut out), None);
        assert!(out.is_empty());
        assert!(shorten(&[0.0; 960], &mut out).is_some());
        assert_eq!(shorten(&tone(200.0)[..959], &mut out), None, "too short");
    }
}
