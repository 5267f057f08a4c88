//! The log in Redis: one stream that every instance writes and reads, a snapshot from which a new one begins, and a key for
//! each instance that lives.
//!
//! One tokio task, which begins again whenever something fails; the hub is told that the log is away, and lets go of its
//! connections. Queues as in [`crate::log`]. What is in Redis: see docs/self-hosting.md.

mod session;

use std::time::Duration;

use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};
use tokio::sync::{mpsc, watch};

use crate::keys::Seed;
use crate::log::{ENTRIES, Entry, PROPOSALS, Shared};
use crate::random;

/// Of what is in Redis. Another format has another prefix: instances of both do not mix.
const PREFIX: &str = "fika:1:";
const CONNECT: Duration = Duration::from_secs(3);
/// How long Redis may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_secs(1);

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// Write it as redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE].
    #[error("this is no address of a Redis: {0}")]
    Address(#[source] redis::RedisError),
    /// Check that Redis runs, the address and the password.
    #[error("Redis cannot be used: {0}")]
    Away(#[from] redis::RedisError),
}

/// Connects to Redis, and keeps the log until what is returned is dropped.
pub async fn open(url: &str) -> Result<Shared, RedisError> {
    let client = Client::open(url).map_err(RedisError::Address)?;
    let mut redis = connect(&client, ANSWER).await?;
    let seed = seed(&mut redis).await?;
    let (proposals, inbox) = mpsc::channel(PROPOSALS);
    let (outbox, entries) = mpsc::channel(ENTRIES);
    let (instances, others) = watch::channel(Vec::new());
    tokio::spawn(run(client, Ends { inbox, outbox, others }));
    Ok(Shared { seed, proposals, entries, instances })
}

/// Of the queues to and from the hub.
struct Ends {
    inbox: mpsc::Receiver<crate::log::Proposal>,
    outbox: mpsc::Sender<Entry>,
    others: watch::Receiver<Vec<u32>>,
}

async fn run(client: Client, mut ends: Ends) {
    let mut before = None;
    while !ends.outbox.is_closed() {
        let instance = u32::from_le_bytes(random::bytes()) | 1;
        let before = before.replace(instance);
        if let Err(error) = session::run(&client, instance, before, &mut ends).await {
            tracing::warn!(%error, "Redis is away");
        }
        // A hub that is gone needs no word.
        let _ = ends.outbox.send(Entry::Away).await;
        tokio::time::sleep(AGAIN).await;
    }
}

async fn connect(client: &Client, answer: Duration) -> redis::RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(answer));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// The same for all instances: whoever is first draws it.
async fn seed(redis: &mut MultiplexedConnection) -> redis::RedisResult<Seed> {
    let key = format!("{PREFIX}seed");
    let fresh: [u8; 32] = random::bytes();
    let _: bool = redis.set_nx(&key, fresh.as_slice()).await?;
    let found: Vec<u8> = redis.get(&key).await?;
    let bytes = found.try_into().map_err(|_| (redis::ErrorKind::UnexpectedReturnType, "the seed has 32 bytes"))?;
    Ok(Seed(bytes))
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
