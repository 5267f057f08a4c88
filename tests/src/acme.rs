//! An authority as RFC 8555 wants it, for one test: a directory over TLS, signed requests that are really checked, the question of
//! RFC 8737 asked over a real connection, certificates signed for what was shown and for nothing else. Strict where the
//! authorities of the internet are.
//!
//! A thread of its own runs it; it ends with the value. Orders and authorizations stay until then.
#![allow(clippy::unwrap_used, reason = "also what tests call is a test")]

mod jws;
mod question;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use rcgen::{CertificateParams, CertificateSigningRequestParams, Issuer, KeyPair, SanType, SerialNumber};
use rustls::ServerConfig;
use rustls::crypto::ring as provider;
use rustls::pki_types::{CertificateSigningRequestDer, PrivateKeyDer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use self::jws::{Jws, Key};
use crate::tls::{HOST, authority};

const QUESTIONS: usize = 8;

/// How long a certificate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Most of it is over when it is signed.
    NearlyOver,
    Long,
}

pub struct Authority {
    address: SocketAddr,
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
    ways: mpsc::Sender<SocketAddr>,
    runtime: Option<Runtime>,
}

struct Shared {
    address: SocketAddr,
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    /// Where the name of the next question leads to.
    ways: AsyncMutex<mpsc::Receiver<SocketAddr>>,
    state: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    nonces: HashSet<String>,
    drawn: u64,
    /// By their URL.
    accounts: HashMap<String, Key>,
    orders: Vec<Order>,
    /// Lives of the certificates to come; then they are long.
    lives: Vec<Life>,
    issued: usize,
    /// Whether the next order is refused because of too many.
    tired: bool,
}

struct Order {
    account: String,
    name: String,
    token: String,
    challenge: &'static str,
    error: Option<String>,
    status: &'static str,
    chain: Option<String>,
}

/// `Err`: a problem document, with its status.
type Answer = Result<Response, (StatusCode, &'static str, String)>;

impl Authority {
    /// `lives`: of the first certificates.
    pub fn start(lives: &[Life]) -> Self {
        let (issuer, certificate) = authority();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), &certificate).unwrap();
        let own = KeyPair::generate().unwrap();
        let chain = CertificateParams::new([HOST.to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![chain.der().clone()], PrivateKeyDer::Pkcs8(own.serialize_der().into()))
            .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind((HOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).unwrap()
        };
        let address = listener.local_addr().unwrap();
        let (ways, ways_end) = mpsc::channel(QUESTIONS);
        let state = Mutex::new(Books { lives: lives.to_vec(), ..Books::default() });
        let shared = Arc::new(Shared { address, issuer, certificate, ways: AsyncMutex::new(ways_end), state });
        let router = Router::new().fallback(any(handle)).with_state(Arc::clone(&shared));
        let secure = Secure { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
        runtime.spawn(axum::serve(secure, router).into_future());
        Self { address, folder, shared, ways, runtime: Some(runtime) }
    }

    /// What `fika-server` needs to know of it.
    pub fn arguments(&self) -> Vec<String> {
        let ca = self.ca().display().to_string();
        vec!["--acme-directory".into(), format!("https://{}/directory", self.address), "--acme-ca".into(), ca]
    }

    /// Its own certificate, in PEM.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// For one question: the name leads there. Until it is said, the question is not asked.
    pub fn ask_at(&self, server: SocketAddr) {
        self.ways.try_send(server).unwrap();
    }

    /// The next order is refused.
    pub fn tires(&self) {
        self.shared.books().tired = true;
    }

    pub fn forgets_its_accounts(&self) {
        self.shared.books().accounts.clear();
    }

    pub fn accounts(&self) -> usize {
        self.shared.books().accounts.len()
    }

    /// How many certificates were fetched.
    pub fn issued(&self) -> usize {
        self.shared.books().issued
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        // A test may be a task itself, where nothing may wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Secure {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, peer) = self.listener.accept().await.unwrap();
            // Whoever does not believe us goes away.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = match (method, uri.path()) {
        (Method::GET, "/directory") => Ok(axum::Json(shared.directory()).into_response()),
        (Method::HEAD, "/new-nonce") => Ok(StatusCode::OK.into_response()),
        (Method::POST, path) if headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/jose+json") => {
            shared.post(path, &body).await
        }
        _ => Err((StatusCode::METHOD_NOT_ALLOWED, "malformed", "no such thing".into())),
    };
    let mut response = answer.unwrap_or_else(|(status, kind, detail)| {
        let problem = json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail });
        (status, [(CONTENT_TYPE, "application/problem+json")], problem.to_string()).into_response()
    });
    response.headers_mut().insert("replay-nonce", shared.books().nonce().parse().unwrap());
    response
}

