//! Where our own programs lie: beside the test program, built if the test's own build has not. And when others listen.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

/// How long a program may take to listen.
const START: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);
/// Linux gives those from 32768 on, Windows and macOS those from 49152 on.
const PORTS: Range<u16> = 20_000..32_000;
const TRIES: usize = 100;

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

/// A port that nobody has, below those that the system gives to whoever asks for any: so nobody else gets it before the one
/// that it is for.
pub fn free_port() -> anyhow::Result<u16> {
    for _ in 0..TRIES {
        let random = RandomState::new().build_hasher().finish() % u64::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(random)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free")
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
