//! A sound server of its own: PulseAudio with a virtual microphone and a virtual speaker, and nothing of the machine's.
//!
//! What is played into the sink `vmic_in` is what the microphone `vmic` hears; what programs play to `vspk` can be
//! recorded. Children find the server through [`PulseServer::env`]; a child of the test takes hold of it by
//! [`Pulse::from_env`].

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use fika_media::tone::Sine;
use fika_media::{AudioFrame, Timestamp};
use tempfile::TempDir;

use crate::isolated::Env;

pub const MICROPHONE: &str = "pulseaudio:vmic";
pub const SPEAKER: &str = "pulseaudio:vspk";

const PID: &str = "FIKA_PULSE_PID";
const START_TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Ends with its owner.
pub struct PulseServer {
    child: Child,
    directory: TempDir,
}

/// A handle on a running server, in this process or one of its children.
#[derive(Clone, Debug)]
pub struct Pulse {
    directory: PathBuf,
    pid: u32,
}

/// Sound being played; stops when dropped.
pub struct Playing(pub(crate) Child);

/// Sound being recorded; stops when dropped.
pub struct Recording {
    child: Child,
    output: ChildStdout,
}

impl PulseServer {
    /// Starts a server and waits until it answers.
    pub fn start() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("fika-pulse-").tempdir()?;
        let child = serve(directory.path())?;
        let server = Self { child, directory };
        server.pulse().wait_ready()?;
        Ok(server)
    }

    pub fn pulse(&self) -> Pulse {
        Pulse { directory: self.directory.path().to_owned(), pid: self.child.id() }
    }

    /// For programs that shall use this server.
    pub fn env(&self) -> Env {
        self.pulse().env()
    }
}

impl Drop for PulseServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Pulse {
    /// The server that this process was given.
    pub fn from_env() -> anyhow::Result<Self> {
        let directory = std::env::var_os("XDG_RUNTIME_DIR").context("a sound server was given")?.into();
        Ok(Self { directory, pid: std::env::var(PID)?.parse()? })
    }

    pub fn env(&self) -> Env {
        let directory = self.directory.clone();
        vec![
            ("XDG_RUNTIME_DIR", directory.clone().into_os_string()),
            ("HOME", directory.clone().into_os_string()),
            ("PULSE_SERVER", format!("unix:{}", directory.join("pulse/native").display()).into()),
            (PID, self.pid.to_string().into()),
        ]
    }