impl Books {
    fn nonce(&mut self) -> String {
        self.drawn += 1;
        let nonce = BASE64.encode(Sha256::digest(self.drawn.to_be_bytes()));
        self.nonces.insert(nonce.clone());
        nonce
    }
}

fn malformed(why: &str) -> (StatusCode, &'static str, String) {
    (StatusCode::BAD_REQUEST, "malformed", why.into())
}

impl Shared {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.state.lock().unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    fn directory(&self) -> Value {
        let [nonce, account, order, revoke, change] =
            ["/new-nonce", "/new-account", "/new-order", "/revoke-cert", "/key-change"].map(|path| self.url(path));
        json!({ "newNonce": nonce, "newAccount": account, "newOrder": order, "revokeCert": revoke, "keyChange": change })
    }

    async fn post(&self, path: &str, body: &[u8]) -> Answer {
        let jws = Jws::parse(body).ok_or_else(|| malformed("this is no JWS"))?;
        if !self.books().nonces.remove(&jws.nonce) {
            return Err((StatusCode::BAD_REQUEST, "badNonce", "this nonce is used or not ours".into()));
        }
        if jws.url != self.url(path) {
            return Err(malformed("the request was signed for another address"));
        }
        if path == "/new-account" {
            let key = jws.key.clone().filter(|key| jws.is_signed_by(key)).ok_or_else(|| malformed("signature"))?;
            return self.new_account(&jws.payload, key);
        }
        let account = jws.account.clone().ok_or_else(|| malformed("which account?"))?;
        let key = self.books().accounts.get(&account).cloned();
        let Some(key) = key else {
            return Err((StatusCode::BAD_REQUEST, "accountDoesNotExist", "this account is not ours".into()));
        };
        if !jws.is_signed_by(&key) {
            return Err((StatusCode::UNAUTHORIZED, "unauthorized", "this is not the account's key".into()));
        }
        if path == "/new-order" {
            return self.new_order(&account, &jws.payload);
        }
        let (kind, id) = path.trim_start_matches('/').split_once('/').ok_or_else(|| malformed("no such thing"))?;
        let id: usize = id.parse().map_err(|_| malformed("no such thing"))?;
        if self.books().orders.get(id).is_none_or(|order| order.account != account) {
            return Err((StatusCode::NOT_FOUND, "malformed", "no such thing".into()));
        }
        match kind {
            "challenge" if jws.payload == json!({}) => {
                self.ask(id, &key).await;
                Ok(axum::Json(self.challenge(id)).into_response())
            }
            "finalize" => self.finalize(id, &jws.payload),
            // What is only read is asked for with an empty payload.
            _ if jws.payload != Value::Null => Err(malformed("nothing to say here")),
            "order" => Ok(axum::Json(self.order(id)).into_response()),
            "authorization" => Ok(axum::Json(self.authorization(id)).into_response()),
            "certificate" => self.certificate(id),
            _ => Err(malformed("no such thing")),
        }
    }

    fn new_account(&self, payload: &Value, key: Key) -> Answer {
        if payload["termsOfServiceAgreed"] != true {
            return Err((StatusCode::FORBIDDEN, "userActionRequired", "the terms have to be agreed to".into()));
        }
        let url = self.url(&format!("/account/{}", key.thumbprint()));
        let known = self.books().accounts.insert(url.clone(), key).is_some();
        let status = if known { StatusCode::OK } else { StatusCode::CREATED };
        Ok((status, [(LOCATION, url)], axum::Json(json!({ "status": "valid" }))).into_response())
    }

    fn new_order(&self, account: &str, payload: &Value) -> Answer {
        let names = payload["identifiers"].as_array().ok_or_else(|| malformed("for whom?"))?;
        let [name] = names.as_slice() else { return Err(malformed("one name at a time")) };
        let name = name["value"].as_str().filter(|_| name["type"] == "dns").ok_or_else(|| malformed("no name"))?;
        let mut books = self.books();
        if std::mem::take(&mut books.tired) {
            let why = "too many certificates for this name in the last week".into();
            return Err((StatusCode::TOO_MANY_REQUESTS, "rateLimited", why));
        }
        let (name, account, token) = (name.to_owned(), account.to_owned(), books.nonce());
        let id = books.orders.len();
        books.orders.push(Order {
            account,
            name,
            token,
            challenge: "pending",
            error: None,
            status: "pending",
            chain: None,
        });
        drop(books);
        let location = [(LOCATION, self.url(&format!("/order/{id}")))];
        Ok((StatusCode::CREATED, location, axum::Json(self.order(id))).into_response())
    }

