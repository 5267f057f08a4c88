use super::*;

fn ms(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// Sends 1000 bytes each `every` and gives the arrivals.
fn run(config: Config, every: Duration, count: u64, seed: u64) -> (Vec<(Timestamp, u64)>, Link<u64>) {
    let mut link = Link::new(config, seed);
    let mut now = Timestamp::ZERO;
    let mut arrived = Vec::new();
    for number in 0..count {
        link.handle_packet(number, 1000, now);
        now = now + every;
        while let Some(packet) = link.poll_packet(now) {
            arrived.push(packet);
        }
    }
    while let Some(at) = link.poll_timeout() {
        arrived.extend(link.poll_packet(at));
    }
    (arrived, link)
}

fn lost(link: &Link<u64>, fate: Fate) -> usize {
    link.log().filter(|passage| passage.fate == fate).count()
}

#[test]
fn a_packet_takes_its_transmission_and_the_delay() {
    let (arrived, link) = run(Config::steady(1e6), Duration::from_millis(20), 3, 1);
    assert_eq!(arrived, [(ms(58), 0), (ms(78), 1), (ms(98), 2)]);
    assert!(link.log().all(|passage| passage.queued == Duration::from_millis(8)));
}

#[test]
fn a_full_queue_drops_what_comes() {
    // Twice as much as passes: 300 ms are full after 600 ms, then every other packet is dropped.
    let (arrived, link) = run(Config::steady(1e6), Duration::from_millis(4), 500, 1);
    let worst = link.log().map(|passage| passage.queued).max().expect("packets were sent");
    assert!((Duration::from_millis(290)..=Duration::from_millis(300)).contains(&worst), "{worst:?}");
    assert_eq!(arrived.len() + lost(&link, Fate::Dropped), 500);
    assert!((205..=215).contains(&lost(&link, Fate::Dropped)), "{}", lost(&link, Fate::Dropped));
}

#[test]
fn a_rate_that_changes_while_a_packet_leaves_counts_in_parts() {
    let mut config = Config::steady(1e6);
    config.rates = vec![(ms(0), 1e6), (ms(4), 0.0), (ms(104), 2e6)];
    let (arrived, _) = run(config, Duration::from_millis(1000), 2, 1);
    assert_eq!(arrived, [(ms(156), 0), (ms(1054), 1)]);
}

#[test]
fn losses_are_as_many_as_asked_for_and_in_runs() {
    for (loss, runs) in [(Loss::Random(0.05), 1.05), (Loss::Bursts { rate: 0.05, run: 2.5 }, 2.5)] {
        let config = Config { loss, ..Config::steady(1e9) };
        let (_, link) = run(config, Duration::from_millis(1), 100_000, 7);
        let fates: Vec<bool> = link.log().map(|passage| passage.fate == Fate::Lost).collect();
        let lost = fates.iter().filter(|lost| **lost).count() as f64;
        let begun = fates.windows(2).filter(|pair| !pair[0] && pair[1]).count() as f64;
        assert!((lost / 100_000.0 - 0.05).abs() < 0.005, "{lost} of {loss:?}");
        assert!((lost / begun - runs).abs() < 0.15, "{} of {loss:?}", lost / begun);
    }
}

#[test]
fn jitter_overtakes_only_where_it_may() {
    for reorder in [false, true] {
        let jitter = Duration::from_millis(30);
        let config = Config { jitter, reorder, duplicates: 0.1, ..Config::steady(1e9) };
        let (arrived, _) = run(config, Duration::from_millis(5), 1000, 3);
        assert!((1060..1140).contains(&arrived.len()), "each tenth comes twice: {}", arrived.len());
        assert_eq!(arrived.windows(2).any(|pair| pair[0].1 > pair[1].1), reorder);
    }
}

#[test]
fn a_cut_path_loses_what_is_sent_meanwhile() {
    let config = Config { down: vec![(ms(100), ms(200))], ..Config::steady(1e9) };
    let (arrived, link) = run(config, Duration::from_millis(10), 50, 1);
    assert_eq!((arrived.len(), lost(&link, Fate::Lost)), (40, 10));
}

#[test]
fn the_same_seed_is_the_same_passage() {
    let config = || Config { loss: Loss::Random(0.1), jitter: Duration::from_millis(20), ..Config::steady(1e6) };
    let [one, again, other] = [5, 5, 6].map(|seed| run(config(), Duration::from_millis(10), 300, seed).0);
    assert!(one == again && one != other);
}
