//! What a call goes through when it cannot go by itself.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};

use super::super::scene::Scene;
use super::super::side::relayed;
use super::super::{PATIENCE, RELAYS};
use super::seconds;
use crate::bench::faults::bed::AHEAD;
use crate::netns;

pub(super) fn udp_blocked(scene: &mut Scene) -> anyhow::Result<()> {
    scene.cable.block_udp(true)?;
    let at = scene.join.wait("it is shown as relayed", PATIENCE, relayed)?;
    scene.figures.insert("relayed", at.since(scene.began).as_secs_f64());
    scene.both_back()
}

/// The one that carries more of the two.
pub(super) fn dies(scene: &mut Scene) -> anyhow::Result<()> {
    let rules = RELAYS.map(|relay| format!("add rule inet count in ip daddr {relay} udp dport 3478 counter"));
    netns::nft(&format!(
        "add table inet count; add chain inet count in {{ type filter hook prerouting priority -300; }}; {}",
        rules.join("; ")
    ))?;
    scene.pass(seconds(2))?;
    let counted = netns::counters("inet count")?;
    let [first, second] = counted[..] else { anyhow::bail!("two counters, not {counted:?}") };
    ensure!(first.max(second) > 100, "the call goes through a relay: {counted:?}");
    let busier = usize::from(second > first);
    scene.begin();
    drop(scene.beside.turn.remove(busier));
    scene.both_back()
}

pub(super) fn only_one_dies(scene: &mut Scene) -> anyhow::Result<()> {
    scene.beside.turn.clear();
    let told =
        scene.join.wait_view("it is said that no relay is reached", PATIENCE, |view| view["problem"] == "noRelay")?;
    scene.figures.insert("norelay", told.since(scene.began).as_secs_f64());
    Ok(())
}

/// Nothing is asked of the server meanwhile, so that the credentials are those that came by themselves.
pub(super) fn credentials(scene: &mut Scene) -> anyhow::Result<()> {
    let log = |scene: &Scene| scene.beside.turn.first().context("there is a TURN server")?.log();
    let first = ends(&log(scene)?).into_iter().max().context("credentials were used")?;
    while theirs()? <= first {
        scene.pass(seconds(1))?;
    }
    let before = log(scene)?.len();
    scene.begin();
    scene.cable.block_udp(true)?;
    scene.pass(seconds(6))?;
    scene.cable.block_udp(false)?;
    scene.mend();
    scene.both_back()?;
    let log = log(scene)?;
    let after = log.get(before..).unwrap_or_default();
    ensure!(ends(after).iter().any(|end| *end > first), "new credentials were used: {after}");
    scene.figures.insert("refused", log.lines().filter(|line| is_refusal(line)).count() as f64);
    Ok(())
}

/// The TURN server's time, in seconds since 1970.
fn theirs() -> anyhow::Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())? + i64::from(AHEAD))
}

/// Until when the credentials hold with which somebody was let in.
fn ends(log: &str) -> Vec<i64> {
    let lines = log.lines().filter(|line| line.contains("ALLOCATE processed, success"));
    lines.filter_map(|line| line.split_once("user <")?.1.split(':').next()?.parse().ok()).collect()
}

/// Everybody is told once that credentials are needed, and when a nonce is too old.
fn is_refusal(line: &str) -> bool {
    line.contains("processed, error") && !line.contains("user <>") && !line.contains("error 438")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_none_that_everybody_meets() {
        let line =
            |user: &str, end: &str| format!("7: : session 1: realm <fika.test> user <{user}>: incoming packet {end}");
        let success = line("1795775583:bob", "ALLOCATE processed, success");
        assert_eq!((ends(&success), is_refusal(&success)), (vec![1_795_775_583], false));
        assert!(!is_refusal(&line("", "message processed, error 401: Unauthorized")));
        assert!(!is_refusal(&line("1795775583:bob", "REFRESH processed, error 438: Stale nonce")));
        assert!(is_refusal(&line("1795775583:bob", "message processed, error 401: Unauthorized")));
        assert!(is_refusal(&line("1795775583:bob", "ALLOCATE processed, error 437: Mismatched allocation")));
    }
}
