//! What we read in session descriptions and candidates (RFC 8866, RFC 8839), and what we take out of ours. No state.

use std::net::IpAddr;

use fika_call::session::ConnectionPrivacy;

use crate::filter::Cookie;

/// Longest description that is looked at, in bytes.
pub(crate) const MAX_SDP: usize = 32 * 1024;
/// Media sections of a description; ours have two.
const MAX_SECTIONS: usize = 8;
/// Candidates of one peer that are tried.
pub(crate) const MAX_CANDIDATES: usize = 100;

pub(crate) const OPUS: u8 = 111;
pub(crate) const MAIN: u8 = 102;
pub(crate) const MAIN_RTX: u8 = 103;
pub(crate) const BASELINE: u8 = 104;
pub(crate) const BASELINE_RTX: u8 = 105;
pub(crate) const OPUS_FMTP: &str = "minptime=10;useinbandfec=1";
pub(crate) const MAIN_FMTP: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f";
pub(crate) const BASELINE_FMTP: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

/// Said by who knows our repairs; whoever does not know the line ignores it (RFC 8866 section 5.13).
const FEC: &str = "a=x-fika-fec:1";

/// The cookie of who would be the server of DTLS, said by who takes the shortcuts of [`crate::filter`].
const COOKIE: &str = "a=x-fika-cookie:";

/// Payload types that the peer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payloads {
    pub(crate) opus: Option<u8>,
    pub(crate) video: Option<VideoPayload>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VideoPayload {
    pub(crate) payload_type: u8,
    pub(crate) rtx: Option<u8>,
    /// Main profile; else constrained baseline.
    pub(crate) main: bool,
    /// It knows our repairs (`fika_rtp::fec`).
    pub(crate) fec: bool,
}

/// Reads a peer's description. `None`: too large, or not what a peer of ours says.
pub(crate) fn payloads(sdp: &str) -> Option<Payloads> {
    if sdp.len() > MAX_SDP || !sdp.starts_with("v=0") || !one_fingerprint(sdp) {
        return None;
    }
    let sections: Vec<&str> = sdp.split("\nm=").skip(1).collect();
    if sections.is_empty() || sections.len() > MAX_SECTIONS {
        return None;
    }
    let mut payloads = Payloads { opus: None, video: None };
    for section in sections {
        if section.starts_with("audio ") {
            payloads.opus = payloads.opus.or_else(|| rtpmaps(section, "opus/48000").next());
        } else if section.starts_with("video ") {
            payloads.video = payloads.video.or_else(|| video(section));
        }
    }
    if let Some(video) = &mut payloads.video {
        // Repairs travel as retransmissions.
        video.fec = video.rtx.is_some() && sdp.lines().any(|line| line.trim_end() == FEC);
    }
    Some(payloads)
}

/// One DTLS certificate for the whole connection, named by SHA-256 (RFC 8122): what the seal vouches for leaves no choice.
fn one_fingerprint(sdp: &str) -> bool {
    let mut all = sdp.lines().filter_map(|line| line.trim_end().strip_prefix("a=fingerprint:"));
    all.next().is_some_and(|first| {
        let sha256 = first.get(..8).is_some_and(|name| name.eq_ignore_ascii_case("sha-256 "));
        sha256 && all.all(|other| other.eq_ignore_ascii_case(first))
    })
}

