//! Rooms on this computer, for calls with no server: found by the others through its address on the local network. Here one can be called
//! too, if the program asks for that.
//!
//! The server starts with the first room and runs inside the caller's tokio runtime until [`Local`] is dropped; without a room it runs as long
//! as somebody holds it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Weak};

use fika_call::invite::{Invite, Secret};
use fika_call::signal::{IceServer, Refusal};
use tokio::sync::Mutex;

use crate::{BindError, Config, Opened, Server, random};

/// Where other people's firewalls may already let Fika through.
pub const PORT: u16 = 7420;

/// Why there is no room.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// Check the network, then try again.
    #[error(transparent)]
    Network(#[from] BindError),
    /// Leave some other call first.
    #[error("too many rooms are open on this computer")]
    TooManyRooms,
}

/// The server inside the app.
pub struct Local {
    ice_servers: Vec<IceServer>,
    port: u16,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    /// With rooms.
    server: Option<Arc<Server>>,
    /// The one before the network changed, for the calls that still use it. An even older one is closed.
    _before: Option<Arc<Server>>,
    /// The newest, if anybody holds it.
    newest: Weak<Server>,
}

impl Default for Local {
    /// At the usual port; nobody needs a TURN server on one network.
    fn default() -> Self {
        Self::new(PORT, Vec::new())
    }
}

impl Local {
    /// `port` is tried first, then any. Usually [`PORT`].
    pub fn new(port: u16, ice_servers: Vec<IceServer>) -> Self {
        Self { ice_servers, port, running: Mutex::default() }
    }

    /// Opens a room, and the server before it if it does not run yet. Without a network the link names this computer
    /// only.
    pub async fn open_room(&self) -> Result<Invite, LocalError> {
        let address = address().unwrap_or(Ipv4Addr::LOCALHOST.into());
        let mut running = self.running.lock().await;
        let server = self.at(address, &mut running).await?;
        let room = server.create_room().await;
        let authority = server.local_addr();
        if running.server.as_ref().is_none_or(|before| !Arc::ptr_eq(before, &server)) {
            running._before = running.server.replace(server);
        }
        let Opened { room, host_key } = room.map_err(|_: Refusal| LocalError::TooManyRooms)?;
        let server = url::Url::parse(&format!("http://{authority}/")).expect("an address and a port make a URL");
        let invite = Invite::open(server, room, Secret::from_bytes(random::bytes()));
        Ok(Invite { host_key: Some(host_key), ..invite })
    }

    /// The server, for as long as it is held. Without a network there is none.
    pub async fn hold(&self) -> Result<Arc<Server>, LocalError> {
        let address = address().ok_or_else(|| BindError::Listen(io::ErrorKind::AddrNotAvailable.into()))?;
        Ok(self.at(address, &mut *self.running.lock().await).await?)
    }

    async fn at(&self, address: IpAddr, running: &mut Running) -> Result<Arc<Server>, BindError> {
        if let Some(server) = running.newest.upgrade().filter(|server| server.local_addr().ip() == address) {
            return Ok(server);
        }
        let server = Arc::new(self.bind(address).await?);
        running.newest = Arc::downgrade(&server);
        Ok(server)
    }

    async fn bind(&self, address: IpAddr) -> Result<Server, BindError> {
        let config = |port| Config {
            ice_servers: self.ice_servers.clone(),
            // Neighbours join, they do not open.
            anyone_may_create: false,
            // Nor do they pretend to be who is called here.
            anyone_may_listen: false,
            ..Config::new(SocketAddr::new(address, port))
        };
        match Server::bind(config(self.port)).await {
            Ok(server) => Ok(server),
            Err(_) => Server::bind(config(0)).await,
        }
    }
}

/// The address under which other computers on the local network reach this one.
pub fn address() -> Option<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    let found = interfaces.iter().filter(|interface| interface.is_oper_up()).filter_map(|interface| {
        // A link-local address of IPv6 means something only together with an interface, which a link cannot name.
        let local = interface.ip().is_ipv6() && interface.is_link_local();
        (!local).then(|| Found { name: &interface.name, ip: interface.ip() })
    });
    best(found)
}

#[derive(Clone, Copy)]
struct Found<'a> {
    name: &'a str,
    ip: IpAddr,
}

/// Names of networks inside this computer, and of tunnels, that other people are not on.
const VIRTUAL: [&str; 16] = [
    "docker",
    "br-",
    "veth",
    "virbr",
    "vmnet",
    "vboxnet",
    "vnet",
    "lxc",
    "lxd",
    "cni",
    "podman",
    "tun",
    "tap",
    "wg",
    "tailscale",
    "zt",
];

fn best<'a>(found: impl Iterator<Item = Found<'a>>) -> Option<IpAddr> {
    let usable = found.filter(|found| !found.ip.is_loopback() && !found.ip.is_unspecified());
    let rank = |found: &Found<'_>| {
        let inside = VIRTUAL.iter().any(|prefix| found.name.starts_with(prefix));
        let (self_made, public) = match found.ip {
            IpAddr::V4(ip) => (ip.is_link_local(), !ip.is_private()),
            IpAddr::V6(ip) => (false, !ip.is_unique_local()),
        };
        (inside, self_made, found.ip.is_ipv6(), public)
    };
    // The first of equals: the system lists its interfaces in a steady order.
    usable.min_by_key(rank).map(|found| found.ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best_of(list: &[(&str, &str)]) -> Option<String> {
        let found = list.iter().map(|(name, ip)| Found { name, ip: ip.parse().unwrap() });
        best(found).map(|ip| ip.to_string())
    }

    #[test]
    fn the_network_that_others_are_on_is_chosen() {
        let docker = ("docker0", "172.17.0.1");
        let wifi = ("wlp2s0", "192.168.1.5");
        let self_made = ("enp3s0", "169.254.7.8");
        assert_eq!(best_of(&[("lo", "127.0.0.1"), docker, self_made, wifi]), Some("192.168.1.5".into()));
        assert_eq!(best_of(&[docker, self_made]), Some("169.254.7.8".into()));
        assert_eq!(best_of(&[("lo", "127.0.0.1"), docker]), Some("172.17.0.1".into()));
        assert_eq!(best_of(&[("eth0", "203.0.113.4"), wifi]), Some("192.168.1.5".into()));
        assert_eq!(best_of(&[("eth0", "10.0.0.2"), wifi]), Some("10.0.0.2".into()));
        assert_eq!(best_of(&[("lo", "127.0.0.1"), ("lo", "::1")]), None);
        let global = ("wlp2s0", "2001:db8::5");
        assert_eq!(best_of(&[global, wifi, docker]), Some("192.168.1.5".into()));
        assert_eq!(best_of(&[docker, self_made, global, ("wlp2s0", "fd00::5")]), Some("fd00::5".into()));
        assert_eq!(best_of(&[docker, self_made, global]), Some("2001:db8::5".into()));
    }
}
