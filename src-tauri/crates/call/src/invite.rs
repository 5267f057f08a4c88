//! The invite link: `http(s)://HOST[:PORT]/j/ROOM#SECRET[.CODE][.p]`, or the same with `fika://`, which the system hands to the app
//! (`https`; with `?plain` before the `#`: `http`). The fragment never reaches a server: the secret
//! not at all, the code of a personal invite in the first message only. `p` says that a passcode is asked for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroize as _;

use crate::RoomId;

/// Longest link that is looked at, in bytes.
pub const MAX_LINK: usize = 2048;
/// Bytes of a [`Secret`].
pub const SECRET_BYTES: usize = 16;
/// Bytes of a [`Code`].
pub const CODE_BYTES: usize = 16;
/// Before a link that the system hands to the app.
const SCHEME: &str = "fika://";
/// In such a link: its server speaks no TLS.
const PLAIN: &str = "plain";
/// Stands in a link whose room asks for a passcode.
const PASSCODE: &str = "p";

/// 128 random bits that only the people with the link know. Overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; SECRET_BYTES]);

impl Secret {
    pub const fn from_bytes(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The code of a personal invite: 128 random bits, base64url without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == CODE_BYTES).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code")
    }
}

/// What makes its bearer the host of a room; made by the server for who opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct HostKey(pub String);

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostKey")
    }
}

/// An invitation to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// Scheme, host and port of the server: `http://192.168.1.5:7420/`.
    pub server: url::Url,
    pub room: RoomId,
    pub secret: Secret,
    /// Of a personal invite.
    pub code: Option<Code>,
    /// The room asks for a passcode; the lobby may ask for it in time.
    pub passcode: bool,
    /// Ours, if we have opened the room. Never part of the link.
    pub host_key: Option<HostKey>,
}

/// Why a text is no invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    #[error("this is not a Fika link")]
    NotALink,
    /// Copy the whole link, with the part after #.
    #[error("a part of the link is missing")]
    Incomplete,
    #[error("the link has a typo")]
    Typo,
}

/// What the system hands to the app, as a link of the web.
fn in_clear(rest: &str) -> Result<url::Url, LinkError> {
    let url = url::Url::parse(&format!("https://{rest}")).map_err(|_| LinkError::NotALink)?;
    if url.query() != Some(PLAIN) {
        return Ok(url);
    }
    // Not by changing the scheme: a port of 80 is none of its own for the one and is for the other.
    url::Url::parse(&format!("http://{rest}")).map_err(|_| LinkError::NotALink)
}

impl Invite {
    /// To a room that is open for everybody with the link.
    pub fn open(server: url::Url, room: RoomId, secret: Secret) -> Self {
        Self { server, room, secret, code: None, passcode: false, host_key: None }
    }

    /// Reads what a person pasted: surrounding blanks and quotes are forgiven.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let text = text.trim().trim_matches(|c| matches!(c, '<' | '>' | '"' | '\'' | '.'));
        if text.len() > MAX_LINK {
            return Err(LinkError::NotALink);
        }
        let mut url = match text.get(..SCHEME.len()) {
            Some(scheme) if scheme.eq_ignore_ascii_case(SCHEME) => in_clear(&text[SCHEME.len()..])?,
            _ => url::Url::parse(text).map_err(|_| LinkError::NotALink)?,
        };
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || url.username() != "" {
            return Err(LinkError::NotALink);
        }
        let room = url.path().strip_prefix("/j/").ok_or(LinkError::NotALink)?.trim_end_matches('/').to_owned();
        if room.is_empty() {
            return Err(LinkError::Incomplete);
        }
        let room = RoomId::parse(&room).ok_or(LinkError::Typo)?;
        let fragment = url.fragment().filter(|f| !f.is_empty()).ok_or(LinkError::Incomplete)?;
        let mut parts = fragment.split('.');
        let bytes = URL_SAFE_NO_PAD.decode(parts.next().unwrap_or_default()).map_err(|_| LinkError::Typo)?;
        let secret = <[u8; SECRET_BYTES]>::try_from(bytes).map_err(|_| LinkError::Typo)?;
        let (mut code, mut passcode) = (None, false);
        for part in parts {
            match Code::parse(part) {
                _ if part == PASSCODE && !passcode => passcode = true,
                Some(found) if code.is_none() && !passcode => code = Some(found),
                _ => return Err(LinkError::Typo),
            }
        }
        url.set_path("/");
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self { server: url, room, secret: Secret(secret), code, passcode, host_key: None })
    }

    pub fn link(&self) -> String {
        let secret = URL_SAFE_NO_PAD.encode(self.secret.0);
        let code = self.code.iter().map(Code::as_str);
        let parts: Vec<&str> =
            [secret.as_str()].into_iter().chain(code).chain(self.passcode.then_some(PASSCODE)).collect();
        format!("{}j/{}#{}", self.server, self.room.0, parts.join("."))
    }

    /// The link's server is only reachable on the local network.
    pub fn is_local(&self) -> bool {
        match self.server.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
            Some(url::Host::Ipv6(ip)) => {
                ip.is_loopback() || (ip.segments()[0] & 0xfe00) == 0xfc00 || (ip.segments()[0] & 0xffc0) == 0xfe80
            }
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".local"),
            None => false,
        }
    }
}

