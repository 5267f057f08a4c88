//! Tiles that nobody sees cost nothing on either side, and come back with a keyframe.

use std::sync::atomic::Ordering;

use fika_call::TrackSource;
use fika_call::view::TileKey;
use fika_engine::VisibleTile;
use fika_engine::stats::Track;

use crate::bed::{Bed, Person};
use crate::tile;

fn tiles(person: &Person, width: u32, height: u32) -> Vec<VisibleTile> {
    let seen = |tile| VisibleTile { tile, width, height };
    vec![seen(tile(person)), seen(TileKey::me())]
}

/// Pictures encoded, keyframes among them, and the size of the last.
fn encoded(person: &Person) -> (u64, u64, u32) {
    let stats = person.engine.stats();
    let stats = stats.borrow();
    let video = stats.tracks.iter().find_map(|track| match track {
        Track::Outbound(track) if track.source == TrackSource::Camera => track.video.clone(),
        _ => None,
    });
    video.map(|video| (video.frames_encoded, video.key_frames_encoded, video.frame_height)).unwrap_or_default()
}

/// Bytes received, pictures decoded, keyframes among them, and how long pictures stood still, in milliseconds.
fn received(person: &Person) -> (u64, u64, u64, u64) {
    let stats = person.engine.stats();
    let stats = stats.borrow();
    let found = stats.tracks.iter().find_map(|track| match track {
        Track::Inbound(track) if track.source == TrackSource::Camera => Some(track),
        _ => None,
    });
    found.map_or((0, 0, 0, 0), |track| {
        let video = track.video.clone().unwrap_or_default();
        let buffer = video.buffer;
        (
            track.bytes_received,
            buffer.frames_decoded,
            buffer.key_frames_decoded,
            (video.total_freezes_duration * 1e3) as u64,
        )
    })
}

/// Lets a second of statistics come in.
async fn next_stats(bed: &mut Bed, person: &Person) {
    let mut stats = person.engine.stats();
    for _ in 0..2 {
        stats.mark_unchanged();
        bed.until("statistics", || stats.has_changed().unwrap()).await;
    }
}

/// What Bob has received and Alice has encoded after a second in which her camera gave pictures: a test's clock may stand almost still
/// for a second of the machine's.
async fn while_filmed(bed: &mut Bed, alice: &Person, bob: &Person) -> ((u64, u64, u64, u64), (u64, u64, u32)) {
    let shot = |person: &Person| person.seen.counter(&TileKey::me()).unwrap_or_default();
    let before = shot(alice);
    bed.until("the camera goes on", || shot(alice) >= before + 30).await;
    for person in [bob, alice] {
        next_stats(bed, person).await;
    }
    (received(bob), encoded(alice))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_tile_costs_nothing_and_comes_back_with_a_keyframe() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("they meet", || alice.sees() && bob.sees()).await;
    bob.engine.set_visible(tiles(&bob, 1280, 720));
    next_stats(&mut bed, &bob).await;
    assert!(received(&bob).1 > 0);

    bob.engine.set_visible(Vec::new());
    // Until it has been hidden long enough, Alice has heard of it and what was under way has come.
    let mut stopped = while_filmed(&mut bed, &alice, &bob).await;
    loop {
        let now = while_filmed(&mut bed, &alice, &bob).await;
        if now == stopped {
            break;
        }
        stopped = now;
    }
    let played = bob.seen.played.load(Ordering::SeqCst);
    let self_view = bob.seen.counter(&TileKey::me());
    assert_eq!(
        while_filmed(&mut bed, &alice, &bob).await,
        stopped,
        "no byte and no picture for who does not look, and nothing is encoded"
    );
    let (stopped, _) = stopped;
    assert_eq!(bob.seen.counter(&TileKey::me()), self_view, "nor is the own picture made");
    assert!(alice.sees(), "the other way goes on");

    let last = bob.seen.counter(&tile(&bob));
    // Each step is 10 ms.
    let hidden = 10 * (bob.seen.played.load(Ordering::SeqCst) - played) as u64;
    bob.engine.set_visible(tiles(&bob, 1280, 720));
    bed.until("pictures are back", || bob.seen.counter(&tile(&bob)) > last).await;
    next_stats(&mut bed, &bob).await;
    let again = received(&bob);
    // Where decoding does not keep up with the test's clock there are more of them.
    assert!(again.2 > stopped.2, "with a keyframe");
    assert!(again.3 - stopped.3 < hidden / 2, "which is no freeze");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_tile_is_sent_half_the_pictures_and_a_large_one_all() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("they meet", || alice.sees() && bob.sees()).await;
    bob.engine.set_visible(tiles(&bob, 160, 90));
    let rate = |before: (u64, u64, u32), after: (u64, u64, u32), counters: [Option<u32>; 2]| {
        let shot = counters[1].unwrap() - counters[0].unwrap();
        (after.0 - before.0) as f64 / f64::from(shot)
    };
    // The camera's own count against what is encoded of it.
    let mut found = 1.0;
    while found > 0.7 {
        next_stats(&mut bed, &alice).await;
        let (before, first) = (encoded(&alice), alice.seen.counter(&TileKey::me()));
        next_stats(&mut bed, &alice).await;
        let second = alice.seen.counter(&TileKey::me());
        found = rate(before, encoded(&alice), [first, second]);
    }
    bob.engine.set_visible(tiles(&bob, 1280, 720));
    while found < 0.8 {
        next_stats(&mut bed, &alice).await;
        let (before, first) = (encoded(&alice), alice.seen.counter(&TileKey::me()));
        next_stats(&mut bed, &alice).await;
        let second = alice.seen.counter(&TileKey::me());
        found = rate(before, encoded(&alice), [first, second]);
    }
}
