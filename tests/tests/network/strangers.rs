//! Somebody on the network who takes no part in the call.

use std::net::UdpSocket;

use fika_tests::cli::{self, Running, STATS, inbound};
use fika_tests::flood::Flood;
use fika_tests::netns::{self, Cable};

use super::{LEFT, MEDIA, RIGHT, flows};

const STRANGER: &str = "10.77.0.9";

#[test]
fn who_floods_with_hellos_and_media_keeps_nobody_out_and_is_not_heard() {
    netns::run("strangers::who_floods_with_hellos_and_media_keeps_nobody_out_and_is_not_heard", || {
        let cable = Cable::new(LEFT, RIGHT).unwrap();
        cable.right_ip(&format!("address add {STRANGER}/24 dev right"));
        let mut call = Running::start(cli::command().arg("call").args(MEDIA).args(STATS));
        let link = call.line();
        let socket = cable.within(|| Ok(UdpSocket::bind((STRANGER, 0))?)).unwrap();
        let flood = Flood::start(socket, LEFT.parse().unwrap(), call.pid()).unwrap();
        let mut join = Running::start(
            cli::under(&cable.right()).args(["join", &link, "--bind", &format!("{RIGHT}:0")]).args(MEDIA).args(STATS),
        );
        for program in [&mut join, &mut call] {
            program.stats("media flows", flows);
        }
        let before = flood.sent();
        let first = call.stats("a line", flows);
        let later = call.stats("a second later", |stats| {
            inbound(stats, "audio", "totalSamplesReceived")
                >= inbound(&first, "audio", "totalSamplesReceived") + 48_000.0
        });
        assert!(before > 0 && flood.sent() > before + 100, "there was a flood: {before}, {}", flood.sent());
        let heard = |name: &str| inbound(&later, "audio", name) - inbound(&first, "audio", name);
        assert!(heard("packetsReceived") <= heard("totalSamplesReceived") / 960.0 + 25.0, "{later:#}");
        join.interrupt();
        assert_eq!(join.code(), Some(0));
    });
}