const ROOM_ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl RoomId {
    /// From 80 random bits.
    pub fn from_bytes(bytes: [u8; 10]) -> Self {
        let bits = bytes.iter().fold(0u128, |all, byte| all << 8 | u128::from(*byte));
        let letter = |i: u32| ROOM_ALPHABET[(bits >> (75 - 5 * i)) as usize & 31] as char;
        let groups: Vec<String> = (0..4).map(|g| (0..4).map(|i| letter(4 * g + i)).collect()).collect();
        Self(groups.join("-"))
    }

    /// `None` unless `text` is four groups of four letters.
    pub fn parse(text: &str) -> Option<Self> {
        let groups: Vec<&str> = text.split('-').collect();
        let right =
            groups.len() == 4 && groups.iter().all(|g| g.len() == 4 && g.bytes().all(|b| ROOM_ALPHABET.contains(&b)));
        right.then(|| Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite() -> Invite {
        let server = url::Url::parse("http://192.168.1.5:7420/").unwrap();
        Invite::open(server, RoomId::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), Secret([7; 16]))
    }

    #[test]
    fn a_link_may_hold_a_code_and_say_that_a_passcode_is_asked_for() {
        let code = Code::parse(&URL_SAFE_NO_PAD.encode([9; CODE_BYTES]));
        for (code, passcode) in [(None, true), (code.clone(), false), (code, true)] {
            let invite = Invite { code, passcode, ..invite() };
            assert_eq!(Invite::parse(&invite.link()), Ok(invite));
        }
        let link = invite().link();
        for wrong in [".x", ".p.p", ".CQkJCQkJCQkJCQkJCQkJCQ.CQkJCQkJCQkJCQkJCQkJCQ", ".p.CQkJCQkJCQkJCQkJCQkJCQ"] {
            assert_eq!(Invite::parse(&format!("{link}{wrong}")), Err(LinkError::Typo), "{wrong}");
        }
        let mine = Invite { host_key: Some(HostKey("secret".into())), ..invite() };
        assert_eq!(mine.link(), link, "the key stays with us");
    }

    #[test]
    fn a_link_survives_the_way_through_text() {
        let invite = invite();
        assert_eq!(Invite::parse(&format!("  <{}> \n", invite.link())), Ok(invite.clone()));
        assert!(invite.is_local());
    }

    #[test]
    fn each_mistake_has_its_word() {
        let link = invite().link();
        assert_eq!(Invite::parse("hello"), Err(LinkError::NotALink));
        assert_eq!(Invite::parse("https://example.org/"), Err(LinkError::NotALink));
        assert_eq!(Invite::parse(link.split('#').next().unwrap()), Err(LinkError::Incomplete));
        assert_eq!(Invite::parse(&link[..link.len() - 1]), Err(LinkError::Typo));
        assert_eq!(Invite::parse(&link.replace("aaaq", "aaa1")), Err(LinkError::Typo));
    }

    #[test]
    fn room_ids_are_80_bits() {
        assert_eq!(RoomId::from_bytes([0xff; 10]).0, "7777-7777-7777-7777");
        assert_eq!(RoomId::from_bytes([0; 10]).0, "aaaa-aaaa-aaaa-aaaa");
    }
}
