//! When what leaves: copies of what was lost, then frames, spaced by the rate; trains faster. One per connection, in the
//! task that writes to it. Sound does not pass here.
//!
//! Frames wait as packets without numbers, so what is dropped leaves no hole. Full: [`MAX_BACKLOG`] of video make the
//! caller leave out raw pictures; more than [`RESEND_BUDGET`] of copies are refused, because they would come too late.

use std::collections::VecDeque;
use std::time::Duration;

use fika_media::Timestamp;

use super::Train;

/// Two frames: what waits longer is better not encoded.
pub const MAX_BACKLOG: Duration = Duration::from_millis(66);
/// Beyond it each repair would delay the next: the requests repeat, double, and fill the path.
pub const RESEND_BUDGET: Duration = Duration::from_millis(80);
/// A request for this much of the picture at once, and for this many packets, is better answered by a keyframe: a hole
/// after a short outage, not losses here and there.
const HOPELESS: Duration = Duration::from_millis(130);
const HOPELESS_PACKETS: usize = 16;
const PACKET: usize = 1100;
/// Above this share of loss each copy is sent twice, with a distance that outlasts most bursts.
const TWICE_ABOVE: f64 = 0.025;
const TWICE_AFTER: Duration = Duration::from_millis(15);
/// A timer may be late by this much without a loss of rate.
const CATCH_UP: Duration = Duration::from_millis(5);
/// Second copies that wait. Full: the next is not made.
const MAX_SECOND: usize = 128;
/// Trains that wait. Full: the next is left out.
const MAX_TRAINS: usize = 4;
/// The first trains wait this long for the first frame, which is their payload.
const PATIENCE: Duration = Duration::from_millis(300);

/// What is to be written now.
#[derive(Clone, Debug, PartialEq)]
pub enum Release<T> {
    /// A packet of a frame; it gets its number now.
    Frame { packet: T, train: Option<u32> },
    /// A copy of a packet that was lost.
    Resend { packet: T, train: Option<u32> },
    /// This many bytes of nothing.
    Padding { size: usize, train: u32 },
}

#[derive(Debug)]
struct Item<T> {
    packet: T,
    size: usize,
}

#[derive(Debug)]
struct Frame<T> {
    packets: VecDeque<Item<T>>,
    begun: bool,
}

#[derive(Debug)]
pub struct Pacer<T> {
    frames: VecDeque<Frame<T>>,
    frame_bytes: usize,
    resend: VecDeque<Item<T>>,
    resend_bytes: usize,
    second: VecDeque<(Timestamp, Item<T>)>,
    trains: VecDeque<(Train, u32, Timestamp)>,
    due: Timestamp,
    begun: bool,
}

impl<T> Default for Pacer<T> {
    fn default() -> Self {
        Self {
            frames: VecDeque::new(),
            frame_bytes: 0,
            resend: VecDeque::new(),
            resend_bytes: 0,
            second: VecDeque::new(),
            trains: VecDeque::new(),
            due: Timestamp::ZERO,
            begun: false,
        }
    }
}

/// Time that `bytes` take at `rate` bits a second.
fn time(bytes: usize, rate: f64) -> Duration {
    Duration::from_secs_f64(bytes as f64 * 8.0 / rate.max(1e3))
}

impl<T: Clone> Pacer<T> {
    /// The packets of a frame and their sizes. A keyframe makes all copies of older packets worthless.
    pub fn push_frame(&mut self, packets: impl IntoIterator<Item = (T, usize)>, keyframe: bool) {
        if keyframe {
            self.purge();
        }
        let packets: VecDeque<Item<T>> = packets.into_iter().map(|(packet, size)| Item { packet, size }).collect();
        self.frame_bytes += packets.iter().map(|item| item.size).sum::<usize>();
        if !packets.is_empty() {
            self.frames.push_back(Frame { packets, begun: false });
        }
    }

    /// A copy to send; `false`: it is refused.
    pub fn push_resend(&mut self, packet: T, size: usize, rate: f64, loss: f64, now: Timestamp) -> bool {
        if time(self.resend_bytes + size, rate) > RESEND_BUDGET {
            return false;
        }
        if loss > TWICE_ABOVE && self.second.len() < MAX_SECOND {
            self.second.push_back((now + TWICE_AFTER, Item { packet: packet.clone(), size }));
        }
        self.resend_bytes += size;
        self.resend.push_back(Item { packet, size });
        true
    }

