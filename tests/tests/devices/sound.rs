//! Microphones and speakers through a private PulseAudio.

use std::sync::mpsc::sync_channel;

use fika_devices::{System, clock};
use fika_media::device::{DeviceError, DeviceEvent, DeviceId, DeviceInfo, DeviceKind, Devices as _};
use fika_media::{AudioFrame, AudioRead, Timestamp};
use fika_tests::isolated;
use fika_tests::pulse::{MICROPHONE, Pulse, PulseServer, SPEAKER, second_of_tone};
use fika_tests::sound::{SECOND, TONE_HZ, is_tone, listen, sing, wake};

use crate::{DEADLINE, until};

fn with_sound(name: &str, body: impl FnOnce(Pulse)) {
    let env = || {
        let server = PulseServer::start()?;
        Ok((server.env(), Box::new(server) as Box<dyn Send>))
    };
    isolated::run(&format!("sound::{name}"), env, || body(Pulse::from_env().unwrap()));
}

pub(crate) fn of(system: &System, kind: DeviceKind) -> Vec<DeviceInfo> {
    system.list().into_iter().filter(|device| device.kind == kind).collect()
}

#[test]
fn devices_have_names_and_pseudo_devices_are_left_out() {
    with_sound("devices_have_names_and_pseudo_devices_are_left_out", |_| {
        let system = System::new();
        let microphones = of(&system, DeviceKind::Microphone);
        assert_eq!(microphones.len(), 1, "what a speaker plays is no microphone: {microphones:?}");
        assert_eq!(microphones[0].id, DeviceId(MICROPHONE.to_owned()));
        assert_eq!((microphones[0].name.as_str(), microphones[0].is_default), ("VirtualMicrophone", true));
        let speakers = of(&system, DeviceKind::Speaker);
        let default: Vec<_> = speakers.iter().filter(|speaker| speaker.is_default).collect();
        assert_eq!(default.len(), 1);
        assert_eq!((default[0].id.0.as_str(), default[0].name.as_str()), (SPEAKER, "VirtualSpeaker"));
    });
}

#[test]
fn a_tone_is_heard_through_the_microphone() {
    with_sound("a_tone_is_heard_through_the_microphone", |pulse| {
        let _playing = pulse.play_loop("vmic_in", second_of_tone(TONE_HZ)).unwrap();
        let (wake, wakes) = wake();
        let mut microphone = System::new().open_microphone(None, wake).unwrap();
        let heard = until("the tone", || {
            let heard = listen(microphone.as_mut(), &wakes, SECOND / 2).unwrap();
            is_tone(&heard).then_some(heard)
        });
        let peak = heard.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        assert!((0.45..0.55).contains(&peak), "{peak}");
    });
}

#[test]
fn frames_are_stamped_ten_milliseconds_apart() {
    with_sound("frames_are_stamped_ten_milliseconds_apart", |_| {
        let (wake, wakes) = wake();
        let before = clock::monotonic();
        let mut microphone = System::new().open_microphone(None, wake).unwrap();
        let mut frame = AudioFrame::silence(Timestamp::ZERO);
        let mut last: Option<Timestamp> = None;
        let mut steady = 0;
        while steady < 50 {
            match microphone.read(&mut frame).unwrap() {
                AudioRead::Frame { gap } => {
                    assert!(frame.pts.as_micros() > before.as_micros() - 1_000_000 && frame.pts <= clock::monotonic());
                    if let Some(last) = last.filter(|_| !gap) {
                        let apart = frame.pts.since(last).as_micros();
                        steady = if (9_000..11_000).contains(&apart) { steady + 1 } else { 0 };
                    }
                    last = Some(frame.pts);
                }
                AudioRead::Empty => wakes.recv_timeout(DEADLINE).unwrap(),
            }
        }
    });
}

#[test]
fn a_tone_is_played_by_the_speaker() {
    with_sound("a_tone_is_played_by_the_speaker", |pulse| {
        let (wake, wakes) = wake();
        let mut speaker = System::new().open_speaker(Some(&DeviceId(SPEAKER.to_owned())), wake).unwrap();
        let (heard, done) = sync_channel(1);
        let recorder = std::thread::spawn(move || {
            let mut recording = pulse.record("vspk.monitor").unwrap();
            until("the tone", || is_tone(&recording.samples(SECOND / 2).unwrap()).then_some(()));
            heard.send(()).unwrap();
        });
        sing(speaker.as_mut(), &wakes, || done.try_recv().is_ok() || recorder.is_finished()).unwrap();
        recorder.join().unwrap();
        // No lower bound: what was queued plays on while this thread waits for a processor.
        let latency = speaker.latency().as_millis();
        assert!(latency < 400, "{latency} ms");
    });
}

