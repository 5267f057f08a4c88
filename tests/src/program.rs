//! Where our own programs lie: beside the test program, built if the test's own build has not.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};

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
