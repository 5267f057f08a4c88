//! Which STUN and TURN servers somebody is told, with credentials for them alone: the time until which they hold and who it is
//! are the user, a code over both with the secret that the TURN server knows too is the password (coturn's `use-auth-secret`,
//! draft-uberti-behave-turn-rest).
//!
//! A plain value of the hub's task; told the time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fika_call::ParticipantId;
use fika_call::signal::IceServer;
use ring::hmac;

/// Seconds. New ones are told with every new token, so what somebody has holds for nearly as long; who is away longer than that
/// has lost the seat.
const LIFE: u32 = 60 * 60;

/// What the TURN server and we know.
#[derive(Clone)]
pub struct TurnSecret(hmac::Key);

impl TurnSecret {
    pub fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes()))
    }
}

pub(crate) struct Turn {
    servers: Vec<IceServer>,
    secret: Option<TurnSecret>,
}

impl Turn {
    pub(crate) fn new(servers: Vec<IceServer>, secret: Option<TurnSecret>) -> Self {
        let secret = secret.filter(|_| servers.iter().any(wants_credentials));
        Self { servers, secret }
    }

    /// Whether what was told runs out.
    pub(crate) fn runs_out(&self) -> bool {
        self.secret.is_some()
    }

    pub(crate) fn servers(&self, who: &ParticipantId, unix: u32) -> Vec<IceServer> {
        let Some(TurnSecret(key)) = &self.secret else { return self.servers.clone() };
        let user = format!("{}:{}", unix.saturating_add(LIFE), who.0);
        let password = STANDARD.encode(hmac::sign(key, user.as_bytes()));
        let with = |server: &IceServer| match wants_credentials(server) {
            true => IceServer { username: Some(user.clone()), credential: Some(password.clone()), ..server.clone() },
            false => server.clone(),
        };
        self.servers.iter().map(with).collect()
    }
}

/// A TURN server that was named without a user.
pub fn wants_credentials(server: &IceServer) -> bool {
    server.username.is_none() && server.urls.iter().any(|url| url.starts_with("turn:") || url.starts_with("turns:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str, user: Option<&str>) -> IceServer {
        IceServer { urls: vec![url.into()], username: user.map(Into::into), credential: user.map(Into::into) }
    }

    #[test]
    fn the_code_is_the_one_that_turn_servers_expect() {
        let turn = Turn::new(vec![server("turn:t.example.org", None)], Some(TurnSecret::new("north")));
        let told = turn.servers(&ParticipantId("p1".into()), 1_700_000_000).remove(0);
        assert_eq!(told.username.as_deref(), Some("1700003600:p1"));
        // printf 1700003600:p1 | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(told.credential.as_deref(), Some("4EEMVinF9VQKZF50YH25G6+f6lw="));
    }

    #[test]
    fn only_turn_servers_without_a_user_get_one() {
        let all = vec![server("stun:s.example.org", None), server("turn:a", Some("fika")), server("turns:b", None)];
        let turn = Turn::new(all.clone(), Some(TurnSecret::new("north")));
        let told = turn.servers(&ParticipantId("p1".into()), 0);
        assert_eq!(told[..2], all[..2]);
        assert!(told[2].username.is_some() && turn.runs_out());
        assert_eq!(Turn::new(all.clone(), None).servers(&ParticipantId("p1".into()), 0), all);
        assert!(!Turn::new(all[..2].to_vec(), Some(TurnSecret::new("north"))).runs_out());
    }
}
