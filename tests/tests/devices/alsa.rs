//! Microphones and speakers on a machine without a sound server: bare ALSA, with a card made of two pipes. The card has
//! no clock: it plays as fast as the test reads and hears as fast as the test writes.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;

use fika_devices::System;
use fika_media::device::{DeviceError, DeviceId, DeviceKind, Devices as _};
use fika_media::frame::FRAME_SAMPLES;
use fika_media::tone::Sine;
use fika_media::{AudioFrame, Timestamp};
use fika_tests::isolated;
use fika_tests::sound::{SECOND, TONE_HZ, is_tone, listen, sing, wake};

use crate::sound::of;
use crate::until;

const CARD: &str = "alsa:plughw:CARD=Pipes,DEV=0";
const OUT: &str = "out";
const IN: &str = "in";
/// Frames of 10 ms that the microphone is ahead of its reader.
const AHEAD: usize = 5;

fn with_alsa(name: &str, card: bool, body: impl FnOnce(&Path)) {
    let env = || {
        let directory = tempfile::Builder::new().prefix("fika-alsa-").tempdir()?;
        let path = |name: &str| directory.path().join(name);
        for pipe in [OUT, IN] {
            anyhow::ensure!(Command::new("mkfifo").arg(path(pipe)).status()?.success(), "there are pipes");
        }
        let config = if card { configuration(directory.path()) } else { String::new() };
        std::fs::write(path("asound.conf"), config)?;
        let home = directory.path().as_os_str().to_owned();
        let nobody = format!("unix:{}", path("nobody").display());
        let env: isolated::Env = vec![
            ("XDG_RUNTIME_DIR", home.clone()),
            ("HOME", home),
            ("PULSE_SERVER", nobody.into()),
            ("ALSA_CONFIG_PATH", path("asound.conf").into_os_string()),
        ];
        Ok((env, Box::new(directory) as Box<dyn Send>))
    };
    isolated::run(&format!("alsa::{name}"), env, || {
        body(&PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR").unwrap()));
    });
}

fn configuration(directory: &Path) -> String {
    let path = directory.display();
    let end = |files: &str| {
        format!(
            "{{ type plug  slave {{ format S16_LE  rate 48000  channels 1
               pcm {{ type file  format raw  slave.pcm {{ type null }}  {files} }} }} }}"
        )
    };
    let playback = end(&format!("file \"{path}/{OUT}\""));
    // What it hears is written to a file as well.
    let capture = end(&format!("file \"/dev/null\"  infile \"{path}/{IN}\""));
    format!(
        "namehint.pcm [ \"plughw:CARD=Pipes,DEV=0|Pipes, Analog\" ]
         pcm.pipes {{ type asym  playback.pcm {playback}  capture.pcm {capture} }}
         pcm.plughw {{ @args [ CARD DEV ]  @args.CARD.type string  @args.DEV.type integer
           type plug  slave.pcm pipes }}
         pcm.default pipes"
    )
}

/// Both ends at once, so that opening waits for nobody.
fn pipe(directory: &Path, name: &str) -> File {
    OpenOptions::new().read(true).write(true).open(directory.join(name)).unwrap()
}

#[test]
fn a_card_plays_a_tone() {
    with_alsa("a_card_plays_a_tone", true, |directory| {
        let system = System::new();
        let speakers = of(&system, DeviceKind::Speaker);
        assert_eq!(speakers.iter().map(|speaker| speaker.id.0.as_str()).collect::<Vec<_>>(), [CARD], "{speakers:?}");
        let mut out = pipe(directory, OUT);
        let (wake, wakes) = wake();
        let mut speaker = system.open_speaker(Some(&DeviceId(CARD.to_owned())), wake).unwrap();
        let (done, heard) = sync_channel(1);
        let listener = std::thread::spawn(move || {
            until("the tone", || {
                let mut bytes = vec![0; SECOND];
                out.read_exact(&mut bytes).unwrap();
                let samples: Vec<f32> =
                    bytes.as_chunks::<2>().0.iter().map(|b| f32::from(i16::from_le_bytes(*b)) / 32_768.0).collect();
                // Between what was missing while the writer was slower than the pipe.
                samples.chunks_exact(FRAME_SAMPLES * 5).any(is_tone).then_some(())
            });
            done.send(()).unwrap();
            // The card stands still when nobody reads.
            while out.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
        });
        sing(speaker.as_mut(), &wakes, || heard.try_recv().is_ok() || listener.is_finished()).unwrap();
        drop(speaker);
    });
}

#[test]
fn a_card_hears_a_tone() {
    with_alsa("a_card_hears_a_tone", true, |directory| {
        let system = System::new();
        let microphones = of(&system, DeviceKind::Microphone);
        let ids: Vec<&str> = microphones.iter().map(|microphone| microphone.id.0.as_str()).collect();
        assert_eq!(ids, [CARD], "{microphones:?}");
        let mut sound = pipe(directory, IN);
        let (credit, credits) = sync_channel(AHEAD);
        let open = Arc::new(AtomicBool::new(false));
        let opened = Arc::clone(&open);
        std::thread::spawn(move || {
            let (mut sine, mut frame) = (Sine::new(TONE_HZ, 0.5), AudioFrame::silence(Timestamp::ZERO));
            // Ends with the test.
            loop {
                sine.fill(&mut frame);
                let bytes: Vec<u8> =
                    frame.samples.iter().flat_map(|sample| ((sample * 32_767.0) as i16).to_le_bytes()).collect();
                // A card that is being opened is read ahead.
                let wanted = !opened.load(Ordering::SeqCst) || credit.send(()).is_ok();
                if !wanted || sound.write_all(&bytes).is_err() {
                    return;
                }
            }
        });
        let (wake, wakes) = wake();
        let mut microphone = system.open_microphone(Some(&DeviceId(CARD.to_owned())), wake).unwrap();
        open.store(true, Ordering::SeqCst);
        until("the tone", || {
            let mut heard = Vec::new();
            while heard.len() < SECOND / 10 {
                heard.extend(listen(microphone.as_mut(), &wakes, FRAME_SAMPLES).unwrap());
                let _ = credits.try_recv();
            }
            is_tone(&heard).then_some(())
        });
    });
}

#[test]
fn without_a_card_there_is_nothing() {
    with_alsa("without_a_card_there_is_nothing", false, |_| {
        let system = System::new();
        for kind in [DeviceKind::Microphone, DeviceKind::Speaker] {
            assert!(of(&system, kind).is_empty(), "{:?}", of(&system, kind));
        }
        assert_eq!(system.open_microphone(None, wake().0).err(), Some(DeviceError::NotFound));
        assert_eq!(system.open_speaker(None, wake().0).err(), Some(DeviceError::NotFound));
    });
}
