//! Sound systems of Linux. Runs on the thread `audio-device`.

use cpal::HostId;

/// Best first. ALSA is always there, but a server that owns the card keeps it busy.
pub(super) fn hosts() -> impl Iterator<Item = HostId> {
    [HostId::PipeWire, HostId::PulseAudio, HostId::Alsa].into_iter()
}

/// PipeWire devices are listed when the connection is made, and not again.
pub(super) fn lists_once(host: HostId) -> bool {
    host == HostId::PipeWire
}

/// The socket of a dead server stays behind, so whether one has come back is only known by trying.
pub(super) fn is_last_resort(host: HostId) -> bool {
    host == HostId::Alsa
}

/// Defaults that are no device of their own: PipeWire connects its place holders to the real device and moves them with
/// it, ALSA's lets apps share a card.
pub(super) fn is_place_holder(id: &str) -> bool {
    ["pipewire:input_default", "pipewire:output_default", "alsa:default"].contains(&id)
}

/// Keeps ALSA's messages about missing plugins off the terminal; those of this thread are dropped.
pub(super) fn silence() {
    // The library collects what it takes; taking it again drops what was collected.
    let _ = alsa::Output::local_error_handler();
}
