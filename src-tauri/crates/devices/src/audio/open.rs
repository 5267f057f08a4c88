//! Opens a stream on a sound device and connects its callbacks. Runs on the thread `audio-device`; what the closures
//! do runs in the sound system's own threads.

use std::sync::Arc;
use std::time::Duration;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{Device, ErrorKind, Stream};
use fika_media::device::{DeviceError, Wake};

use super::config::{self, Chosen};
use super::drift::Rate;
use super::fault::of_open;
use super::link::Link;
use super::microphone::{self, Microphone};
use super::speaker::{self, Speaker};

/// How long the sound system may take to make a stream.
const TIMEOUT: Duration = Duration::from_secs(2);
/// A reported delay above this is a mistake of the sound system.
const MAX_DELAY: Duration = Duration::from_millis(500);

/// Opens one kind of stream: the stream to keep, and the end to hand out.
pub(super) type Opener<End> = fn(&Device, &Arc<Link>, &Wake, &Rate) -> Result<(Stream, End), DeviceError>;

pub(super) fn microphone(
    device: &Device,
    link: &Arc<Link>,
    wake: &Wake,
    master: &Rate,
) -> Result<(Stream, Microphone), DeviceError> {
    let default = device.default_input_config().map_err(|error| of_open(&error))?;
    let offered = device.supported_input_configs().into_iter().flatten();
    let (config, format) = usable(config::choose(&default, offered))?;
    let (mut feed, end) = microphone::pair(config.sample_rate, config.channels, link.clone(), master.clone())?;
    let gap = feed.gap_mark();
    let woken = wake.clone();
    let stream = device.build_input_stream_raw(
        config,
        format,
        move |data, info| {
            let stamp = info.timestamp();
            let age = stamp.callback.saturating_duration_since(stamp.capture);
            feed.captured(data, age.min(MAX_DELAY), &woken);
        },
        on_error(link, wake, move |kind| {
            if matches!(kind, ErrorKind::Xrun | ErrorKind::DeviceChanged) {
                gap.set();
            }
        }),
        Some(TIMEOUT),
    );
    Ok((started(stream)?, end))
}

pub(super) fn speaker(
    device: &Device,
    link: &Arc<Link>,
    wake: &Wake,
    master: &Rate,
) -> Result<(Stream, Speaker), DeviceError> {
    let default = device.default_output_config().map_err(|error| of_open(&error))?;
    let offered = device.supported_output_configs().into_iter().flatten();
    let (config, format) = usable(config::choose(&default, offered))?;
    let (mut drain, end) = speaker::pair(config.sample_rate, config.channels, link.clone(), master.clone())?;
    let woken = wake.clone();
    let stream = device.build_output_stream_raw(
        config,
        format,
        move |data, info| {
            let stamp = info.timestamp();
            let delay = stamp.playback.saturating_duration_since(stamp.callback);
            drain.play(data, delay.min(MAX_DELAY), &woken);
        },
        on_error(link, wake, |_| {}),
        Some(TIMEOUT),
    );
    Ok((started(stream)?, end))
}

fn usable(chosen: Option<Chosen>) -> Result<Chosen, DeviceError> {
    chosen.ok_or_else(|| DeviceError::Unsupported("no sample format in common".to_owned()))
}

/// A stream does not start by itself.
fn started(stream: Result<Stream, cpal::Error>) -> Result<Stream, DeviceError> {
    let stream = stream.map_err(|error| of_open(&error))?;
    stream.play().map_err(|error| of_open(&error))?;
    Ok(stream)
}

fn on_error(
    link: &Arc<Link>,
    wake: &Wake,
    also: impl Fn(ErrorKind) + Send + 'static,
) -> impl FnMut(cpal::Error) + Send + 'static {
    let (link, wake) = (link.clone(), wake.clone());
    move |error| {
        if link.is_closing() {
            return;
        }
        also(error.kind());
        if link.fault.set(error.kind()) {
            wake();
        }
    }
}
