//! A window manager for a screen of ours: openbox without frames around windows, which ends with the [`Manager`]. Without
//! one nothing on the screen lies above anything by its own wish.
//!
//! Everything blocks on the calling thread.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::display::Display;

/// How long it may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);
/// Windows have no frame, so that they lie where they are put; Alt F4 closes one as its frame would.
const SETTINGS: &str = r#"<?xml version="1.0"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
  <theme><keepBorder>no</keepBorder></theme>
  <keyboard><keybind key="A-F4"><action name="Close"/></keybind></keyboard>
  <applications><application class="*"><decor>no</decor></application></applications>
</openbox_config>
"#;

pub struct Manager {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Manager {
    pub fn start(display: &Display) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let settings = folder.path().join("rc.xml");
        std::fs::write(&settings, SETTINGS)?;
        let mut command = Command::new("openbox");
        command.arg("--sm-disable").arg("--config-file").arg(&settings).env("DISPLAY", display.name());
        command.env("HOME", folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().context("openbox starts (Debian: openbox)")?;
        let mut new = Self { child, _folder: folder };
        let end = Instant::now() + PATIENCE;
        // Only a screen with a manager knows how many desktops there are.
        while !manages(display)? {
            if let Some(status) = new.child.try_wait()? {
                bail!("openbox ended at once: {status}");
            }
            if Instant::now() > end {
                bail!("openbox manages nothing");
            }
            std::thread::sleep(POLL);
        }
        Ok(new)
    }
}

fn manages(display: &Display) -> anyhow::Result<bool> {
    let mut command = Command::new("xdotool");
    command.arg("get_num_desktops").env("DISPLAY", display.name()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.status().context("xdotool starts (Debian: xdotool)")?.success())
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
