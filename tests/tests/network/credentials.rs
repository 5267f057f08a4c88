//! Credentials for a relay that are made for each participant, hold for an hour.

use std::process::{Command, Stdio};

use fika_tests::cli::{self, NO_MEDIA, Running, STATS, track};
use fika_tests::netns::{self, Cable};
use fika_tests::program;
use fika_tests::turn::Turn;
use ring::hmac;

use super::{LEFT, MEDIA, RIGHT, flows, local};

const SECRET: &str = "kept between two servers";

#[test]
fn a_call_is_relayed_with_credentials_of_each_participant() {
    netns::run("credentials::a_call_is_relayed_with_credentials_of_each_participant", || {
        let cable = Cable::new(LEFT, RIGHT).unwrap();
        let turn = Turn::with_secret(LEFT, SECRET).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("turn.secret");
        std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
        let mut server = Command::new(program::path("fika-server", "fika-server").unwrap());
        server.args(["--listen", &format!("{LEFT}:0"), "--ice-server", &turn.url(), "--turn-secret-file"]);
        let mut server = Running::start(server.arg(secret).stdin(Stdio::null()));
        let address = server.line();

        let mut call = cli::command();
        call.args(["call", "--relay-only", "--server", &address]).args(MEDIA).args(STATS);
        let mut call = Running::start(&mut call);
        let link = call.line();
        let mut join = cli::under(&cable.right());
        join.args(["join", &link, "--relay-only"]).args(MEDIA).args(STATS);
        let mut join = Running::start(&mut join);
        for program in [&mut join, &mut call] {
            let stats = program.stats("media flows", flows);
            assert_eq!((local(&stats).as_str(), &stats["connections"][0]["relayed"]), (Some("relay"), &true.into()));
            assert_eq!(track(&stats, "inbound", "video").unwrap()["frameHeight"], 180);
        }
        join.interrupt();
        assert_eq!(join.code(), Some(0));

        // Who has kept old ones, or guesses, is not let in.
        let mut call = Running::start(cli::command().arg("call").args(NO_MEDIA));
        let link = call.line();
        let made = |user: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
            let password =
                base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hmac::sign(&key, user.as_bytes()));
            format!("{},{user},{password}", turn.url())
        };
        for wrong in [made("1000000000:p1"), format!("{},4000000000:p1,guess", turn.url())] {
            let mut join = cli::under(&cable.right());
            let output =
                join.args(["join", &link, "--relay-only", "--ice-server", &wrong]).args(NO_MEDIA).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!((output.status.code(), said.contains("No TURN server lets us in")), (Some(5), true), "{said}");
        }
    });
}