    /// `pactl` with these words; its answer.
    pub fn control(&self, words: &[&str]) -> anyhow::Result<String> {
        let output = Command::new("pactl").args(words).envs(self.env()).stdin(Stdio::null()).output()?;
        ensure!(output.status.success(), "pactl {words:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Adds a module, such as a further sink; its number.
    pub fn load(&self, module: &[&str]) -> anyhow::Result<u32> {
        Ok(self.control(&[&["load-module"], module].concat())?.parse()?)
    }

    /// Removes a module, by number or by name: unplugs its device.
    pub fn unload(&self, module: &str) -> anyhow::Result<()> {
        self.control(&["unload-module", module]).map(drop)
    }

    /// The server dies without a word, as in a crash.
    pub fn kill(&self) -> anyhow::Result<()> {
        let status = Command::new("kill").args(["-KILL", &self.pid.to_string()]).status()?;
        ensure!(status.success(), "the server {} ends", self.pid);
        let deadline = Instant::now() + START_TIMEOUT;
        while self.control(&["info"]).is_ok() {
            ensure!(Instant::now() < deadline, "the server still answers");
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Starts a new server where a killed one was; it lives as long as what is returned.
    pub fn restart(&self) -> anyhow::Result<Restarted> {
        let child = serve(&self.directory)?;
        let restarted = Restarted { pulse: Self { directory: self.directory.clone(), pid: child.id() }, child };
        restarted.pulse.wait_ready()?;
        Ok(restarted)
    }

    /// Plays mono samples of 48 kHz into `sink`, again and again until dropped.
    pub fn play_loop(&self, sink: &str, samples: Vec<f32>) -> anyhow::Result<Playing> {
        let mut child = self.pacat("--playback", sink).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let mut input = child.stdin.take().context("stdin is piped")?;
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        // Ends when the player does: writing to it then fails.
        std::thread::spawn(move || while input.write_all(&bytes).is_ok() {});
        Ok(Playing(child))
    }

    /// Plays a sound file into `sink` once.
    pub fn play_file(&self, sink: &str, file: &Path) -> anyhow::Result<Playing> {
        let mut command = Command::new("paplay");
        command.arg(format!("--device={sink}")).arg(file).envs(self.env());
        Ok(Playing(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }

    /// Records `source` (a sink's sound is `<sink>.monitor`) as mono samples of 48 kHz.
    pub fn record(&self, source: &str) -> anyhow::Result<Recording> {
        let mut child = self.pacat("--record", source).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("stdout is piped")?;
        Ok(Recording { child, output })
    }

    fn pacat(&self, direction: &str, device: &str) -> Command {
        let mut command = Command::new("pacat");
        command.args([direction, "--rate=48000", "--channels=1", "--format=float32le", "--latency-msec=20"]);
        command.arg(format!("--device={device}")).envs(self.env()).stderr(Stdio::null());
        command
    }

    fn wait_ready(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let ready = ["set-default-source vmic", "set-default-sink vspk"]
                .iter()
                .all(|words| self.control(&words.split(' ').collect::<Vec<_>>()).is_ok());
            match ready {
                true => return Ok(()),
                false if Instant::now() > deadline => bail!("PulseAudio does not start (Debian: pulseaudio)"),
                false => std::thread::sleep(POLL),
            }
        }
    }
}

/// A server that was started in place of another.
pub struct Restarted {
    pulse: Pulse,
    child: Child,
}

impl Restarted {
    pub fn pulse(&self) -> &Pulse {
        &self.pulse
    }
}

impl Drop for Restarted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Recording {
    /// The next `count` samples.
    pub fn samples(&mut self, count: usize) -> anyhow::Result<Vec<f32>> {
        let mut bytes = vec![0; count * 4];
        self.output.read_exact(&mut bytes).context("the recording goes on")?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// 48 kHz, half of the full range; repeats without a jump where `frequency` is a whole number of Hz.
pub fn second_of_tone(frequency: f64) -> Vec<f32> {
    let mut sine = Sine::new(frequency, 0.5);
    let mut frame = AudioFrame::silence(Timestamp::ZERO);
    (0..100)
        .flat_map(|_| {
            sine.fill(&mut frame);
            frame.samples
        })
        .collect()
}

/// A null sink without `norewinds` starts with a block of two seconds, in which nothing is heard.
const MODULES: [&str; 4] = [
    "module-native-protocol-unix auth-anonymous=1",
    "module-null-sink sink_name=vmic_in norewinds=1 rate=48000 channels=1 sink_properties=device.description=VirtualMicFeed",
    "module-remap-source source_name=vmic master=vmic_in.monitor source_properties=device.description=VirtualMicrophone",
    "module-null-sink sink_name=vspk norewinds=1 rate=48000 channels=2 sink_properties=device.description=VirtualSpeaker",
];

fn serve(directory: &Path) -> anyhow::Result<Child> {
    let mut command = Command::new("pulseaudio");
    command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-target=stderr"]);
    command.args(["--disable-shm=yes", "--high-priority=no", "--realtime=no"]);
    for module in MODULES {
        command.args(["-L", module]);
    }
    command.env("XDG_RUNTIME_DIR", directory).env("HOME", directory).env_remove("PULSE_SERVER");
    command.env_remove("LD_PRELOAD").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().context("PulseAudio starts (Debian: pulseaudio)")?;
    Ok(child)
}
