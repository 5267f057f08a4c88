//! `fika-cli serve`: the signalling server, as in fika-server.

use std::io::Write as _;
use std::net::SocketAddr;

use fika_server::{Config, Server};

use crate::fail::{Failure, Kind};
use crate::stop;

pub(crate) async fn run(listen: SocketAddr) -> Result<(), Failure> {
    let server = Server::bind(Config::new(listen))
        .await
        .map_err(|error| Failure::new(Kind::Connection, format!("{error}. Give another address with --listen.")))?;
    // A reader that has gone away does not need it.
    let _ = writeln!(std::io::stdout(), "http://{}/", server.local_addr());
    stop::requested().await;
    Ok(())
}
