//! Microphones and speakers through a private PipeWire.

use std::sync::mpsc::sync_channel;

use fika_devices::System;
use fika_media::AudioFrame;
use fika_media::Timestamp;
use fika_media::device::{DeviceError, DeviceId, DeviceKind, Devices as _};
use fika_tests::isolated;
use fika_tests::pipewire::{self, MICROPHONE, MICROPHONE_FEED, PipeWire, SPEAKER};
use fika_tests::sound::{SECOND, is_tone, listen, sing, wake};

use crate::sound::of;
use crate::{DEADLINE, until};

fn with_pipewire(name: &str, body: impl FnOnce()) {
    let env = || {
        let server = PipeWire::start()?;
        Ok((server.env(), Box::new(server) as Box<dyn Send>))
    };
    isolated::run(&format!("pipewire::{name}"), env, body);
}

#[test]
fn devices_are_those_that_people_mean() {
    with_pipewire("devices_are_those_that_people_mean", || {
        let system = System::new();
        let microphones = of(&system, DeviceKind::Microphone);
        assert_eq!(microphones.len(), 1, "what a speaker plays is no microphone: {microphones:?}");
        assert_eq!(microphones[0].id, DeviceId(MICROPHONE.to_owned()));
        assert_eq!(microphones[0].name, "VirtualMicrophone");
        let speakers = of(&system, DeviceKind::Speaker);
        let ids: Vec<&str> = speakers.iter().map(|speaker| speaker.id.0.as_str()).collect();
        assert!(ids.len() == 2 && ids.contains(&SPEAKER) && ids.contains(&MICROPHONE_FEED), "{speakers:?}");
    });
}

#[test]
fn a_tone_is_played_and_heard() {
    with_pipewire("a_tone_is_played_and_heard", || {
        let system = System::new();
        let (speaker_wake, speaker_wakes) = wake();
        let feed = DeviceId(MICROPHONE_FEED.to_owned());
        let mut speaker = system.open_speaker(Some(&feed), speaker_wake).unwrap();
        let (wake, wakes) = wake();
        // The default, as most people have it.
        let mut microphone = system.open_microphone(None, wake).unwrap();
        let (heard, done) = sync_channel(1);
        let listener = std::thread::spawn(move || {
            let tone = until("the tone", || {
                let samples = listen(microphone.as_mut(), &wakes, SECOND / 2).unwrap();
                is_tone(&samples).then_some(samples)
            });
            heard.send(()).unwrap();
            tone.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()))
        });
        sing(speaker.as_mut(), &speaker_wakes, || done.try_recv().is_ok() || listener.is_finished()).unwrap();
        let peak = listener.join().unwrap();
        assert!((0.45..0.55).contains(&peak), "{peak}");
    });
}

#[test]
fn a_killed_server_disconnects() {
    with_pipewire("a_killed_server_disconnects", || {
        let system = System::new();
        let (microphone_wake, microphone_wakes) = wake();
        let (speaker_wake, speaker_wakes) = wake();
        let mut microphone = system.open_microphone(None, microphone_wake.clone()).unwrap();
        let mut speaker = system.open_speaker(None, speaker_wake).unwrap();
        listen(microphone.as_mut(), &microphone_wakes, SECOND / 10).unwrap();
        pipewire::kill().unwrap();
        let error = until("the end", || listen(microphone.as_mut(), &microphone_wakes, SECOND / 10).err());
        assert_eq!(error, DeviceError::Disconnected);
        speaker_wakes.recv_timeout(DEADLINE).unwrap();
        let silence = AudioFrame::silence(Timestamp::ZERO);
        assert_eq!(until("the speaker's end", || speaker.write(&silence).err()), DeviceError::Disconnected);
        drop((microphone, speaker));
        assert_eq!(system.open_microphone(None, microphone_wake).err(), Some(DeviceError::NotFound));
    });
}