/// SHA-256 of the DTLS certificate that a description names, its own or a peer's.
pub(crate) fn fingerprint(sdp: &str) -> Option<[u8; 32]> {
    let named = sdp.lines().find_map(|line| line.trim_end().strip_prefix("a=fingerprint:"))?;
    let (algorithm, digits) = named.split_once(' ')?;
    // Two digits for each byte, colons between them.
    if !algorithm.eq_ignore_ascii_case("sha-256") || digits.len() != 95 || !digits.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    let mut pairs = digits.split(':');
    for byte in &mut bytes {
        let pair = pairs.next().filter(|pair| pair.len() == 2)?;
        *byte = u8::from_str_radix(pair, 16).ok().filter(|_| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    }
    Some(bytes)
}

/// Main profile where the peer takes it, then constrained baseline, then baseline; packetization-mode 1 only.
fn video(section: &str) -> Option<VideoPayload> {
    let profile = |payload_type: u8| {
        let fmtp = fmtp(section, payload_type)?;
        let value = |name: &str| {
            let found = fmtp.split(';').find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
            found.map(str::trim)
        };
        (value("packetization-mode") == Some("1")).then(|| value("profile-level-id").unwrap_or("42001f").to_lowercase())
    };
    let find =
        |prefix: &str| rtpmaps(section, "h264/90000").find(|pt| profile(*pt).is_some_and(|p| p.starts_with(prefix)));
    let (payload_type, main) = match (find("4d"), find("42e0").or_else(|| find("42"))) {
        (Some(payload_type), _) => (payload_type, true),
        (None, Some(payload_type)) => (payload_type, false),
        (None, None) => return None,
    };
    let rtx = rtpmaps(section, "rtx/90000").find(|rtx| {
        let apt =
            fmtp(section, *rtx).and_then(|fmtp| fmtp.split(';').find_map(|pair| pair.trim().strip_prefix("apt=")));
        apt.and_then(|apt| apt.trim().parse().ok()) == Some(payload_type)
    });
    Some(VideoPayload { payload_type, rtx, main, fec: false })
}

fn rtpmaps<'a>(section: &'a str, codec: &'a str) -> impl Iterator<Item = u8> + 'a {
    section.lines().filter_map(move |line| {
        let (payload_type, name) = line.trim_end().strip_prefix("a=rtpmap:")?.split_once(' ')?;
        let name = name.get(..codec.len())?;
        name.eq_ignore_ascii_case(codec).then(|| payload_type.parse().ok()).flatten()
    })
}

fn fmtp(section: &str, payload_type: u8) -> Option<&str> {
    section.lines().find_map(|line| {
        let (found, parameters) = line.trim_end().strip_prefix("a=fmtp:")?.split_once(' ')?;
        (found.parse() == Ok(payload_type)).then_some(parameters)
    })
}

/// Our description without candidates: they travel alone, each through [`outgoing_candidate`].
pub(crate) fn without_candidates(sdp: &str) -> String {
    let kept = |line: &&str| !line.starts_with("a=candidate:") && !line.starts_with("a=end-of-candidates");
    sdp.lines().filter(kept).flat_map(|line| [line.trim_end(), "\r\n"]).collect()
}

/// A description of ours as it is told to the peer.
pub(crate) fn outgoing(sdp: &str, cookie: &Cookie) -> String {
    let cookie: String = cookie.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}{FEC}\r\n{COOKIE}{cookie}\r\n", without_candidates(sdp))
}

/// What the description of a peer that takes our shortcuts says for them: its cookie, and its password of ICE.
pub(crate) fn familiar(sdp: &str) -> Option<(Cookie, String)> {
    let value = |name| sdp.lines().find_map(|line| line.trim_end().strip_prefix(name));
    let (digits, password) = (value(COOKIE)?, value("a=ice-pwd:")?);
    let mut cookie = Cookie::default();
    if digits.len() != 2 * cookie.len() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in cookie.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..][..2], 16).ok()?;
    }
    Some((cookie, password.to_owned()))
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate<'a> {
    address: &'a str,
    port: &'a str,
    protocol: &'a str,
    kind: &'a str,
}

/// `[a=]candidate:FOUNDATION COMPONENT PROTOCOL PRIORITY ADDRESS PORT typ KIND …` (RFC 8839 section 5.1).
fn parse(candidate: &str) -> Option<Candidate<'_>> {
    let rest = candidate.trim().trim_start_matches("a=").strip_prefix("candidate:")?;
    let mut words = rest.split_ascii_whitespace();
    let (_foundation, _component) = (words.next()?, words.next()?);
    let (protocol, _priority) = (words.next()?, words.next()?);
    let (address, port) = (words.next()?, words.next()?);
    (words.next()? == "typ").then_some(())?;
    Some(Candidate { address, port, protocol, kind: words.next()? })
}

