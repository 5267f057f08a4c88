//! Devices of this machine: cameras, microphones, speakers, and the clock their frames are stamped with.

pub mod clock;
