//! Which of a sound device's configurations to use. Pure.

use cpal::{BufferSize, SampleFormat, SampleRate, StreamConfig, SupportedBufferSize, SupportedStreamConfigRange};
use fika_media::frame::{FRAME_SAMPLES, SAMPLE_RATE};

use super::samples::FORMATS;

/// The configuration and sample format to open a device with.
pub(super) type Chosen = (StreamConfig, SampleFormat);

/// Keeps the device's own channel count (servers and drivers know what each channel is for); takes 48 kHz where it is
/// offered, else the device's own rate; asks for callbacks of 10 ms. `None`: no sample format in common.
pub(super) fn choose(
    default: &cpal::SupportedStreamConfig,
    offered: impl Iterator<Item = SupportedStreamConfigRange>,
) -> Option<Chosen> {
    let channels = default.channels();
    let own_rate = if default.sample_rate() == 0 { SAMPLE_RATE } else { default.sample_rate() };
    let (rate, format) = offered
        .filter(|range| range.channels() == channels)
        .flat_map(|range| {
            let fits = move |rate: &SampleRate| (range.min_sample_rate()..=range.max_sample_rate()).contains(rate);
            [SAMPLE_RATE, own_rate].into_iter().filter(fits).map(move |rate| (rate, range.sample_format()))
        })
        .chain([(own_rate, default.sample_format())])
        .filter_map(|(rate, format)| {
            let preference = FORMATS.iter().position(|known| *known == format)?;
            Some(((rate != SAMPLE_RATE, preference), (rate, format)))
        })
        .min_by_key(|(order, _)| *order)
        .map(|(_, choice)| choice)?;
    let frames = (u64::from(rate) * FRAME_SAMPLES as u64 / u64::from(SAMPLE_RATE)) as u32;
    let frames = match default.buffer_size() {
        SupportedBufferSize::Range { min, max } if *max > 0 && min <= max => frames.clamp(*min, *max),
        _ => frames,
    };
    Some((StreamConfig { channels, sample_rate: rate, buffer_size: BufferSize::Fixed(frames) }, format))
}

#[cfg(test)]
mod tests {
    use cpal::SupportedStreamConfig;

    use super::*;

    const ANY: SupportedBufferSize = SupportedBufferSize::Range { min: 1, max: 100_000 };

    fn range(channels: u16, rates: (u32, u32), format: SampleFormat) -> SupportedStreamConfigRange {
        SupportedStreamConfigRange::new(channels, rates.0, rates.1, ANY, format)
    }

    fn default(channels: u16, rate: u32, format: SampleFormat) -> SupportedStreamConfig {
        SupportedStreamConfig::new(channels, rate, ANY, format)
    }

    #[test]
    fn takes_48_khz_and_floats_where_offered() {
        let offered = [
            range(2, (1, 384_000), SampleFormat::I16),
            range(2, (1, 384_000), SampleFormat::F32),
            range(1, (1, 384_000), SampleFormat::F32),
        ];
        let (config, format) = choose(&default(2, 44_100, SampleFormat::I16), offered.into_iter()).unwrap();
        assert_eq!((config.channels, config.sample_rate, format), (2, 48_000, SampleFormat::F32));
        assert_eq!(config.buffer_size, BufferSize::Fixed(480));
    }

    #[test]
    fn keeps_the_devices_rate_when_there_is_no_other() {
        let offered = [range(1, (44_100, 44_100), SampleFormat::F32), range(1, (44_100, 44_100), SampleFormat::I16)];
        let (config, format) = choose(&default(1, 44_100, SampleFormat::I16), offered.into_iter()).unwrap();
        assert_eq!((config.sample_rate, format), (44_100, SampleFormat::F32));
        assert_eq!(config.buffer_size, BufferSize::Fixed(441));
    }

    #[test]
    fn works_from_the_default_alone() {
        let (config, format) = choose(&default(4, 16_000, SampleFormat::I16), [].into_iter()).unwrap();
        assert_eq!((config.channels, config.sample_rate, format), (4, 16_000, SampleFormat::I16));
    }

    #[test]
    fn a_driver_that_wants_larger_pieces_gets_them() {
        let large = SupportedBufferSize::Range { min: 1_024, max: 8_192 };
        let device = SupportedStreamConfig::new(2, 48_000, large, SampleFormat::F32);
        assert_eq!(choose(&device, [].into_iter()).unwrap().0.buffer_size, BufferSize::Fixed(1_024));
    }

    #[test]
    fn formats_nobody_reads_are_refused() {
        assert!(choose(&default(1, 48_000, SampleFormat::U8), [].into_iter()).is_none());
    }
}
