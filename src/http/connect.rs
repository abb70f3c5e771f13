//! The pages of connecting an account: what a link leads to, and what the service sends the browser back to.
//!
//! Owns the pages and the cookie that binds a link to a browser; what may go on is the broker's to say. The pages have no
//! script and refer to nothing outside; whatever stands in them from elsewhere is escaped.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request},
    response::{Html, IntoResponse, Response},
};

use crate::{
    broker::{
        Code, Error, Origin,
        connections::{Arrived, Browser, Opened},
    },
    model::secret::SecretText,
    wire::statuses,
};

use super::{App, caller::origin, oauth::RefusalCode, parameters::Parameters};

/// A browser, without a token.
pub(super) struct Visitor {
    origin: Origin,
    browser: Browser,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        let navigates = parts.headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        let browser = Browser { secret: cookie(&parts.headers), navigates };
        Ok(Self { origin: origin(&parts.extensions), browser })
    }
}

/// The link: who asks for what, and the way on.
pub(super) async fn open(
    State(app): State<Arc<App>>,
    Visitor { origin, browser }: Visitor,
    Path(handle): Path<String>,
) -> Response {
    match app.broker.open_connect_link(&origin, &handle, &browser).await {
        Ok(opened) => {
            let secret = opened.secret.clone();
            let mut response = Html(first_page(&opened)).into_response();
            keep(&mut response, &secret, app.broker.issuer_url().starts_with("https:"));
            response
        }
        Err(error) => refused(&error),
    }
}

/// The person goes on to the service.
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    Visitor { origin, browser }: Visitor,
    Path(handle): Path<String>,
) -> Response {
    match app.broker.begin_connection(&origin, &handle, &browser).await {
        Ok(url) => match HeaderValue::from_str(url.as_str()) {
            Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
            Err(_) => refused(&Error::new(Code::Internal, "the service's address cannot be gone to")),
        },
        Err(error) => refused(&error),
    }
}

/// The service sends the browser back.
pub(super) async fn callback(
    State(app): State<Arc<App>>,
    Visitor { origin, browser }: Visitor,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Parameters::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    match app.broker.arrive(&origin, &query.0, &browser).await {
        Ok(arrived) => Html(last_page(&arrived)).into_response(),
        Err(error) => refused(&error),
    }
}

fn first_page(opened: &Opened) -> String {
    let Opened { requester, organization, service, account, known, reconnects, .. } = opened;
    let whose = organization.as_ref().map_or_else(
        || "for their own use".to_owned(),
        |name| format!("for the organization <b>{}</b>", escaped(name)),
    );
    let what = if *reconnects { "asks to connect an account again," } else { "asks to connect an account" };
    let known: Vec<String> = known.iter().map(|text| escaped(text)).collect();
    let known =
        if known.is_empty() { String::new() } else { format!("<p>It is about: {}.</p>", known.join(", ")) };
    let (requester, service) = (escaped(requester), escaped(service));
    let account = escaped(account);
    let body = format!(
        "<h1>Connect {service}</h1>\n<p><b>{requester}</b> {what} of {service} {whose}, as “{account}”.</p>\n{known}\n\
         <p>If you go on and allow it there, programs of theirs may act at {service} in your name, until the \
         connection is ended. Go on only if you know who asks, and want that.</p>\n\
         <form method=\"post\"><button>Go on to {service}</button></form>\n\
         <p>Otherwise close this page. The link is good for ten minutes and once.</p>"
    );
    page(&format!("Connect {service}"), &body)
}

fn last_page(arrived: &Arrived) -> String {
    let Arrived { service, identity, requester, awaits_confirmation } = arrived;
    let (service, requester) = (escaped(service), escaped(requester));
    let account = identity.as_ref().map_or_else(
        || format!("An account of {service} was connected."),
        |identity| format!("<b>{}</b> at {service} was connected.", escaped(identity)),
    );
    let next = if *awaits_confirmation {
        format!("<p>{requester} confirms that it is the right account; until then nothing can use it.</p>")
    } else {
        String::new()
    };
    page(
        "Connected",
        &format!("<h1>Connected</h1>\n<p>{account}</p>\n{next}\n<p>You can close this page.</p>"),
    )
}

fn refused(error: &Error) -> Response {
    let (status, _) = statuses(error.code);
    let text = match error.code {
        Code::Internal | Code::Sealed | Code::Unavailable => {
            "Something is wrong here; try again in a moment."
        }
        _ => &error.message,
    };
    let html = page("Not connected", &format!("<h1>Not connected</h1>\n<p>{}.</p>", sentence(text)));
    let mut response = (status, Html(html)).into_response();
    response.extensions_mut().insert(RefusalCode(error.code.as_str()));
    response
}

fn sentence(text: &str) -> String {
    let text = escaped(text.trim_end_matches('.'));
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Leasehold: {title}</title>\
         <style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem}}\
         button{{font:inherit;padding:.5rem 1rem}}</style></head><body><main>\n{body}\n</main></body></html>\n"
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn cookie(headers: &HeaderMap) -> Option<SecretText> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, secret) = pairs.find(|(name, _)| *name == COOKIE)?;
    let is_ours = secret.len() == COOKIE_CHARS && secret.bytes().all(is_base64url);
    is_ours.then(|| SecretText::new(secret.to_owned()))
}

fn keep(response: &mut Response, secret: &SecretText, secure: bool) {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!(
        "{COOKIE}={}; Path=/connect; HttpOnly; SameSite=Lax; Max-Age={COOKIE_SECONDS}{secure}",
        secret.expose()
    );
    if let Ok(mut value) = HeaderValue::from_str(&text) {
        value.set_sensitive(true);
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

const COOKIE: &str = "leasehold_connect";
/// 32 bytes, unpadded.
const COOKIE_CHARS: usize = 43;
/// A little longer than a link is good for.
const COOKIE_SECONDS: u32 = 900;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_elsewhere_is_escaped() {
        let opened = Opened {
            requester: "Eve <script>alert(1)</script>".to_owned(),
            organization: Some("A & B".to_owned()),
            service: "Acme".to_owned(),
            account: "\"'>".to_owned(),
            known: vec!["https://x.example/<b>".to_owned()],
            reconnects: false,
            secret: SecretText::new("s".to_owned()),
        };
        let page = first_page(&opened);
        assert!(
            !page.contains("<script") && page.contains("A &amp; B") && page.contains("&quot;&#39;&gt;"),
            "{page}"
        );
        let arrived = Arrived {
            service: "Acme".to_owned(),
            identity: Some("<img>".to_owned()),
            requester: "Ann".to_owned(),
            awaits_confirmation: true,
        };
        assert!(last_page(&arrived).contains("&lt;img&gt;"));
    }

    #[test]
    fn only_our_own_cookie_is_read() {
        let mut headers = HeaderMap::new();
        let secret = "A".repeat(COOKIE_CHARS);
        for (text, read) in [
            (format!("leasehold_connect={secret}"), true),
            (format!("a=b; leasehold_connect={secret}; c=d"), true),
            ("leasehold_connect=short".to_owned(), false),
            (format!("other={secret}"), false),
        ] {
            headers.insert(header::COOKIE, text.parse().expect("a value"));
            assert_eq!(cookie(&headers).is_some(), read, "{text}");
        }
    }
}
