//! A network that loses every UDP datagram: the call goes through a stream to the TURN server, over TCP or TLS.

use std::process::{Command, Stdio};
use std::time::Instant;

use fika_tests::between::{Attack, Between};
use fika_tests::cli::{self, NO_MEDIA, Running, STATS, inbound};
use fika_tests::link::Config;
use fika_tests::netns::{self, Path};
use fika_tests::program;
use fika_tests::rooms::Room;
use fika_tests::tls::Certificate;
use fika_tests::turn::{PASSWORD, Turn, USER};
use serde_json::Value;

use super::{LEFT, MEDIA, RIGHT, flows, local};

/// An address that coturn's lists of the guide allow.
const PUBLIC_LEFT: &str = "203.0.113.1";
const PUBLIC_RIGHT: &str = "203.0.113.2";
const RATE: f64 = 8e6;

fn path(left: &str, right: &str) -> Path {
    Path::open(left, right, Config::steady(RATE), Config::steady(RATE), 1).unwrap()
}

fn relayed(stats: &Value) -> bool {
    flows(stats) && *local(stats) == "relay"
}

#[test]
fn a_call_comes_about_where_no_udp_passes() {
    netns::run("streams::a_call_comes_about_where_no_udp_passes", || {
        let path = path(LEFT, RIGHT);
        path.block_udp(true);
        let certificate = Certificate::named(LEFT, |_| ());
        let turn = Turn::with_streams(LEFT, &certificate).unwrap();
        let mut call = Running::start(cli::command().arg("call").args(MEDIA).args(STATS));
        let link = call.line();
        call.ignore();
        let (tcp, tls) = [turn.tcp_url(), turn.tls_url()].map(|url| format!("{url},{USER},{PASSWORD}")).into();
        // Over UDP nobody answers, so the stream is opened although the other is named first.
        let both: &[&str] = &["--ice-server", &turn.server(PASSWORD), "--ice-server", &tcp];
        let alone: &[&str] = &["--ice-server", &tls, "--relay-only", "--ca", &certificate.file("ca.pem")];
        for servers in [both, alone] {
            let began = Instant::now();
            let mut join = cli::under(&path.right.starter());
            let mut join = Running::start(join.args(["join", &link]).args(MEDIA).args(STATS).args(servers));
            let stats = join.stats("media flows", relayed);
            eprintln!("without UDP, media for a second after {:.1} s", began.elapsed().as_secs_f64());
            assert_eq!(stats["connections"][0]["relayed"], true);
            assert!(inbound(&stats, "video", "framesDecoded") >= 30.0);
            join.interrupt();
            assert_eq!(join.code(), Some(0));
        }
        // Who is not shown to be the server is not used.
        let mut join = cli::under(&path.right.starter());
        let output = join.args(["join", &link, "--relay-only", "--ice-server", &tls]).args(NO_MEDIA).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.contains("No TURN server lets us in")), (Some(5), true), "{said}");
    });
}

#[test]
fn a_call_goes_on_when_udp_is_blocked_in_its_middle() {
    netns::run("streams::a_call_goes_on_when_udp_is_blocked_in_its_middle", || {
        let path = path(LEFT, RIGHT);
        let turn = Turn::with_streams(LEFT, &Certificate::named(LEFT, |_| ())).unwrap();
        let mut call = Running::start(cli::command().arg("call").args(MEDIA).args(STATS));
        let link = call.line();
        let tcp = format!("{},{USER},{PASSWORD}", turn.tcp_url());
        let servers = ["--ice-server", &turn.server(PASSWORD), "--ice-server", &tcp];
        let starter = path.right.starter();
        let mut join = Running::start(cli::under(&starter).args(["join", &link]).args(MEDIA).args(STATS).args(servers));
        let direct = |stats: &Value| flows(stats) && *local(stats) != "relay";
        for program in [&mut join, &mut call] {
            program.stats("media flows", direct);
        }
        path.block_udp(true);
        let began = Instant::now();
        let names =
            join.stats("it goes through the stream", |stats| relayed(stats) && stats["connectionState"] == "connected");
        eprintln!("UDP blocked in mid-call: media again for a second after {:.1} s", began.elapsed().as_secs_f64());
        assert_eq!(names["connections"][0]["relayed"], true);
        let (_, packets) = (call.stats("the other hears it", flows), inbound(&names, "audio", "packetsReceived"));
        join.stats("media goes on", |stats| inbound(stats, "audio", "packetsReceived") > packets);
        join.interrupt();
        assert_eq!(join.code(), Some(0));
    });
}

