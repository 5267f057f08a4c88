//! A path that loses every tenth packet both ways: the picture goes on, and keyframes stay rare.

use fika_tests::cli::{self, Running, STATS, inbound, track};
use fika_tests::link::Config;
use fika_tests::link::loss::Loss;
use fika_tests::netns::{self, Path};

use super::{LEFT, MEDIA, RIGHT};

const PICTURES: f64 = 400.0;
/// Of these, keyframes at most: without repairs each loss would call for one.
const KEYFRAMES: f64 = 40.0;

#[test]
fn a_call_goes_on_where_every_tenth_packet_is_lost() {
    netns::run("lossy::a_call_goes_on_where_every_tenth_packet_is_lost", || {
        let way = Config { loss: Loss::Random(0.1), ..Config::steady(3e6) };
        let path = Path::open(LEFT, RIGHT, way.clone(), way, 1).unwrap();
        let mut call = Running::start(cli::command().arg("call").args(MEDIA).args(STATS));
        let link = call.line();
        let starter = path.right.starter();
        let mut join = Running::start(cli::under(&starter).args(["join", &link]).args(MEDIA).args(STATS));
        for program in [&mut join, &mut call] {
            let stats = program.stats("pictures come", |stats| inbound(stats, "video", "framesDecoded") >= PICTURES);
            assert!(inbound(&stats, "video", "keyFramesDecoded") <= KEYFRAMES, "{stats:#}");
            let sent = track(&stats, "outbound", "video").unwrap();
            assert!(sent["retransmittedPacketsSent"].as_f64() >= Some(20.0), "copies and repairs: {stats:#}");
        }
        join.interrupt();
        assert_eq!(join.code(), Some(0));
        let travelled = path.close().unwrap();
        let lost = travelled.passages.iter().filter(|passage| passage.fate == fika_tests::link::Fate::Lost).count();
        assert!(lost * 20 > travelled.passages.len(), "{lost} of {}", travelled.passages.len());
    });
}
