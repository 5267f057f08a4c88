//! Between a device's interleaved samples of some format and mono `f32`. Runs inside the device's callback: no lock, no
//! log, no allocation.

use cpal::{Data, SampleFormat};

/// Samples converted in one go, on the stack.
const PIECE: usize = 256;

/// Sample formats that are converted here, preferred first.
pub(super) const FORMATS: [SampleFormat; 3] = [SampleFormat::F32, SampleFormat::I16, SampleFormat::I32];

/// Which channels of a microphone carry anything, one bit each. A server may give a microphone of one channel as two, the
/// second of them exactly silent (PipeWire does, through cpal's default device): it must not halve the first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Live(u64);

impl Live {
    fn add<S: Copy + Default + PartialEq>(&mut self, moment: &[S]) {
        for (channel, sample) in moment.iter().enumerate().take(64) {
            self.0 |= u64::from(*sample != S::default()) << channel;
        }
    }

    fn count(self) -> f32 {
        self.0.count_ones().max(1) as f32
    }
}

/// The mean of all channels that have carried anything so far, given to `sink` piece by piece. A format outside
/// [`FORMATS`] gives nothing.
pub(super) fn down_mix(data: &Data, channels: usize, live: &mut Live, mut sink: impl FnMut(&[f32])) {
    match data.sample_format() {
        SampleFormat::F32 => down(data.as_slice::<f32>(), channels, live, |sample| sample, &mut sink),
        SampleFormat::I16 => {
            down(data.as_slice::<i16>(), channels, live, |sample| f32::from(sample) / 32_768.0, &mut sink);
        }
        SampleFormat::I32 => {
            let convert = |sample| (f64::from(sample) / 2_147_483_648.0) as f32;
            down(data.as_slice::<i32>(), channels, live, convert, &mut sink);
        }
        _ => {}
    }
}

/// Mono from `source` (which fills the piece it is given) on the first two channels; the others, a subwoofer among
/// them, stay silent.
pub(super) fn up_mix(data: &mut Data, channels: usize, mut source: impl FnMut(&mut [f32])) {
    match data.sample_format() {
        SampleFormat::F32 => up(data.as_slice_mut::<f32>(), channels, |sample| sample, &mut source),
        SampleFormat::I16 => {
            up(data.as_slice_mut::<i16>(), channels, |sample| (sample * 32_767.0).round() as i16, &mut source);
        }
        SampleFormat::I32 => {
            let convert = |sample| (f64::from(sample) * 2_147_483_647.0).round() as i32;
            up(data.as_slice_mut::<i32>(), channels, convert, &mut source);
        }
        _ => data.bytes_mut().fill(0),
    }
}

/// How many moments of sound `data` holds.
pub(super) fn frames(data: &Data, channels: usize) -> usize {
    data.len() / channels.max(1)
}

fn down<S: Copy + Default + PartialEq>(
    data: Option<&[S]>,
    channels: usize,
    live: &mut Live,
    convert: impl Fn(S) -> f32,
    sink: &mut impl FnMut(&[f32]),
) {
    let channels = channels.max(1);
    let mut piece = [0.0; PIECE];
    for moments in data.unwrap_or_default().chunks(PIECE * channels) {
        let mut count = 0;
        for moment in moments.chunks_exact(channels) {
            live.add(moment);
            piece[count] = moment.iter().map(|sample| convert(*sample)).sum::<f32>() / live.count();
            count += 1;
        }
        sink(&piece[..count]);
    }
}

fn up<S: Copy + Default>(
    data: Option<&mut [S]>,
    channels: usize,
    convert: impl Fn(f32) -> S,
    source: &mut impl FnMut(&mut [f32]),
) {
    let channels = channels.max(1);
    let mut piece = [0.0; PIECE];
    for moments in data.unwrap_or_default().chunks_mut(PIECE * channels) {
        let count = moments.len() / channels;
        source(&mut piece[..count]);
        for (moment, sample) in moments.chunks_exact_mut(channels).zip(&piece[..count]) {
            let sample = convert(sample.clamp(-1.0, 1.0));
            for (channel, place) in moment.iter_mut().enumerate() {
                *place = if channel < 2 { sample } else { S::default() };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed<S: cpal::SizedSample>(samples: &mut [S], channels: usize) -> Vec<f32> {
        // SAFETY: pointer, length and format describe the slice.
        let data = unsafe { Data::from_parts(samples.as_mut_ptr().cast(), samples.len(), S::FORMAT) };
        let mut out = Vec::new();
        down_mix(&data, channels, &mut Live::default(), |piece| out.extend_from_slice(piece));
        out
    }

    fn spread<S: cpal::SizedSample>(samples: &mut [S], channels: usize, mono: &[f32]) {
        let mut mono = mono.iter();
        // SAFETY: as above; the slice is not used while `data` lives.
        let mut data = unsafe { Data::from_parts(samples.as_mut_ptr().cast(), samples.len(), S::FORMAT) };
        up_mix(&mut data, channels, |piece| piece.iter_mut().for_each(|place| *place = *mono.next().unwrap()));
    }

    #[test]
    fn channels_are_averaged() {
        assert_eq!(mixed(&mut [0.5_f32, 0.5, -1.0, 0.0], 2), [0.5, -0.5]);
        assert_eq!(mixed(&mut [16_384_i16, 1, -1, 16_384], 4), [0.25]);
        assert_eq!(mixed(&mut [i32::MIN, 1 << 30], 1), [-1.0, 0.5]);
    }

    #[test]
    fn a_channel_that_has_always_been_silent_does_not_count() {
        assert_eq!(mixed(&mut [0.0_f32, 0.0, 0.5, 0.0, -0.5, 0.0], 2), [0.0, 0.5, -0.5]);
        assert_eq!(mixed(&mut [0.0_f32, 0.5, 0.5, 0.5, 0.5, 0.0], 2), [0.5, 0.5, 0.25], "it stays counted");
        assert_eq!(mixed(&mut [0_i16; 8], 8), [0.0]);
    }

    #[test]
    fn long_input_arrives_whole_and_a_cut_moment_is_left_out() {
        let mut samples: Vec<f32> = (0..2_001).map(|at| at as f32).collect();
        let mono = mixed(&mut samples, 2);
        assert_eq!(mono.len(), 1_000);
        assert_eq!(mono[999], 1_998.5);
    }

    #[test]
    fn mono_goes_to_the_front_pair_only() {
        let mut out = [9.0_f32; 12];
        spread(&mut out, 6, &[0.25, -0.5]);
        assert_eq!(out, [0.25, 0.25, 0.0, 0.0, 0.0, 0.0, -0.5, -0.5, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn loud_sound_is_limited() {
        let mut out = [0_i16; 3];
        spread(&mut out, 1, &[2.0, -2.0, 0.5]);
        assert_eq!(out, [32_767, -32_767, 16_384]);
        let mut out = [0_i32; 2];
        spread(&mut out, 1, &[2.0, -2.0]);
        assert_eq!(out, [i32::MAX, -i32::MAX]);
    }

    #[test]
    fn a_format_nobody_reads_is_silence() {
        assert!(mixed(&mut [0.5_f64], 1).is_empty());
        let mut out = [7_u8; 4];
        // SAFETY: pointer, length and format describe the array.
        let mut data = unsafe { Data::from_parts(out.as_mut_ptr().cast(), 4, SampleFormat::U8) };
        up_mix(&mut data, 1, |_| unreachable!());
        assert_eq!(out, [0; 4]);
    }
}