#[test]
fn relay_only_tells_no_address_of_ours_through_a_stream_either() {
    netns::run("streams::relay_only_tells_no_address_of_ours_through_a_stream_either", || {
        let path = path(LEFT, RIGHT);
        let certificate = Certificate::named(LEFT, |_| ());
        let turn = Turn::with_streams(LEFT, &certificate).unwrap();
        let tls = format!("{},{USER},{PASSWORD}", turn.tls_url());
        let servers = ["--relay-only", "--ice-server", &tls, "--ca", &certificate.file("ca.pem")];
        let mut server = Running::start(cli::command().args(["serve", "--listen", &format!("{LEFT}:0")]));
        let address = server.line();
        // Who relays the signalling here has the link, and reads along.
        let between = Between::listen(LEFT, &Room::open_at(&address, &[]).link, Attack::None);
        let [mut left, mut right] = [Vec::new(), path.right.starter()].map(|starter| {
            Running::start(cli::under(&starter).args(["join", &between.link]).args(MEDIA).args(STATS).args(servers))
        });
        for program in [&mut right, &mut left] {
            program.stats("media flows", relayed);
        }
        let told = between.candidates();
        assert!(told.len() >= 2, "both have told where to reach them: {told:?}");
        for candidate in &told {
            assert!(candidate.contains(" typ relay") && candidate.contains("raddr 0.0.0.0 rport 0"), "{candidate}");
            assert!(!candidate.contains(RIGHT), "{candidate}");
        }
        right.interrupt();
        assert_eq!(right.code(), Some(0));
    });
}

/// The part of docs/self-hosting.md that configures coturn, with a secret and a certificate of this test.
fn guide(secret: &str, certificate: &Certificate) -> String {
    let folder = fika_tests::folder();
    let guide = std::fs::read_to_string(folder.join("../docs/self-hosting.md")).unwrap();
    let block = guide.split("```").find(|block| block.contains("static-auth-secret=")).unwrap().to_owned();
    let values = [
        ("CHOOSE-A-SECRET", secret),
        ("/etc/coturn/cert.pem", &certificate.file("cert.pem")),
        ("/etc/coturn/key.pem", &certificate.file("key.pem")),
    ];
    values.into_iter().fold(block, |block, (example, value)| {
        assert!(block.contains(example), "{example} in {block}");
        block.replace(example, value)
    })
}

#[test]
fn the_turn_server_of_the_guide_lets_people_through_port_443() {
    netns::run("streams::the_turn_server_of_the_guide_lets_people_through_port_443", || {
        let path = path(PUBLIC_LEFT, PUBLIC_RIGHT);
        path.block_udp(true);
        let secret = "kept between two servers";
        let certificate = Certificate::named(PUBLIC_LEFT, |_| ());
        let turn = Turn::with_configuration(PUBLIC_LEFT, &guide(secret, &certificate)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("turn.secret");
        std::fs::write(&file, secret).unwrap();
        let mut server = Command::new(program::path("fika-server", "fika-server").unwrap());
        server.args(["--listen", &format!("{PUBLIC_LEFT}:0"), "--turn-secret-file"]).arg(&file);
        server.args(["--ice-server", &turn.url(), "--ice-server", &turn.tls_url()]);
        let mut server = Running::start(server.stdin(Stdio::null()));
        let address = server.line();
        let mut call = cli::command();
        let mut call = Running::start(call.args(["call", "--server", &address]).args(MEDIA).args(STATS));
        let link = call.line();
        let mut join = cli::under(&path.right.starter());
        join.args(["join", &link]).args(certificate.trusted()).args(MEDIA).args(STATS);
        let mut join = Running::start(&mut join);
        join.stats("media flows", relayed);
        call.stats("media flows", flows);
        join.interrupt();
        assert_eq!(join.code(), Some(0));
    });
}
