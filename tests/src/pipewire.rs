//! A sound server of its own: PipeWire and WirePlumber, without the part that speaks like PulseAudio, with a virtual
//! microphone and a virtual speaker, and nothing of the machine's.
//!
//! What is played into the sink `vmic_in` is what the microphone `vmic` hears.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::isolated::Env;
use crate::pulse::Playing;

pub const MICROPHONE: &str = "pipewire:vmic";
/// Where the microphone's sound comes from.
pub const MICROPHONE_FEED: &str = "pipewire:vmic_in";
pub const SPEAKER: &str = "pipewire:vspk";

const PID: &str = "FIKA_PIPEWIRE_PID";
const START_TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
const DEVICES: &str = "\
context.objects = [
  { factory = adapter args = { factory.name = support.null-audio-sink node.name = vspk
      node.description = VirtualSpeaker media.class = Audio/Sink audio.position = [ FL FR ] } }
]
context.modules = [
  { name = libpipewire-module-loopback args = {
      capture.props = { node.name = vmic_in node.description = VirtualMicFeed media.class = Audio/Sink
        audio.position = [ MONO ] }
      playback.props = { node.name = vmic node.description = VirtualMicrophone media.class = Audio/Source
        audio.position = [ MONO ] } } }
]
";

/// Ends with its owner.
pub struct PipeWire {
    /// The bus, the server and what manages it, in the order of their start.
    children: Vec<Child>,
    env: Env,
    _directory: TempDir,
}

impl PipeWire {
    /// Starts a server and waits until its devices can be used.
    pub fn start() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("fika-pipewire-").tempdir()?;
        let config = directory.path().join("config");
        let fragments = config.join("pipewire/pipewire.conf.d");
        std::fs::create_dir_all(&fragments)?;
        std::fs::write(fragments.join("90-fika.conf"), DEVICES)?;
        let home = directory.path().as_os_str().to_owned();
        let env = vec![
            ("XDG_RUNTIME_DIR", home.clone()),
            ("HOME", home.clone()),
            ("XDG_CONFIG_HOME", config.into_os_string()),
            ("PULSE_SERVER", nobody(directory.path())),
        ];
        let mut server = Self { children: Vec::new(), env, _directory: directory };
        let mut bus = server.spawn("dbus-daemon", &["--session", "--print-address", "--nofork", "--nopidfile"])?;
        let mut address = String::new();
        BufReader::new(bus.stdout.take().context("stdout is piped")?).read_line(&mut address)?;
        server.children.push(bus);
        server.env.push(("DBUS_SESSION_BUS_ADDRESS", address.trim().into()));
        let pipewire = server.spawn("pipewire", &[])?;
        server.env.push((PID, pipewire.id().to_string().into()));
        server.children.push(pipewire);
        server.until("PipeWire answers", "pw-cli", &["info", "0"])?;
        let manager = server.spawn("wireplumber", &[])?;
        server.children.push(manager);
        server.until("there is a speaker", "wpctl", &["inspect", "@DEFAULT_AUDIO_SINK@"])?;
        server.until("there is a microphone", "wpctl", &["inspect", "@DEFAULT_AUDIO_SOURCE@"])?;
        Ok(server)
    }

    /// For programs that shall use this server.
    pub fn env(&self) -> Env {
        self.env.clone()
    }

    /// Plays mono samples of 48 kHz into `sink`, again and again.
    pub fn play_loop(&self, sink: &str, samples: Vec<f32>) -> anyhow::Result<Playing> {
        let mut command = Command::new("pw-cat");
        command.args(["--playback", "--latency=20ms", "--target", sink, "-"]).envs(self.env.clone());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().context("pw-cat starts (Debian: pipewire-bin)")?;
        let mut input = child.stdin.take().context("stdin is piped")?;
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
        // Ends when the player does: writing to it then fails.
        std::thread::spawn(move || {
            if input.write_all(&endless()).is_ok() {
                while input.write_all(&bytes).is_ok() {}
            }
        });
        Ok(Playing(child))
    }

    fn spawn(&self, program: &str, words: &[&str]) -> anyhow::Result<Child> {
        let mut command = Command::new(program);
        command.args(words).envs(self.env.clone()).env_remove("LD_PRELOAD").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().with_context(|| format!("{program} starts (Debian: pipewire-bin wireplumber dbus)"))
    }

    fn until(&self, what: &str, program: &str, words: &[&str]) -> anyhow::Result<()> {
        let end = Instant::now() + START_TIMEOUT;
        while !self.spawn(program, words)?.wait_with_output()?.status.success() {
            ensure!(Instant::now() < end, "it does not happen that {what}");
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

/// The server of a child of the test dies without a word, as in a crash.
pub fn kill() -> anyhow::Result<()> {
    let status = Command::new("kill").args(["-KILL", &std::env::var(PID)?]).status()?;
    ensure!(status.success(), "the server ends");
    Ok(())
}

/// The header of a sound file in AU format without an end: mono, 48 kHz, floats with the highest byte first.
fn endless() -> Vec<u8> {
    let words: [u32; 5] = [24, u32::MAX, 6, 48_000, 1];
    b".snd".iter().copied().chain(words.iter().flat_map(|word| word.to_be_bytes())).collect()
}

/// No PulseAudio, wherever it may run.
pub fn nobody(directory: &Path) -> std::ffi::OsString {
    format!("unix:{}", directory.join("nobody").display()).into()
}

impl Drop for PipeWire {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
