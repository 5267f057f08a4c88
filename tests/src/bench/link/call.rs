//! A call over a path: two programs in a room of their own.

use std::sync::{Arc, Mutex};

use anyhow::Context as _;

use super::LEFT;
use super::picture::Record;
use super::program::{End, Evidence, Media, Pair, Place, Watch};
use crate::bench::room::Room;
use crate::netns::{Flow, Right};
use crate::process;

pub(super) struct Call {
    pair: Pair,
    watch: Watch,
    receiver: Box<dyn End>,
    /// Once it sends.
    sender: Option<Box<dyn End>>,
    room: Room,
}

impl Call {
    /// Who receives is there. The path's plan begins with the first packet of who sends.
    pub(super) fn open(
        pair: Pair,
        right: &Right,
        media: &Media,
        watch: Watch,
        record: Option<&Arc<Mutex<Record>>>,
    ) -> anyhow::Result<Self> {
        let room = Room::open(LEFT.parse()?)?;
        let place = Place { link: &room.link, media, watch, sends: false, right: Some(right), record };
        let receiver = pair.receiver.start(&place).context("the receiver starts")?;
        Ok(Self { pair, watch, receiver, sender: None, room })
    }

    pub(super) fn send(&mut self, media: &Media) -> anyhow::Result<()> {
        let place = Place { link: &self.room.link, media, watch: self.watch, sends: true, right: None, record: None };
        self.sender = Some(self.pair.sender.start(&place).context("the sender starts")?);
        Ok(())
    }

    /// Returns when pictures arrive.
    pub(super) fn wait(&mut self) -> anyhow::Result<()> {
        self.receiver.wait().context("pictures arrive")
    }

    fn sender(&self) -> anyhow::Result<&dyn End> {
        Ok(&**self.sender.as_ref().context("somebody sends")?)
    }

    /// Of who sends and who receives.
    pub(super) fn usage(&self) -> anyhow::Result<[process::Usage; 2]> {
        Ok([process::usage(self.sender()?.pid())?, process::usage(self.receiver.pid())?])
    }

    /// Which packets of the left end are this call's.
    pub(super) fn flows(&self) -> anyhow::Result<Vec<Flow>> {
        Ok(process::udp_ports(self.sender()?.pid())?.into_iter().map(Flow::Udp).collect())
    }

    /// Both leave: what the receiver has seen, and when an answer was applied, whoever did it.
    pub(super) fn finish(self) -> anyhow::Result<Evidence> {
        let mut evidence = self.receiver.finish().context("the receiver leaves")?;
        let sender = self.sender.context("somebody sends")?.finish().context("the sender leaves")?;
        evidence.answered = evidence.answered.or(sender.answered);
        Ok(evidence)
    }
}