    fn order(&self, id: usize) -> Value {
        let books = self.books();
        let Order { name, status, chain, .. } = &books.orders[id];
        let mut order = json!({
            "status": status,
            "identifiers": [{ "type": "dns", "value": name }],
            "authorizations": [self.url(&format!("/authorization/{id}"))],
            "finalize": self.url(&format!("/finalize/{id}")),
        });
        if chain.is_some() {
            order["certificate"] = self.url(&format!("/certificate/{id}")).into();
        }
        order
    }

    fn authorization(&self, id: usize) -> Value {
        let other = json!({ "type": "dns-01", "url": self.url("/no"), "status": "pending", "token": "no" });
        let challenge = self.challenge(id);
        let name = self.books().orders[id].name.clone();
        let identifier = json!({ "type": "dns", "value": name });
        json!({ "identifier": identifier, "status": challenge["status"], "challenges": [other, challenge] })
    }

    fn challenge(&self, id: usize) -> Value {
        let books = self.books();
        let Order { token, challenge, error, .. } = &books.orders[id];
        let url = self.url(&format!("/challenge/{id}"));
        let mut told = json!({ "type": "tls-alpn-01", "url": url, "status": challenge, "token": token });
        if let Some(error) = error {
            told["error"] = json!({ "type": "urn:ietf:params:acme:error:unauthorized", "detail": error });
        }
        told
    }

    /// Whether the server with this name shows what only the account can know.
    async fn ask(&self, id: usize, key: &Key) {
        let (name, token) = {
            let books = self.books();
            (books.orders[id].name.clone(), books.orders[id].token.clone())
        };
        let wanted: [u8; 32] = Sha256::digest(format!("{token}.{}", key.thumbprint())).into();
        let server = self.ways.lock().await.recv().await.expect("the test knows where");
        let seen = question::ask(server, &name, &wanted).await;
        let mut books = self.books();
        let order = &mut books.orders[id];
        (order.challenge, order.status) = if seen.is_ok() { ("valid", "ready") } else { ("invalid", "invalid") };
        order.error = seen.err();
    }

    fn finalize(&self, id: usize, payload: &Value) -> Answer {
        let mut books = self.books();
        if books.orders[id].status != "ready" {
            return Err((StatusCode::FORBIDDEN, "orderNotReady", "nothing was shown yet".into()));
        }
        let bad = |why: &str| (StatusCode::BAD_REQUEST, "badCSR", why.to_owned());
        let csr = payload["csr"].as_str().and_then(|csr| BASE64.decode(csr).ok()).ok_or_else(|| bad("base64"))?;
        let csr = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr));
        let mut csr = csr.map_err(|error| bad(&error.to_string()))?;
        let name = SanType::DnsName(books.orders[id].name.clone().try_into().unwrap());
        if csr.params.subject_alt_names != [name] {
            return Err(bad("it is not for what was ordered"));
        }
        let life = if books.lives.is_empty() { Life::Long } else { books.lives.remove(0) };
        let now = std::time::SystemTime::now();
        let day = std::time::Duration::from_secs(24 * 60 * 60);
        let (before, after) = if life == Life::NearlyOver { (80 * day, 10 * day) } else { (day / 24, 90 * day) };
        csr.params.not_before = (now - before).into();
        csr.params.not_after = (now + after).into();
        csr.params.serial_number = Some(SerialNumber::from(books.drawn));
        let signed = csr.signed_by(&self.issuer).map_err(|error| bad(&error.to_string()))?;
        books.orders[id].chain = Some(format!("{}{}", signed.pem(), self.certificate));
        books.orders[id].status = "valid";
        drop(books);
        Ok(axum::Json(self.order(id)).into_response())
    }

    fn certificate(&self, id: usize) -> Answer {
        let chain = self.books().orders[id].chain.clone().ok_or_else(|| malformed("there is none yet"))?;
        self.books().issued += 1;
        Ok(([(CONTENT_TYPE, "application/pem-certificate-chain")], chain).into_response())
    }
}
