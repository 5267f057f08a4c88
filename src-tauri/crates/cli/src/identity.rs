//! Our key: in a file that only its owner may read, or for this run. Read once at the start, on the main task.

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use fika_call::identity::{Identity, KEY_BYTES};
use zeroize::Zeroizing;

use crate::fail::{Failure, Kind};

/// `None`: in memory, and another one next time.
pub(crate) fn open(path: Option<&Path>) -> Result<Identity, Failure> {
    let Some(path) = path else { return Ok(Identity::from_seed(&draw(), false)) };
    let failed = |what: &str| Failure::new(Kind::Usage, format!("The key in {} {what}.", path.display()));
    let mut bytes = Zeroizing::new(Vec::new());
    match std::fs::File::open(path) {
        // One byte more than a key shows that it is none.
        Ok(file) => file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|_| failed("cannot be read"))?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let seed = draw();
            write(path, &seed).map_err(|_| failed("cannot be written"))?;
            return Ok(Identity::from_seed(&seed, true));
        }
        Err(_) => return Err(failed("cannot be read")),
    };
    if readable_by_others(path) {
        return Err(failed("can be read by others: run chmod 600 on it"));
    }
    let seed = <&[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| failed("is no key of fika-cli"))?;
    Ok(Identity::from_seed(seed, true))
}

fn draw() -> Zeroizing<[u8; KEY_BYTES]> {
    let mut seed = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(seed.as_mut_slice()).expect("the system gives random numbers");
    seed
}

/// Never over a file that is there.
fn write(path: &Path, seed: &[u8; KEY_BYTES]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(seed)?;
    file.sync_all()
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// A new file belongs to who made it.
#[cfg(not(unix))]
fn readable_by_others(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_the_key_and_memory_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let first = open(Some(&path)).unwrap();
        assert!(first.is_lasting());
        assert_eq!(open(Some(&path)).unwrap().public(), first.public());
        let passing = open(None).unwrap();
        assert!(!passing.is_lasting());
        assert_ne!(open(None).unwrap().public(), passing.public());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        open(Some(&path)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(open(Some(&path)).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn what_is_no_key_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        open(Some(&path)).unwrap();
        std::fs::write(&path, b"my notes").unwrap();
        assert!(open(Some(&path)).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"my notes");
    }
}