    /// So many packets are asked for at once that a keyframe is the quicker repair.
    pub fn is_hopeless(&self, requested: usize, rate: f64) -> bool {
        requested >= HOPELESS_PACKETS && time(requested * PACKET, rate) > HOPELESS
    }

    pub fn push_train(&mut self, train: Train, now: Timestamp) {
        if self.trains.len() < MAX_TRAINS {
            self.trains.push_back((train, train.packets, now));
        }
    }

    /// Drops copies; a keyframe takes their place.
    pub fn purge(&mut self) {
        self.resend.clear();
        self.second.clear();
        self.resend_bytes = 0;
    }

    /// Drops all that waits; how many frames were lost by it.
    pub fn flush(&mut self) -> usize {
        self.purge();
        self.trains.clear();
        self.frame_bytes = 0;
        let frames = self.frames.len();
        self.frames.clear();
        frames
    }

    /// Bytes of frames that wait.
    pub const fn backlog(&self) -> usize {
        self.frame_bytes
    }

    /// No further frame should be made.
    pub fn is_full(&self, rate: f64) -> bool {
        time(self.frame_bytes, rate) > MAX_BACKLOG
    }

    /// The next packet, if it is time. `holds`: only what is no video may leave.
    pub fn poll_release(&mut self, rate: f64, holds: bool, now: Timestamp) -> Option<Release<T>> {
        if holds {
            // A train would only make the queue longer.
            self.trains.clear();
            self.due = self.due.max(now);
            return None;
        }
        while self.second.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, item)) = self.second.pop_front() {
                self.resend_bytes += item.size;
                self.resend.push_back(item);
            }
        }
        if self.due > now {
            return None;
        }
        let train = self.train(now);
        let (release, size) = self.next(train)?;
        self.begun = true;
        let rate = train.map_or(rate, |train| train.rate);
        self.due = self.due.max(now - CATCH_UP) + time(size, rate);
        if let Some((_, left, _)) = self.trains.front_mut().filter(|_| train.is_some()) {
            *left -= 1;
            if *left == 0 {
                self.trains.pop_front();
            }
        }
        Some(release)
    }

    /// The train that runs.
    fn train(&self, now: Timestamp) -> Option<Train> {
        let (train, _, asked) = self.trains.front()?;
        let waits = !self.begun && self.frames.is_empty() && now.since(*asked) < PATIENCE;
        (!waits).then_some(*train)
    }

    fn next(&mut self, train: Option<Train>) -> Option<(Release<T>, usize)> {
        let id = train.map(|train| train.id);
        if let Some(Item { packet, size }) = self.resend.pop_front() {
            self.resend_bytes -= size;
            return Some((Release::Resend { packet, train: id }, size));
        }
        if let Some(frame) = self.frames.front_mut() {
            frame.begun = true;
            let item = frame.packets.pop_front();
            if frame.packets.is_empty() {
                self.frames.pop_front();
            }
            let Item { packet, size } = item?;
            self.frame_bytes -= size;
            return Some((Release::Frame { packet, train: id }, size));
        }
        let train = train?;
        let size = train.size as usize;
        Some((Release::Padding { size, train: train.id }, size))
    }

    /// When to call [`Self::poll_release`] next.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let second = self.second.front().map(|(at, _)| *at);
        let waits = !self.begun && self.frames.is_empty();
        let train = self.trains.front().map(|(.., asked)| if waits { *asked + PATIENCE } else { self.due });
        let paced = (!self.frames.is_empty() || !self.resend.is_empty()).then_some(self.due);
        [second, train, paced].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    /// Releases until `end`, with their times in ms.
    fn run(pacer: &mut Pacer<u32>, rate: f64, end: i64) -> Vec<(i64, Release<u32>)> {
        let mut released = Vec::new();
        while let Some(at) = pacer.poll_timeout().filter(|at| *at <= ms(end)) {
            let Some(release) = pacer.poll_release(rate, false, at) else { continue };
            released.push((at.as_micros() / 1000, release));
        }
        released
    }

    fn frame(packet: u32) -> Release<u32> {
        Release::Frame { packet, train: None }
    }

    #[test]
    fn frames_are_spaced_and_copies_go_first() {
        let mut pacer = Pacer { due: ms(100), ..Pacer::default() };
        pacer.push_frame((0..4).map(|i| (i, 1000)), true);
        assert_eq!(pacer.backlog(), 4000);
        assert_eq!(pacer.poll_release(800e3, false, ms(100)), Some(frame(0)));
        assert!(pacer.poll_release(800e3, false, ms(104)).is_none());
        assert!(pacer.push_resend(77, 1000, 800e3, 0.0, ms(104)));
        let released = run(&mut pacer, 800e3, 1000);
        let copy = Release::Resend { packet: 77, train: None };
        assert_eq!(released, [(110, copy), (120, frame(1)), (130, frame(2)), (140, frame(3))]);
        assert_eq!((pacer.backlog(), pacer.poll_timeout()), (0, None));
    }

    #[test]
    fn a_pause_is_no_credit_for_a_burst() {
        let mut pacer = Pacer::default();
        pacer.push_frame((0..3).map(|i| (i, 1000)), false);
        let count = (0..).map_while(|_| pacer.poll_release(800e3, false, ms(9000))).count();
        assert_eq!(count, 1);
    }

    #[test]
    fn copies_are_refused_beyond_their_budget_and_purged_by_a_keyframe() {
        let mut pacer = Pacer::default();
        let taken = (0..100).filter(|i| pacer.push_resend(*i, 1000, 800e3, 0.1, ms(0))).count();
        assert_eq!(taken, 8, "80 ms");
        pacer.push_frame([(1, 1000)], true);
        let released = run(&mut pacer, 800e3, 1000);
        assert_eq!(released.into_iter().map(|(_, release)| release).collect::<Vec<_>>(), [frame(1)]);
    }

    #[test]
    fn a_hole_is_worth_a_keyframe_and_a_few_losses_are_not() {
        let pacer = Pacer::<u32>::default();
        assert!(pacer.is_hopeless(40, 2e6) && !pacer.is_hopeless(20, 2e6));
        assert!(pacer.is_hopeless(16, 300e3) && !pacer.is_hopeless(15, 300e3));
    }

    #[test]
    fn above_some_loss_each_copy_is_sent_twice() {
        let mut pacer = Pacer::default();
        assert!(pacer.push_resend(5, 100, 8e6, 0.03, ms(0)));
        let copy = Release::Resend { packet: 5, train: None };
        assert_eq!(run(&mut pacer, 8e6, 1000), [(0, copy.clone()), (15, copy)]);
    }

    #[test]
    fn a_train_takes_what_waits_and_then_padding() {
        let mut pacer = Pacer::default();
        pacer.push_train(Train { id: 3, rate: 8e6, packets: 4, size: 500 }, ms(0));
        assert_eq!(pacer.poll_timeout(), Some(ms(300)), "the first frame is waited for");
        pacer.push_frame((0..2).map(|i| (i, 1000)), true);
        let train = Some(3);
        let padding = Release::Padding { size: 500, train: 3 };
        pacer.due = ms(10);
        let released = run(&mut pacer, 100e3, 1000);
        let expected = [
            (10, Release::Frame { packet: 0, train }),
            (11, Release::Frame { packet: 1, train }),
            (12, padding.clone()),
            (12, padding),
        ];
        assert_eq!(released, expected);
    }

    #[test]
    fn while_it_holds_nothing_leaves_and_a_flush_leaves_nothing() {
        let mut pacer = Pacer::default();
        pacer.push_frame((0..20).map(|i| (i, 1000)), false);
        pacer.push_train(Train { id: 3, rate: 8e6, packets: 4, size: 500 }, ms(0));
        assert!(pacer.is_full(800e3));
        assert_eq!(pacer.poll_release(800e3, true, ms(50)), None);
        assert_eq!(pacer.poll_release(800e3, false, ms(300)), Some(frame(0)), "not as a train");
        assert_eq!(pacer.flush(), 1);
        assert!(!pacer.is_full(800e3) && pacer.poll_timeout().is_none());
    }
}
