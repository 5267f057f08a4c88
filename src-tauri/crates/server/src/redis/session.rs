//! One stay at Redis: load the house, then read the log, write to it, live, and look after the others.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands as _, Client, ErrorKind, RedisResult, Script};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::{ANSWER, Ends, PREFIX, connect};
use crate::house::{Change, House};
use crate::log::{Entry, Position, Proposal, Written};
use crate::moment::Moment;

/// How long one question for further entries stands.
const STANDS: Duration = Duration::from_secs(1);
const AT_A_TIME: usize = 512;
/// Entries are kept for so long after a snapshot that has them in it.
const KEPT_MS: u64 = 60_000;
/// Whoever has not read for so long may have missed some of them.
const SLEPT: Duration = Duration::from_secs(30);
/// How long an instance counts as alive after its last word, and how often it gives one.
const ALIVE_MS: u64 = 6000;
const BEAT: Duration = Duration::from_secs(2);

/// A snapshot replaces an older one only, and lets go of the entries that it makes superfluous.
/// Keys: snapshot, log. Arguments: milliseconds and number of the position, the house, the first position to be kept.
const STORE: &str = r"
    local at, number = tonumber(redis.call('HGET', KEYS[1], 'at')), tonumber(redis.call('HGET', KEYS[1], 'number'))
    if at and (at > tonumber(ARGV[1]) or at == tonumber(ARGV[1]) and number >= tonumber(ARGV[2])) then return 0 end
    redis.call('HSET', KEYS[1], 'at', ARGV[1], 'number', ARGV[2], 'house', ARGV[3])
    redis.call('XTRIM', KEYS[2], 'MINID', ARGV[4])
    return 1
";

/// `before`: who this instance was until the last stay ended, and with it all its connections.
pub(super) async fn run(client: &Client, instance: u32, before: Option<u32>, ends: &mut Ends) -> RedisResult<()> {
    let mut redis = connect(client, ANSWER).await?;
    let reader = connect(client, ANSWER + STANDS).await?;
    // Alive before anybody sees a word of it.
    live(&mut redis, instance).await?;
    while ends.inbox.try_recv().is_ok() {}
    if let Some(before) = before {
        lose(&mut redis, instance, before).await?;
    }
    let (position, house) = load(&mut redis).await?;
    tracing::info!(instance, "the log in Redis is read");
    if ends.outbox.send(Entry::Begin { instance, house: house.map(Box::new) }).await.is_err() {
        return Ok(());
    }
    let Ends { inbox, outbox, others } = ends;
    tokio::select! {
        end = read(reader, position, outbox) => end,
        end = write(redis.clone(), instance, inbox) => end,
        end = watch(redis, instance, others) => end,
    }
}

/// The newest snapshot, and where the log goes on after it.
async fn load(redis: &mut MultiplexedConnection) -> RedisResult<(Position, Option<House>)> {
    let fields = ["at", "number", "house"];
    let found: (Option<u64>, Option<u64>, Option<String>) = redis.hmget(format!("{PREFIX}snapshot"), &fields).await?;
    let (Some(at), Some(number), Some(house)) = found else { return Ok((Position::default(), None)) };
    let house = serde_json::from_str(&house).map_err(|error| broken("the snapshot", &error))?;
    Ok((Position { at: Moment(at), number }, Some(house)))
}

