//! Two namespaces joined by a path as [`Config`] describes it: a TUN device at each end, and between them the same emulator
//! that tests run in virtual time, here on the clock.
//!
//! The thread `path` owns the devices and the emulator; it waits for packets and for what is due, and ends with its
//! [`Path`]. Until the first RTP packet goes from left to right nothing is lost, delayed or queued beyond the first rate of
//! the plan; with it the plan begins, so that all programs meet the same path at the same time of their call.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use fika_devices::clock::monotonic;
use fika_media::Timestamp;

use super::ip;
use super::right::Right;
use super::tun::{MTU, Tun};
use crate::link::loss::Loss;
use crate::link::{Config, Link, Passage};

/// How long the thread waits at most before it looks whether it shall end.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// What went from left to right, and when the plan began, on the clock that all processes share.
#[derive(Debug, Default)]
pub struct Travelled {
    pub began: Option<Timestamp>,
    pub passages: Vec<Passage>,
}

pub struct Path {
    pub right: Right,
    stop: Arc<AtomicBool>,
    udp_blocked: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<Travelled>>>,
}

impl Path {
    /// Addresses without the length of the network, which is 24 bits. `there` is the way from left to right.
    pub fn open(left: &str, right: &str, there: Config, back: Config, seed: u64) -> anyhow::Result<Self> {
        let second = Right::open()?;
        let ends = [Tun::create("left")?, Tun::create("right")?];
        ip(&format!("link set right netns {}", second.pid()));
        let up = |name: &str, address: &str| {
            [format!("address add {address}/24 dev {name}"), format!("link set {name} mtu {MTU} txqueuelen 1000 up")]
        };
        up("left", left).iter().for_each(|words| ip(words));
        for words in up("right", right) {
            second.ip(&words)?;
        }
        let [stop, udp_blocked] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let forwarder = Forwarder::new(ends, [there, back], seed, Arc::clone(&udp_blocked));
        let ours = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("path".into()).spawn(move || forwarder.run(&ours))?;
        Ok(Self { right: second, stop, udp_blocked, thread: Some(thread) })
    }

    /// Loses every UDP datagram from now on, as many an office does; or lets them pass again.
    pub fn block_udp(&self, blocked: bool) {
        self.udp_blocked.store(blocked, Ordering::Relaxed);
    }

    /// Ends the path.
    pub fn close(mut self) -> anyhow::Result<Travelled> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("closed once")?;
        let travelled = thread.join().map_err(|_| anyhow!("the path panicked"))?;
        Ok(travelled?)
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Forwarder {
    /// Left and right.
    ends: [Tun; 2],
    /// From that end to the other.
    links: [Link<Vec<u8>>; 2],
    plans: [Config; 2],
    seed: u64,
    /// Zero of the links' time.
    origin: Timestamp,
    began: bool,
    udp_blocked: Arc<AtomicBool>,
}

impl Forwarder {
    fn new(ends: [Tun; 2], plans: [Config; 2], seed: u64, udp_blocked: Arc<AtomicBool>) -> Self {
        let quiet = |plan: &Config| Config { loss: Loss::None, duplicates: 0.0, down: Vec::new(), ..plan.clone() };
        let first = |plan: &Config| Config { rates: vec![plan.rates[0]], ..quiet(plan) };
        let links = [Link::new(first(&plans[0]), seed), Link::new(first(&plans[1]), seed ^ 1)];
        Self { ends, links, plans, seed, origin: monotonic(), began: false, udp_blocked }
    }

    fn run(mut self, stop: &AtomicBool) -> io::Result<Travelled> {
        while !stop.load(Ordering::Relaxed) {
            for (from, to) in [(0, 1), (1, 0)] {
                self.deliver(from, to);
            }
            self.wait()?;
            for from in [0, 1] {
                while let Some(packet) = self.ends[from].read()? {
                    if !self.udp_blocked.load(Ordering::Relaxed) || udp(&packet).is_none() {
                        self.take(from, packet);
                    }
                }
            }
        }
        let passages = if self.began { self.links[0].log().copied().collect() } else { Vec::new() };
        Ok(Travelled { began: self.began.then_some(self.origin), passages })
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(monotonic().as_micros() - self.origin.as_micros())
    }

    fn deliver(&mut self, from: usize, to: usize) {
        let now = self.now();
        while let Some((_, packet)) = self.links[from].poll_packet(now) {
            // Without room in the system it is lost, as on any network.
            let _ = self.ends[to].write(&packet);
        }
    }

    fn take(&mut self, from: usize, packet: Vec<u8>) {
        if !self.began && from == 0 && is_rtp(&packet) {
            self.began = true;
            self.origin = monotonic();
            // What is under way is lost: it is signalling, which is sent again.
            self.links = [Link::new(self.plans[0].clone(), self.seed), Link::new(self.plans[1].clone(), self.seed ^ 1)];
        }
        let (size, now) = (packet.len(), self.now());
        self.links[from].handle_packet(packet, size, now);
    }

    /// Until a packet comes or one is due.
    fn wait(&self) -> io::Result<()> {
        let now = self.now();
        let due = self.links.iter().filter_map(Link::poll_timeout).min();
        let wait = due.map_or(LONGEST_WAIT, |due| due.since(now)).min(LONGEST_WAIT);
        let timeout = libc::timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
        let mut ends =
            [0, 1].map(|end| libc::pollfd { fd: self.ends[end].as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 });
        // SAFETY: both descriptors are open, and what the pointers name lives through the call.
        let ready = unsafe { libc::ppoll(ends.as_mut_ptr(), 2, &raw const timeout, std::ptr::null()) };
        match io::Error::last_os_error() {
            error if ready < 0 && error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }
}

/// Where the UDP datagram of an IPv4 packet begins.
fn udp(packet: &[u8]) -> Option<usize> {
    const UDP: u8 = 17;
    let first = packet.first().filter(|first| *first >> 4 == 4)?;
    (packet.get(9) == Some(&UDP)).then_some(usize::from(first & 15) * 4)
}

/// A datagram whose first byte is that of RTP or RTCP (RFC 7983 section 7).
fn is_rtp(packet: &[u8]) -> bool {
    udp(packet).and_then(|header| packet.get(header + 8)).is_some_and(|byte| (128..192).contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_is_told_from_everything_else() {
        let packet = |protocol: u8, first: u8| {
            let mut packet = vec![0x45; 1];
            packet.resize(40, 0);
            (packet[9], packet[28]) = (protocol, first);
            packet
        };
        assert!(is_rtp(&packet(17, 0x80)) && is_rtp(&packet(17, 0xbf)));
        assert!(!is_rtp(&packet(17, 22)) && !is_rtp(&packet(17, 0)) && !is_rtp(&packet(6, 0x80)));
        assert!(!is_rtp(&[]) && !is_rtp(&[0x60; 60]) && !is_rtp(&packet(17, 0x80)[..28]));
    }
}
