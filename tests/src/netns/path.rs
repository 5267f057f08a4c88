//! Two namespaces joined by a path as [`Config`] describes it: a TUN device at each end, and between them the same emulator
//! that tests run in virtual time, here on the clock.
//!
//! The thread `path` owns the devices and the emulator; it waits for packets and for what is due, and ends with its
//! [`Path`]. Until the first RTP packet goes from left to right nothing is lost, delayed or queued beyond the first rate of
//! the plan; with it the plan begins, so that all programs meet the same path at the same time of their call. [`Begin::AtOnce`] is for what happens before media.

use std::collections::VecDeque;
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
use super::packet::{Flow, is_rtp};
use super::right::Right;
use super::tun::{MTU, Tun};
use crate::link::loss::Loss;
use crate::link::{Config, LOG, Link, Passage};

/// How long the thread waits at most before it looks whether it shall end.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// What went from left to right, and when the plan began, on the clock that all processes share.
#[derive(Debug, Default)]
pub struct Travelled {
    pub began: Option<Timestamp>,
    pub passages: Vec<Passage>,
    /// Whose each of them is.
    pub flows: Vec<Flow>,
}

/// When the plan of a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    WithMedia,
    /// What is no UDP, so signalling, is spared losses all the same.
    AtOnce,
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
        Self::begin(Begin::WithMedia, left, right, [there, back], seed)
    }

    pub fn begin(begin: Begin, left: &str, right: &str, plans: [Config; 2], seed: u64) -> anyhow::Result<Self> {
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
        let forwarder = Forwarder::new(ends, plans, seed, begin, Arc::clone(&udp_blocked));
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
    begin: Begin,
    /// Of what is in the log of the first link, and bounded as that.
    flows: VecDeque<Flow>,
    /// Zero of the links' time.
    origin: Timestamp,
    began: bool,
    udp_blocked: Arc<AtomicBool>,
}

impl Forwarder {
    fn new(ends: [Tun; 2], plans: [Config; 2], seed: u64, begin: Begin, udp_blocked: Arc<AtomicBool>) -> Self {
        let quiet = |plan: &Config| Config { loss: Loss::None, duplicates: 0.0, down: Vec::new(), ..plan.clone() };
        let first = |plan: &Config| Config { rates: vec![plan.rates[0]], ..quiet(plan) };
        let early = match begin {
            Begin::WithMedia => [first(&plans[0]), first(&plans[1])],
            Begin::AtOnce => plans.clone(),
        };
        let (links, flows) = (links(early, seed), VecDeque::new());
        Self { ends, links, plans, seed, begin, flows, origin: monotonic(), began: false, udp_blocked }
    }

    fn run(mut self, stop: &AtomicBool) -> io::Result<Travelled> {
        while !stop.load(Ordering::Relaxed) {
            for (from, to) in [(0, 1), (1, 0)] {
                self.deliver(from, to);
            }
            self.wait()?;
            for from in [0, 1] {
                while let Some(packet) = self.ends[from].read()? {
                    let flow = Flow::of(&packet);
                    if !self.udp_blocked.load(Ordering::Relaxed) || !flow.is_udp() {
                        self.take(from, packet, flow);
                    }
                }
            }
        }
        if !self.began {
            return Ok(Travelled::default());
        }
        let passages = self.links[0].log().copied().collect();
        Ok(Travelled { began: Some(self.origin), passages, flows: self.flows.into() })
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

    fn take(&mut self, from: usize, packet: Vec<u8>, flow: Flow) {
        if !self.began && from == 0 && is_rtp(&packet) {
            self.began = true;
            if self.begin == Begin::WithMedia {
                self.origin = monotonic();
                // What is under way is lost: it is signalling, which is sent again.
                self.links = links(self.plans.clone(), self.seed);
                self.flows.clear();
            }
        }
        if from == 0 {
            self.flows.push_back(flow);
            if self.flows.len() > LOG {
                self.flows.pop_front();
            }
        }
        let (size, now, link) = (packet.len(), self.now(), &mut self.links[from]);
        if self.begin == Begin::AtOnce && !flow.is_udp() {
            link.handle_spared(packet, size, now);
        } else {
            link.handle_packet(packet, size, now);
        }
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

fn links([there, back]: [Config; 2], seed: u64) -> [Link<Vec<u8>>; 2] {
    [Link::new(there, seed), Link::new(back, seed ^ 1)]
}