/// What the peer is told of one of our addresses. `None`: nothing.
pub(crate) fn outgoing_candidate(candidate: &str, privacy: ConnectionPrivacy) -> Option<String> {
    let kind = parse(candidate)?.kind;
    let told = match privacy {
        ConnectionPrivacy::Automatic => true,
        ConnectionPrivacy::HideLocal => matches!(kind, "srflx" | "relay"),
        ConnectionPrivacy::RelayOnly => kind == "relay",
    };
    if !told {
        return None;
    }
    if privacy == ConnectionPrivacy::Automatic {
        return Some(candidate.to_owned());
    }
    // The related address of a reflexive candidate is the local one.
    let mut words: Vec<&str> = candidate.split_ascii_whitespace().collect();
    for at in 1..words.len() {
        match words[at - 1] {
            "raddr" => words[at] = "0.0.0.0",
            "rport" => words[at] = "0",
            _ => {}
        }
    }
    Some(words.join(" "))
}

/// Whether to try an address that the peer names. Loopback, multicast, broadcast and unspecified addresses are refused
/// (RFC 8826 section 4.1): a peer must not point us at services of this computer.
pub(crate) fn allowed_candidate(candidate: &str, loopback: bool) -> bool {
    let Some(candidate) = parse(candidate) else { return false };
    if !candidate.protocol.eq_ignore_ascii_case("udp") || candidate.port.parse::<u16>().is_ok_and(|port| port == 0) {
        return false;
    }
    match candidate.address.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            !ip.is_multicast() && !ip.is_broadcast() && !ip.is_unspecified() && (loopback || !ip.is_loopback())
        }
        Ok(IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
            Some(_) => false,
            None => !ip.is_multicast() && !ip.is_unspecified() && (loopback || !ip.is_loopback()),
        },
        // mDNS (draft-ietf-mmusic-mdns-ice-candidates): one random label.
        Err(_) => {
            let label = candidate.address.strip_suffix(".local").unwrap_or_default();
            label.len() == 36 && label.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "candidate:1 1 udp 2130706431 192.168.1.5 50000 typ host";
    const SRFLX: &str = "candidate:2 1 udp 1694498815 203.0.113.9 50001 typ srflx raddr 192.168.1.5 rport 50000";
    const RELAY: &str = "candidate:3 1 udp 16777215 198.51.100.2 50002 typ relay raddr 203.0.113.9 rport 50001";

    fn with_address(address: &str) -> String {
        format!("candidate:1 1 udp 2130706431 {address} 50000 typ host")
    }

    #[test]
    fn private_addresses_stay_at_home() {
        let told = |privacy| [HOST, SRFLX, RELAY].map(|candidate| outgoing_candidate(candidate, privacy));
        assert_eq!(told(ConnectionPrivacy::Automatic).map(|c| c.is_some()), [true, true, true]);
        let hidden = told(ConnectionPrivacy::HideLocal);
        assert_eq!(hidden.clone().map(|c| c.is_some()), [false, true, true]);
        assert!(hidden.iter().flatten().all(|c| !c.contains("192.168.1.5") && c.ends_with("raddr 0.0.0.0 rport 0")));
        let relayed = told(ConnectionPrivacy::RelayOnly);
        assert_eq!(relayed.clone().map(|c| c.is_some()), [false, false, true]);
        assert!(relayed.iter().flatten().all(|c| !c.contains("203.0.113.9")));
    }

    #[test]
    fn descriptions_carry_no_candidates() {
        let sdp = format!("v=0\r\nm=audio 9 UDP 111\r\na={HOST}\r\na=end-of-candidates\r\na=mid:0\r\n");
        assert_eq!(without_candidates(&sdp), "v=0\r\nm=audio 9 UDP 111\r\na=mid:0\r\n");
    }

    #[test]
    fn hostile_candidates_are_refused() {
        for address in ["192.168.1.5", "10.0.0.1", "203.0.113.9", "fd00::1", "2001:db8::1"] {
            assert!(allowed_candidate(&with_address(address), false), "{address}");
        }
        assert!(allowed_candidate(&with_address("5f2a1b3c-1111-2222-3333-444455556666.local"), false));
        for address in ["127.0.0.1", "::1", "127.1.2.3"] {
            assert!(!allowed_candidate(&with_address(address), false), "{address}");
            assert!(allowed_candidate(&with_address(address), true), "{address}");
        }
        for address in
            ["224.0.0.251", "255.255.255.255", "0.0.0.0", "::", "ff02::1", "::ffff:127.0.0.1", "intranet", "x.local"]
        {
            assert!(!allowed_candidate(&with_address(address), true), "{address}");
        }
        for text in
            ["", "candidate:", "candidate:1 1 udp 1 10.0.0.1 0 typ host", "candidate:1 1 tcp 1 10.0.0.1 9 typ host"]
        {
            assert!(!allowed_candidate(text, true), "{text}");
        }
    }

    #[test]
    fn the_cookie_is_told_and_read() {
        let told = outgoing("v=0\r\na=ice-pwd:0123456789abcdefghijkl\r\n", &[0xa7; 20]);
        assert_eq!(familiar(&told), Some(([0xa7; 20], "0123456789abcdefghijkl".to_owned())));
        assert_eq!(familiar(&told.replace("a=ice-pwd", "a=x")), None);
        for digits in ["a7", "", &"é".repeat(20), &"+7".repeat(20)] {
            assert_eq!(familiar(&told.replace(&"a7".repeat(20), digits)), None, "{digits}");
        }
    }

    fn description(video: &str) -> String {
        format!(
            "v=0\r\na=fingerprint:sha-256 AA:BB\r\nm=audio 9 UDP/TLS/RTP/SAVPF 109\r\na=rtpmap:109 opus/48000/2\r\nm=video 9 UDP/TLS/RTP/SAVPF 1\r\n{video}"
        )
    }

    #[test]
    fn the_payload_type_follows_the_exact_profile() {
        let chromium = description(
            "a=rtpmap:96 VP8/90000\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\n\
             a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\na=rtpmap:104 H264/90000\r\na=fmtp:104 packetization-mode=0;profile-level-id=42e01f\r\n\
             a=rtpmap:106 H264/90000\r\na=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
             a=rtpmap:107 rtx/90000\r\na=fmtp:107 apt=106\r\n",
        );
        let found = payloads(&chromium).unwrap();
        assert_eq!(found.opus, Some(109));
        assert_eq!(found.video, Some(VideoPayload { payload_type: 106, rtx: Some(107), main: false, fec: false }));

        let ours = description(&format!(
            "a=rtpmap:{MAIN} H264/90000\r\na=fmtp:{MAIN} {MAIN_FMTP}\r\na=rtpmap:{BASELINE} H264/90000\r\na=fmtp:{BASELINE} {BASELINE_FMTP}\r\n"
        ));
        assert_eq!(
            payloads(&ours).unwrap().video,
            Some(VideoPayload { payload_type: MAIN, rtx: None, main: true, fec: false })
        );
        assert_eq!(payloads(&description("a=rtpmap:96 VP8/90000\r\n")).unwrap().video, None);
    }

    #[test]
    fn one_certificate_by_sha_256() {
        let sdp = description("");
        assert!(payloads(&sdp).is_some());
        assert!(payloads(&format!("{sdp}a=fingerprint:sha-256 aa:bb\r\n")).is_some());
        assert_eq!(payloads(&format!("{sdp}a=fingerprint:sha-256 AA:CC\r\n")), None);
        assert_eq!(payloads(&sdp.replace("sha-256", "sha-1")), None);
        assert_eq!(payloads(&sdp.replace("a=fingerprint", "a=x")), None);
    }

    #[test]
    fn a_fingerprint_is_thirty_two_bytes() {
        let named = |digits: &str| fingerprint(&format!("v=0\r\na=fingerprint:SHA-256 {digits}\r\nm=audio"));
        let whole: Vec<String> = (0..32).map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(named(&whole.join(":")), Some(std::array::from_fn(|i| i as u8)));
        assert_eq!(named(&whole[1..].join(":")), None);
        assert_eq!(named(&whole.join(":").replace("1F", "+F")), None);
        assert_eq!(named(&whole.join(":").replace(":1F", "01F")), None);
        assert_eq!(named(&"é".repeat(48)), None);
        assert_eq!(fingerprint("v=0"), None);
    }

    #[test]
    fn nonsense_is_no_description() {
        assert_eq!(payloads(""), None);
        let head = "v=0\r\na=fingerprint:sha-256 AA\r\n";
        assert_eq!(payloads(head), None);
        assert!(payloads(&format!("{head}{}", "m=audio 9 x\r\n".repeat(8))).is_some());
        assert_eq!(payloads(&format!("{head}{}", "m=audio 9 x\r\n".repeat(9))), None);
        assert_eq!(payloads(&format!("{head}m=audio {}", "x".repeat(MAX_SDP))), None);
    }
}