async fn read(
    mut redis: MultiplexedConnection,
    mut position: Position,
    outbox: &mpsc::Sender<Entry>,
) -> RedisResult<()> {
    let log = [format!("{PREFIX}log")];
    let options = StreamReadOptions::default().block(STANDS.as_millis() as usize).count(AT_A_TIME);
    let mut heard = SystemTime::now();
    let mut complete = false;
    loop {
        let reply: Option<StreamReadReply> = redis.xread_options(&log, &[position.to_string()], &options).await?;
        // The wall clock goes on while the computer sleeps.
        if heard.elapsed().is_ok_and(|silence| silence > SLEPT) {
            return Err((ErrorKind::Io, "this instance slept and may have missed something").into());
        }
        heard = SystemTime::now();
        if !std::mem::replace(&mut complete, true) {
            still_there(&mut redis, position).await?;
        }
        for entry in reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids) {
            let written = written(&entry)?;
            position = written.position;
            if outbox.send(Entry::Change(Box::new(written))).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Whether what was read began where the snapshot ended, and nobody has let go of entries in between.
async fn still_there(redis: &mut MultiplexedConnection, begun: Position) -> RedisResult<()> {
    let newest: Option<u64> = redis.hget(format!("{PREFIX}snapshot"), "at").await?;
    if newest.is_some_and(|newest| newest.saturating_sub(KEPT_MS) > begun.at.0) {
        return Err((ErrorKind::Io, "the log went on while it was read").into());
    }
    Ok(())
}

fn written(entry: &StreamId) -> RedisResult<Written> {
    let unreadable = || broken("an entry of the log", &entry.id);
    let position = entry.id.parse().map_err(|()| unreadable())?;
    let instance = entry.get("instance").ok_or_else(unreadable)?;
    let number = entry.get("number");
    let change: String = entry.get("change").ok_or_else(unreadable)?;
    let change = serde_json::from_str(&change).map_err(|error| broken("an entry of the log", &error))?;
    Ok(Written { position, instance, number, change })
}

async fn write(
    mut redis: MultiplexedConnection,
    instance: u32,
    inbox: &mut mpsc::Receiver<Proposal>,
) -> RedisResult<()> {
    let mut some = Vec::new();
    let store = Script::new(STORE);
    loop {
        if inbox.recv_many(&mut some, AT_A_TIME).await == 0 {
            return Ok(());
        }
        let mut pipe = redis::pipe();
        let mut snapshot = None;
        let mut changes = false;
        for proposal in some.drain(..) {
            match proposal {
                Proposal::Change { number, change } => {
                    append(&mut pipe, instance, Some(number), &change);
                    changes = true;
                }
                Proposal::Snapshot { after, house } => snapshot = Some((after, house)),
            }
        }
        // Nothing to send is an error.
        if changes {
            pipe.exec_async(&mut redis).await?;
        }
        if let Some((after, house)) = snapshot {
            let mut call = store.key(format!("{PREFIX}snapshot"));
            call.key(format!("{PREFIX}log")).arg(after.at.0).arg(after.number).arg(house);
            let _: bool = call.arg(after.at.0.saturating_sub(KEPT_MS)).invoke_async(&mut redis).await?;
        }
    }
}

/// `number`: of one that the hub has proposed.
fn append(pipe: &mut redis::Pipeline, instance: u32, number: Option<u64>, change: &Change) {
    let change = serde_json::to_string(change).expect("a change is always JSON");
    let mut fields = vec![("instance", instance.to_string()), ("change", change)];
    fields.extend(number.map(|number| ("number", number.to_string())));
    pipe.xadd(format!("{PREFIX}log"), "*", &fields).ignore();
}

/// Gives word that we live, and tells everybody of those that give none any more.
async fn watch(mut redis: MultiplexedConnection, me: u32, others: &mut watch::Receiver<Vec<u32>>) -> RedisResult<()> {
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = HashSet::new();
    loop {
        beat.tick().await;
        live(&mut redis, me).await?;
        let others: Vec<u32> = others.borrow().iter().copied().filter(|other| *other != me).collect();
        told.retain(|other| others.contains(other));
        for other in others {
            let alive: bool = redis.exists(format!("{PREFIX}alive:{other}")).await?;
            if !alive && told.insert(other) {
                tracing::warn!(instance = other, "an instance is gone");
                lose(&mut redis, me, other).await?;
            }
        }
    }
}

async fn lose(redis: &mut MultiplexedConnection, me: u32, instance: u32) -> RedisResult<()> {
    let mut pipe = redis::pipe();
    append(&mut pipe, me, None, &Change::Lost { instance });
    pipe.exec_async(redis).await
}

async fn live(redis: &mut MultiplexedConnection, me: u32) -> RedisResult<()> {
    let mut pipe = redis::pipe();
    pipe.pset_ex(format!("{PREFIX}alive:{me}"), 1, ALIVE_MS).ignore();
    pipe.exec_async(redis).await
}

fn broken(what: &str, why: &impl std::fmt::Display) -> redis::RedisError {
    let why = format!("{what} is of another version of fika-server, or broken: {why}");
    (ErrorKind::UnexpectedReturnType, "unreadable", why).into()
}
