//! A TUN device: what the system routes to it is read here as IP packets, and what is written here the system gets.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::{Context as _, ensure};

/// Larger than any packet on it.
pub(super) const MTU: usize = 1500;

pub(super) struct Tun {
    file: File,
}

impl Tun {
    /// A device of the network of this process, without an address and down.
    pub(super) fn create(name: &str) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun");
        let file = file.context("/dev/net/tun opens")?;
        // SAFETY: plain integers and bytes, for which zero is a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        ensure!(name.len() < request.ifr_name.len(), "{name} is too long");
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        // SAFETY: the descriptor is open, and the request lives through the call.
        let made = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
        ensure!(made == 0, "{name} is not made: {}", io::Error::last_os_error());
        Ok(Self { file })
    }

    /// The next packet that waits, if any.
    pub(super) fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let mut packet = [0; MTU + 100];
        match (&self.file).read(&mut packet) {
            Ok(size) => Ok(Some(packet[..size].to_vec())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write(&self, packet: &[u8]) -> io::Result<()> {
        (&self.file).write(packet).map(drop)
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