#[test]
fn a_removed_microphone_is_disconnected_although_the_server_moves_it() {
    with_sound("a_removed_microphone_is_disconnected_although_the_server_moves_it", |pulse| {
        let other = pulse.load(&["module-remap-source", "source_name=second", "master=vmic_in.monitor"]).unwrap();
        let system = System::new();
        let (events, event) = sync_channel(4);
        let _watch = system.watch(Box::new(move |event| events.send(event).unwrap()));
        let (wake, wakes) = wake();
        let mut microphone = system.open_microphone(Some(&DeviceId(MICROPHONE.to_owned())), wake.clone()).unwrap();
        listen(microphone.as_mut(), &wakes, SECOND / 10).unwrap();
        let modules = pulse.control(&["list", "short", "modules"]).unwrap();
        let removed = modules.lines().find(|line| line.contains("source_name=vmic")).unwrap();
        pulse.unload(removed.split_whitespace().next().unwrap()).unwrap();
        let error = until("the disconnection", || listen(microphone.as_mut(), &wakes, SECOND / 10).err());
        assert_eq!(error, DeviceError::Disconnected);
        let DeviceEvent::Changed(devices) = event.recv_timeout(DEADLINE).unwrap();
        assert!(devices.iter().all(|device| device.id.0 != MICROPHONE));
        drop(microphone);
        let gone = system.open_microphone(Some(&DeviceId(MICROPHONE.to_owned())), wake.clone()).err();
        assert_eq!(gone, Some(DeviceError::NotFound));
        let mut fallback = system.open_microphone(None, wake.clone()).unwrap();
        listen(fallback.as_mut(), &wakes, SECOND / 10).unwrap();
        drop(fallback);
        pulse.unload(&other.to_string()).unwrap();
        let none = until("no microphone", || system.open_microphone(None, wake.clone()).err());
        assert_eq!(none, DeviceError::NotFound, "what a speaker plays is no microphone");
    });
}

#[test]
fn a_new_default_is_reported() {
    with_sound("a_new_default_is_reported", |pulse| {
        pulse.load(&["module-null-sink", "sink_name=headset", "norewinds=1"]).unwrap();
        let system = System::new();
        let (events, event) = sync_channel(4);
        let _watch = system.watch(Box::new(move |event| events.send(event).unwrap()));
        pulse.control(&["set-default-sink", "headset"]).unwrap();
        let DeviceEvent::Changed(devices) = event.recv_timeout(DEADLINE).unwrap();
        let default = devices.iter().find(|device| device.kind == DeviceKind::Speaker && device.is_default).unwrap();
        assert_eq!(default.id.0, "pulseaudio:headset");
    });
}

#[test]
fn a_killed_server_disconnects_and_a_new_one_is_found() {
    with_sound("a_killed_server_disconnects_and_a_new_one_is_found", |pulse| {
        let system = System::new();
        let (microphone_wake, microphone_wakes) = wake();
        let (speaker_wake, speaker_wakes) = wake();
        let mut microphone = system.open_microphone(None, microphone_wake.clone()).unwrap();
        let mut speaker = system.open_speaker(None, speaker_wake.clone()).unwrap();
        listen(microphone.as_mut(), &microphone_wakes, SECOND / 10).unwrap();
        pulse.kill().unwrap();
        let error = until("the end", || listen(microphone.as_mut(), &microphone_wakes, SECOND / 10).err());
        assert_eq!(error, DeviceError::Disconnected);
        speaker_wakes.recv_timeout(DEADLINE).unwrap();
        let silence = AudioFrame::silence(Timestamp::ZERO);
        let error = until("the speaker's end", || speaker.write(&silence).err());
        assert_eq!(error, DeviceError::Disconnected);
        drop((microphone, speaker));
        assert_eq!(system.open_microphone(None, microphone_wake.clone()).err(), Some(DeviceError::NotFound));
        let restarted = pulse.restart().unwrap();
        let _playing = restarted.pulse().play_loop("vmic_in", second_of_tone(TONE_HZ)).unwrap();
        let mut microphone = system.open_microphone(None, microphone_wake).unwrap();
        until("the tone", || {
            let heard = listen(microphone.as_mut(), &microphone_wakes, SECOND / 2).unwrap();
            is_tone(&heard).then_some(())
        });
    });
}
