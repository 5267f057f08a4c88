//! Where our own programs lie: beside the test program, built if the test's own build has not. And when others listen.

use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

/// How long a program may take to listen.
const START: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// The program `name` of `package`, of the same profile as this one.
pub fn path(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    // Tests run from `<target>/<profile>/deps`, programs from `<target>/<profile>`.
    let folder = here.ancestors().skip(1).find(|folder| !folder.ends_with("deps")).context("a target folder")?;
    let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !program.exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo).args(["build", "--package", package]).current_dir(crate::folder()).status()?;
        ensure!(status.success(), "{package} does not build");
    }
    ensure!(program.exists(), "{} is not there", program.display());
    Ok(program)
}

/// Waits for one that says nothing when it is ready: its port is tried. One that does not listen is ended.
pub fn listens(child: &mut Child, name: &str, port: u16) -> anyhow::Result<()> {
    let begin = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if let Some(status) = child.try_wait()? {
            bail!("{name} ended at once: {status}");
        }
        if begin.elapsed() > START {
            let _ = child.kill();
            let _ = child.wait();
            bail!("{name} does not listen");
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}
