//! Two instances of `fika-server` with one Redis behind nginx.

use std::path::Path;

use super::HOME;
use crate::cli::Running;
use crate::nginx::Nginx;
use crate::redis::Redis;
use crate::rooms::Server;

/// What runs beside the first instance, as long as the call.
pub(super) struct Instances {
    _second: Running,
    _redis: Redis,
    _nginx: Nginx,
}

/// The first instance, and where nginx listens: a newcomer goes to the one, the next to the other.
pub(super) fn open(folder: &Path) -> anyhow::Result<(Running, String, Instances)> {
    let redis = Redis::start(folder)?;
    let (first, second) = (Server::beside(&redis, 0), Server::beside(&redis, 0));
    let (a, b) = (first.socket(), second.socket());
    let nginx = Nginx::start(folder, |port| {
        format!(
            "upstream fika {{ server {a} max_fails=0; server {b} max_fails=0; }}
             server {{
                 listen {port};
                 location / {{
                     proxy_pass http://fika;
                     proxy_next_upstream error timeout http_503 non_idempotent;
                     proxy_http_version 1.1;
                     proxy_set_header Host $host:$server_port;
                     proxy_set_header Upgrade $http_upgrade;
                     proxy_set_header Connection \"upgrade\";
                 }}
             }}"
        )
    })?;
    let url = format!("http://{HOME}:{}/", nginx.address.port());
    Ok((first.program, url, Instances { _second: second.program, _redis: redis, _nginx: nginx }))
}
