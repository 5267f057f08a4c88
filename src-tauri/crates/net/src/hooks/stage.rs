//! The crate's interceptor contract, reduced to what our stages need: look at a packet, pass it on or keep it, add others.

use std::collections::VecDeque;
use std::time::Instant;

use rtc::interceptor::{AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;

/// Packets that a stage sends on its own, towards the wire.
pub(super) type Outgoing = Vec<Packet>;

/// `false` from `read` or `write` keeps the packet from what follows.
pub(super) trait Stage: Send + Sync + 'static {
    fn read(&mut self, _packet: &mut Packet, _now: Instant, _out: &mut Outgoing) -> bool {
        true
    }

    fn write(&mut self, _packet: &mut Packet, _now: Instant) -> bool {
        true
    }

    /// Packets that what was read has brought back; they go inward behind it.
    fn found(&mut self) -> Vec<Packet> {
        Vec::new()
    }

    fn timeout(&mut self, _now: Instant, _out: &mut Outgoing) {}

    fn next_timeout(&self) -> Option<Instant> {
        None
    }

    fn bind_local(&mut self, _info: &StreamInfo) {}

    fn bind_remote(&mut self, _info: &StreamInfo) {}

    fn unbind_remote(&mut self, _info: &StreamInfo) {}
}

pub(super) struct Adapter<S> {
    stage: S,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
    outgoing: Outgoing,
}

impl<S> Adapter<S> {
    pub(super) fn new(stage: S) -> Self {
        Self { stage, read: VecDeque::new(), write: VecDeque::new(), outgoing: Vec::new() }
    }

    fn queue_outgoing(&mut self, now: Instant) {
        let transport = TransportContext::default();
        let packets = self.outgoing.drain(..).map(|packet| TaggedPacket {
            now,
            transport,
            message: AttributedPacket::new(packet),
        });
        self.write.extend(packets);
    }
}

impl<S: Stage> Protocol<TaggedPacket, TaggedPacket, ()> for Adapter<S> {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut packet: TaggedPacket) -> Result<(), Error> {
        let (now, transport) = (packet.now, packet.transport);
        if self.stage.read(&mut packet.message.packet, now, &mut self.outgoing) {
            self.read.push_back(packet);
        }
        let found = self.stage.found().into_iter();
        self.read.extend(found.map(|packet| TaggedPacket { now, transport, message: AttributedPacket::new(packet) }));
        self.queue_outgoing(now);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, mut packet: TaggedPacket) -> Result<(), Error> {
        let now = packet.now;
        if self.stage.write(&mut packet.message.packet, now) {
            self.write.push_back(packet);
        }
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.write.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.stage.timeout(now, &mut self.outgoing);
        self.queue_outgoing(now);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.stage.next_timeout()
    }
}

impl<S: Stage> Interceptor for Adapter<S> {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        self.stage.bind_local(info);
    }

    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        self.stage.bind_remote(info);
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.stage.unbind_remote(info);
    }
}
