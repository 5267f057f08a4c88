//! The pages behind an invite link: a guest's client for a browser, or, where it was not built in, how to open the link.
//!
//! Runs on the tokio tasks of the HTTP server; nothing is queued. Every room id gets the same page, so that nobody learns
//! here which rooms exist.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

/// No script, no image, no other site: the address of this page holds the secret of the call.
const PLAIN_POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Scripts of this server alone, and nothing is told to anybody else.
const GUEST_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
    img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");
const PAGE: &str = "index.html";

/// A file of the guest's page.
struct File {
    path: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
}

const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/guest.rs"));

pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/j/{room}", get(invite))
        .route("/invite.css", get(async || plain("text/css; charset=utf-8", include_str!("page/invite.css"))))
        .route(
            "/assets/{file}",
            get(async |Path(file): Path<String>, headers: HeaderMap| guest(&format!("assets/{file}"), &headers)),
        )
        .route("/theme.js", get(async |headers: HeaderMap| guest("theme.js", &headers)))
        .route("/logo.svg", get(async |headers: HeaderMap| guest("logo.svg", &headers)))
}

/// A small text with the rules for it.
pub(crate) fn plain(kind: &'static str, body: &'static str) -> Response {
    (rules(kind, PLAIN_POLICY, "no-cache"), body).into_response()
}

async fn invite(headers: HeaderMap) -> Response {
    if FILES.is_empty() {
        return plain("text/html; charset=utf-8", include_str!("page/invite.html"));
    }
    guest(PAGE, &headers)
}

fn guest(path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = FILES.iter().find(|file| file.path == path) else { return StatusCode::NOT_FOUND.into_response() };
    // The names of the assets change with what is in them.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut rules: HeaderMap = rules(kind(path), GUEST_POLICY, cache).into_iter().collect();
    rules.insert(VARY, HeaderValue::from_static("accept-encoding"));
    rules.insert(PERMISSIONS, HeaderValue::from_static("camera=(self), microphone=(self)"));
    match file.brotli.filter(|_| takes_brotli(headers)) {
        Some(small) => {
            rules.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
            (rules, small).into_response()
        }
        None => (rules, file.plain).into_response(),
    }
}

fn rules(kind: &'static str, policy: &'static str, cache: &'static str) -> [(HeaderName, HeaderValue); 5] {
    [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, cache),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    let all = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(','))
        .any(|coding| coding.split(';').next().is_some_and(|name| name.trim() == "br"))
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_is_for_those_who_ask_for_it() {
        let asked = |value: &'static str| {
            takes_brotli(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        assert!(asked("gzip, deflate, br, zstd") && asked("br;q=0.8"));
        assert!(!asked("gzip") && !asked("brr") && !takes_brotli(&HeaderMap::new()));
    }

    /// What a browser loads before the first word is on the screen: the page, its scripts, its styles.
    #[test]
    fn the_page_is_small() {
        const MOST: usize = 250 * 1024;
        let Some(page) = FILES.iter().find(|file| file.path == PAGE) else { return };
        let size = |file: &File| file.brotli.map_or(file.plain.len(), <[u8]>::len);
        let page = size(page)
            + FILES
                .iter()
                .filter(|file| file.path.ends_with(".js") || file.path.ends_with(".css"))
                .map(size)
                .sum::<usize>();
        assert!(page <= MOST, "{page} bytes");
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(guest("assets/../index.html", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
        assert_eq!(guest("", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
    }
}
