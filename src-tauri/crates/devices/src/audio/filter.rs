//! Which of the sound system's devices people mean by microphone and speaker. Pure.
//!
//! Sound servers and ALSA list much else: recordings of what a speaker plays, other apps' streams, place holders for
//! the default, conversion plugins.

/// A device as the sound system describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    /// `host:device`, such as `pulseaudio:vspk`.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) input: bool,
    pub(super) output: bool,
}

pub(super) fn is_microphone(device: &Described) -> bool {
    let (host, name) = split(&device.id);
    device.input
        && match host {
            // Sinks are listed as inputs too, to record what they play.
            "pipewire" => !device.output && !is_pipewire_internal(name, &device.name),
            "pulseaudio" => !name.ends_with(".monitor"),
            "alsa" => is_alsa_card(name),
            _ => true,
        }
}

pub(super) fn is_speaker(device: &Described) -> bool {
    let (host, name) = split(&device.id);
    device.output
        && match host {
            // Other apps' streams are listed as plain outputs, sinks as both.
            "pipewire" => device.input && !is_pipewire_internal(name, &device.name),
            "alsa" => is_alsa_card(name),
            _ => true,
        }
}

/// ALSA describes a device in two lines, of which the second explains the plugin.
pub(super) fn readable(name: &str) -> &str {
    name.lines().next().unwrap_or_default().trim()
}

fn split(id: &str) -> (&str, &str) {
    id.split_once(':').unwrap_or(("", id))
}

fn is_pipewire_internal(node: &str, name: &str) -> bool {
    ["sink_default", "input_default", "output_default"].contains(&node)
        || node.starts_with("input.")
        || node.starts_with("output.")
        // A stream of an app has no description.
        || name == "unknown"
}

/// One entry for each device of a card, with the conversions that calls need: `plughw:CARD=PCH,DEV=0`. The same devices
/// are listed again by number.
fn is_alsa_card(pcm: &str) -> bool {
    pcm.strip_prefix("plughw:CARD=").is_some_and(|card| !card.starts_with(|digit: char| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, name: &str, input: bool, output: bool) -> Described {
        Described { id: id.to_owned(), name: name.to_owned(), input, output }
    }

    fn kinds(device: &Described) -> (bool, bool) {
        (is_microphone(device), is_speaker(device))
    }

    #[test]
    fn pulseaudio_monitors_are_no_microphones() {
        let monitor = device("pulseaudio:vspk.monitor", "Monitor of VirtualSpeaker", true, false);
        assert_eq!(kinds(&monitor), (false, false));
        assert_eq!(kinds(&device("pulseaudio:vmic", "VirtualMic", true, false)), (true, false));
        assert_eq!(kinds(&device("pulseaudio:vspk", "VirtualSpeaker", false, true)), (false, true));
    }

    #[test]
    fn pipewire_place_holders_and_streams_are_left_out() {
        for (id, name, input, output) in [
            ("pipewire:input_default", "default_input", true, false),
            ("pipewire:output_default", "default_output", false, true),
            ("pipewire:sink_default", "default_sink", true, true),
            ("pipewire:input.vmic", "VirtualMic", true, false),
            ("pipewire:Firefox", "unknown", false, true),
        ] {
            assert_eq!(kinds(&device(id, name, input, output)), (false, false), "{id}");
        }
        assert_eq!(kinds(&device("pipewire:vspk", "VirtualSpeaker", true, true)), (false, true));
        assert_eq!(kinds(&device("pipewire:vmic", "VirtualMic", true, false)), (true, false));
    }

    #[test]
    fn alsa_plugins_and_repetitions_are_left_out() {
        for id in ["alsa:default", "alsa:lavrate", "alsa:jack", "alsa:hw:CARD=PCH,DEV=0", "alsa:plughw:CARD=0,DEV=0"] {
            assert_eq!(kinds(&device(id, "x", true, true)), (false, false), "{id}");
        }
        assert_eq!(kinds(&device("alsa:plughw:CARD=PCH,DEV=0", "x", true, true)), (true, true));
        assert_eq!(
            readable("HDA Intel PCH, ALC257 Analog\nHardware device with all conversions"),
            "HDA Intel PCH, ALC257 Analog"
        );
    }

    #[test]
    fn other_systems_are_taken_at_their_word() {
        assert_eq!(kinds(&device("wasapi:{0.0.1}", "Headset", true, false)), (true, false));
    }
}
