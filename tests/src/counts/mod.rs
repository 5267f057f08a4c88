//! The hot paths, each as a fixed amount of work on made-up input: what `tests/tests/counts.rs` counts the instructions of.
//!
//! Everything runs on the calling thread and comes out the same each time.

mod network;
mod sound;
mod video;

/// One hot path: its name in `tests/assets/instructions.json`, and what prepares it and gives the work to be counted.
pub struct Entry {
    pub name: &'static str,
    pub prepare: fn() -> Box<dyn FnMut()>,
}

/// In the order in which they run.
pub const ENTRIES: &[Entry] = &[
    Entry { name: "yuyv to i420, 720p", prepare: video::yuyv },
    Entry { name: "nv12 to i420, 720p", prepare: video::nv12 },
    Entry { name: "scale 720p to 360p", prepare: video::scale_half },
    Entry { name: "scale 720p to 180p", prepare: video::scale_quarter },
    Entry { name: "h264 encode, 1 s of 360p", prepare: video::encode },
    Entry { name: "h264 decode, 1 s of 360p", prepare: video::decode },
    Entry { name: "h264 packetize, 1 s of 1.5 Mbit/s", prepare: network::packetize },
    Entry { name: "h264 depacketize, 1 s of 1.5 Mbit/s", prepare: network::depacketize },
    Entry { name: "congestion control, 1 s of 1.5 Mbit/s", prepare: network::congestion },
    Entry { name: "signalling, 50 messages", prepare: network::signalling },
    Entry { name: "video jitter buffer, 10 s", prepare: video::jitter },
    Entry { name: "audio jitter buffer, 10 s", prepare: sound::jitter },
    Entry { name: "opus encode, 1 s", prepare: sound::encode },
    Entry { name: "opus decode, 1 s", prepare: sound::decode },
    Entry { name: "voice processing, 1 s", prepare: sound::voice },
    Entry { name: "mix, 1 s of 4 voices", prepare: sound::mix },
];
