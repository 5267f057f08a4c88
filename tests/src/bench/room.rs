//! A room on a server of its own, as long as it lives.

use std::net::IpAddr;

use anyhow::Context as _;
use fika_call::invite::{Invite, Secret};
use fika_server::{Config, Server};
use tokio::runtime::{Builder, Runtime};

pub struct Room {
    pub link: String,
    _server: Server,
    _runtime: Runtime,
}

impl Room {
    /// The server listens on this address of ours.
    pub fn open(address: IpAddr) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let server = runtime.block_on(Server::bind(Config::new((address, 0).into())))?;
        let room = runtime.block_on(server.create_room()).ok().context("a room")?.room;
        let url = format!("http://{}/", server.local_addr()).parse()?;
        let link = Invite::open(url, room, Secret::from_bytes([7; 16])).link();
        Ok(Self { link, _server: server, _runtime: runtime })
    }
}
