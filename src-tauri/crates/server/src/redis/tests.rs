//! The log in a Redis of the test's own.
#![allow(clippy::unwrap_used, reason = "tests, on one system only")]

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::AsyncCommands as _;

use super::*;
use crate::Limits;
use crate::house::{Change, House};
use crate::log::{Position, Proposal};

struct Redis {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Redis {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--dir"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("Redis starts (Debian: redis-server)");
        // It says nothing when it is ready, so its port is tried.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            std::thread::yield_now();
        }
        Self { child, url: format!("redis://127.0.0.1:{port}"), _folder: folder }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A new instance, and whether it begins with a snapshot.
async fn begin(redis: &Redis) -> (Shared, bool) {
    let mut shared = open(&redis.url).await.unwrap();
    match shared.entries.recv().await {
        Some(Entry::Begin { house, .. }) => (shared, house.is_some()),
        _ => panic!("it begins"),
    }
}

async fn tick(shared: &mut Shared, number: u64) -> Position {
    shared.proposals.send(Proposal::Change { number, change: Box::new(Change::Tick) }).await.unwrap();
    next(shared).await
}

async fn next(shared: &mut Shared) -> Position {
    match shared.entries.recv().await {
        Some(Entry::Change(written)) => written.position,
        _ => panic!("an entry"),
    }
}

fn snapshot(after: Position) -> Proposal {
    let house = serde_json::to_string(&House::new(&Limits::default(), 1)).unwrap();
    Proposal::Snapshot { after, house }
}

#[tokio::test]
async fn who_comes_late_begins_at_the_newest_snapshot() {
    let redis = Redis::start();
    let (mut first, found) = begin(&redis).await;
    assert!(!found);
    let mut ticks = Vec::new();
    for number in 0..5 {
        ticks.push(tick(&mut first, number).await);
    }
    assert!(ticks.is_sorted());
    let (mut second, found) = begin(&redis).await;
    assert!(!found, "from the beginning");
    for at in &ticks {
        assert_eq!(next(&mut second).await, *at);
    }
    assert_eq!(second.seed.0, first.seed.0);

    first.proposals.send(snapshot(ticks[2])).await.unwrap();
    second.proposals.send(snapshot(ticks[1])).await.unwrap();
    let mut third = loop {
        let (shared, found) = begin(&redis).await;
        if found {
            break shared;
        }
    };
    // Whichever of the two was first, the newer one stays; until it is there, the older one is right too.
    let after = next(&mut third).await;
    assert!(ticks[2..4].contains(&after));
    let sixth = tick(&mut first, 5).await;
    while next(&mut third).await != sixth {}

    // A minute and more after all that was written.
    let far = Position { at: ticks[4].at + Duration::from_secs(3600), number: 0 };
    first.proposals.send(snapshot(far)).await.unwrap();
    let mut client = connect(&Client::open(redis.url.as_str()).unwrap(), ANSWER).await.unwrap();
    while client.xlen::<_, u64>(format!("{PREFIX}log")).await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_redis_that_fails_is_told_and_tried_again() {
    let redis = Redis::start();
    let (mut shared, _) = begin(&redis).await;
    drop(redis);
    assert!(matches!(shared.entries.recv().await, Some(Entry::Away)));
    assert!(matches!(open("redis://127.0.0.1:1").await, Err(RedisError::Away(_))));
    assert!(matches!(open("http://127.0.0.1:1").await, Err(RedisError::Address(_))));
}
