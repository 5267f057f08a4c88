//! The HTTP side: where the WebSocket begins; the pages are in [`page`].
//!
//! Runs on the tokio tasks of the HTTP server; nothing is queued.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use fika_call::signal::{MAX_MESSAGE, PATH};
use tokio::sync::{mpsc, oneshot};

use crate::connection::{self, Rules};
use crate::doors::Peer;
use crate::hub::Event;
use crate::metrics::Metrics;
use crate::{Health, page};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Held for each connection as long as it lasts. Most messages are small; larger ones are read in several steps.
const READ_BUFFER: usize = 8 * 1024;

#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) hub: mpsc::Sender<Event>,
    pub(crate) rules: Rules,
    pub(crate) behind_proxy: bool,
    pub(crate) connections: Arc<AtomicU32>,
    pub(crate) health: Arc<Health>,
}

pub(crate) fn router(site: Site) -> Router {
    Router::new().route(PATH, get(signal)).merge(page::router()).route("/healthz", get(health)).with_state(site)
}

/// On an address of its own.
pub(crate) fn metrics_router(hub: mpsc::Sender<Event>, metrics: Arc<Metrics>) -> Router {
    Router::new().route("/metrics", get(async move || tell_metrics(&hub, &metrics).await))
}

async fn tell_metrics(hub: &mpsc::Sender<Event>, metrics: &Metrics) -> Response {
    let (reply, census) = oneshot::channel();
    // The hub has gone only when the whole server has.
    let _ = hub.send(Event::Count { reply }).await;
    match census.await {
        Ok(census) => {
            ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.text(census)).into_response()
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Whether a load balancer may send people here.
async fn health(State(site): State<Site>) -> Response {
    let plain = |text| page::plain("text/plain; charset=utf-8", text);
    if site.health.draining.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, plain("draining")).into_response()
    } else if site.health.away.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, plain("store away")).into_response()
    } else {
        plain("ok")
    }
}

async fn signal(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_own_page(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    // Nobody can be told anything now: who is told so tries again, or is sent elsewhere.
    if site.health.away.load(Ordering::Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let id = site.connections.fetch_add(1, Ordering::Relaxed);
    let address = forwarded(&headers).filter(|_| site.behind_proxy).unwrap_or(peer.address.ip());
    // Twice the limit is read, so that a message just above it still gets an answer.
    let upgrade = upgrade.max_message_size(2 * MAX_MESSAGE).max_frame_size(2 * MAX_MESSAGE);
    upgrade.read_buffer_size(READ_BUFFER).on_upgrade(move |socket| {
        peer.stay();
        connection::run(socket, id, address, site.rules, site.hub)
    })
}

/// Apps send no origin. A browser sends that of its page, and pages of other sites have no business here.
fn is_own_page(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let own = |origin: &str, host: &str| origin.split_once("://").is_some_and(|(_, page)| page == host);
    match (origin.to_str(), headers.get(HOST).map(HeaderValue::to_str)) {
        (Ok(origin), Some(Ok(host))) => own(origin, host),
        _ => false,
    }
}

/// The address that the nearest proxy saw: the last one of the list, the others are the client's own words.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(HeaderName, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn pages_of_other_sites_stay_outside() {
        assert!(is_own_page(&headers(&[(HOST, "meet.example.org")])));
        assert!(is_own_page(&headers(&[(HOST, "meet.example.org"), (ORIGIN, "https://meet.example.org")])));
        assert!(!is_own_page(&headers(&[(HOST, "meet.example.org"), (ORIGIN, "https://evil.example")])));
        assert!(!is_own_page(&headers(&[(HOST, "meet.example.org"), (ORIGIN, "null")])));
        assert!(!is_own_page(&headers(&[(ORIGIN, "https://meet.example.org")])));
    }

    #[test]
    fn only_the_proxys_own_word_counts() {
        let said = headers(&[(FORWARDED_FOR, "203.0.113.9, 198.51.100.7")]);
        assert_eq!(forwarded(&said), Some("198.51.100.7".parse().unwrap()));
        assert_eq!(forwarded(&headers(&[(FORWARDED_FOR, "nonsense")])), None);
        assert_eq!(forwarded(&HeaderMap::new()), None);
    }
}
