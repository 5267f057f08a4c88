//! A test that needs another environment than the test program has (a preloaded library, a sound server of its own):
//! the program starts itself again with that environment and runs only this test in it.

use std::ffi::OsString;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// Set in the inner run.
const INSIDE: &str = "FIKA_TEST_INSIDE";
/// A test that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(20);

/// Environment variables for a child process.
pub type Env = Vec<(&'static str, OsString)>;

/// Runs `body` in a copy of this test program with `env` added. `name` is the test's own full name. Panics when the
/// inner run fails.
pub fn run(name: &str, env: impl FnOnce() -> anyhow::Result<(Env, Box<dyn Send>)>, body: impl FnOnce()) {
    run_under(name, &[], env, body);
}

/// The same, started by another program, which is given with its arguments and becomes the copy.
pub fn run_under(
    name: &str,
    starter: &[&str],
    env: impl FnOnce() -> anyhow::Result<(Env, Box<dyn Send>)>,
    body: impl FnOnce(),
) {
    if std::env::var_os(INSIDE).is_some_and(|inside| inside == *name) {
        body();
        return;
    }
    let (env, guard) = env().expect("the test bed starts");
    let outcome = outer(name, starter, env);
    drop(guard);
    if let Err(error) = outcome {
        panic!("{error:#}");
    }
}

fn outer(name: &str, starter: &[&str], env: Env) -> anyhow::Result<()> {
    let mut words = starter.iter().map(OsString::from).chain([std::env::current_exe()?.into()]);
    let mut child = Command::new(words.next().context("the program itself is one")?)
        .args(words)
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, name)
        .envs(env)
        .spawn()
        .context("the test program starts again")?;
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = child.try_wait()? {
            anyhow::ensure!(status.success(), "the inner run of {name} ended with {status}");
            return Ok(());
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            anyhow::bail!("the inner run of {name} hangs");
        }
        std::thread::sleep(POLL);
    }
}
