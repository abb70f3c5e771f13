//! Against servers of this process.

use std::{sync::Arc, time::Duration};

use axum::{Router, response::Redirect, routing::get};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use crate::{
    clock::ManualClock,
    model::{
        address::{Reach, UrlError},
        instant::Instant,
        secret::SecretText,
    },
};

use super::*;

const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);
const SECRET: &str = "hush-hush";

fn egress(reach: Reach) -> (Egress, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(NOW));
    (Egress::new(reach, Arc::clone(&clock) as Arc<dyn Clock>).expect("a client"), clock)
}

fn ask(url: &str) -> Ask {
    let url: Url = format!("{url}?access_token={SECRET}").parse().expect("a URL");
    Ask { timeout: Duration::from_millis(500), ..Ask::new(Method::GET, url) }
}

/// The address of a server that serves these routes until the test ends.
#[expect(clippy::disallowed_methods, reason = "it ends with the test")]
async fn serving(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// The address of a server that answers with these bytes and closes.
#[expect(clippy::disallowed_methods, reason = "it ends with the test")]
async fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4_096];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut request).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn redirects_are_answers() {
    let (egress, _) = egress(Reach::Anywhere);
    let url = serving(Router::new().route("/", get(|| async { Redirect::to("/elsewhere") }))).await;
    let answer = egress.ask(ask(&url)).await.expect("an answer");
    assert_eq!(answer.status, 303);
}

#[tokio::test]
async fn forms_and_headers_arrive() {
    let (egress, _) = egress(Reach::Anywhere);
    let echo = |headers: http::HeaderMap, body: String| async move {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        format!("{} {} {body}", header("content-type"), header("x-key"))
    };
    let url = serving(Router::new().route("/", axum::routing::post(echo))).await;
    let field = ("code".to_owned(), SecretText::new("a b&c".to_owned()));
    let header = (http::HeaderName::from_static("x-key"), SecretText::new("key".to_owned()));
    let asked =
        Ask { method: Method::POST, headers: vec![header], body: Body::Form(vec![field]), ..ask(&url) };
    let answer = egress.ask(asked).await.expect("an answer");
    assert_eq!(answer.body, b"application/x-www-form-urlencoded key code=a+b%26c");
}

#[tokio::test]
async fn only_public_https_is_asked() {
    let (egress, _) = egress(Reach::Public);
    for (url, expected) in [
        ("http://93.184.215.14/", UrlError::Plain),
        ("https://127.0.0.1/", UrlError::NotPublic),
        ("https://[::1]/", UrlError::NotPublic),
        ("https://169.254.169.254/", UrlError::NotPublic),
        ("https://localhost/", UrlError::NotPublic),
        ("ftp://example.com/", UrlError::Malformed),
    ] {
        let error = egress.ask(ask(url)).await.expect_err(url);
        assert_eq!(error, EgressError::Refused(expected), "{url}");
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let _provider = egress(Reach::Public);
    // The resolver alone: the name itself is refused before, by `check_host`.
    let client =
        reqwest::Client::builder().dns_resolver(Resolver::new(Reach::Public)).build().expect("a client");
    let asked = ask(&format!("http://localhost:{port}"));
    let error = exchange::exchange(&client, asked).await.expect_err("an address of this machine");
    assert_eq!(error, EgressError::Unresolved);
}

#[tokio::test]
async fn what_may_have_arrived_is_told_from_what_did_not() {
    let (egress, _) = egress(Reach::Anywhere);
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let silent = Router::new().route("/", get(std::future::pending::<()>));
    let large = Router::new().route("/", get(|| async { vec![b'x'; exchange::MAX_BYTES + 1] }));
    for (url, expected, fate) in [
        (format!("http://{closed}"), EgressError::Unreachable, Fate::NeverSent),
        ("http://no-such-host.invalid".to_owned(), EgressError::Unreachable, Fate::NeverSent),
        (serving(silent).await, EgressError::TimedOut, Fate::Unknown),
        (serving(large).await, EgressError::TooLarge(exchange::MAX_BYTES), Fate::Unknown),
        (answering(b"").await, EgressError::BrokenOff, Fate::Unknown),
        (
            answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await,
            EgressError::BrokenOff,
            Fate::Unknown,
        ),
    ] {
        let asked = ask(&url);
        assert!(!format!("{asked:?}").contains(SECRET));
        let error = egress.ask(asked).await.expect_err("no answer");
        assert_eq!((error.clone(), error.fate()), (expected, fate), "{url}");
        assert!(!format!("{error} {error:?}").contains(SECRET));
    }
}

#[tokio::test]
async fn an_upstream_that_fails_is_left_alone_for_a_while() {
    let (egress, clock) = egress(Reach::Anywhere);
    let broken = || async { http::StatusCode::BAD_GATEWAY };
    let url = serving(Router::new().route("/", get(broken)).route("/fine", get(|| async {}))).await;
    let other = serving(Router::new().route("/", get(|| async {}))).await;
    for _ in 0..5 {
        assert_eq!(egress.ask(ask(&url)).await.expect("an answer").status, 502);
    }
    let resting = egress.ask(ask(&url)).await.expect_err("a rest");
    assert_eq!(
        (resting.clone(), resting.fate()),
        (EgressError::Resting(Duration::from_secs(2)), Fate::NeverSent)
    );
    egress.ask(ask(&other)).await.expect("another upstream is asked");
    clock.advance_seconds(2);
    egress.ask(ask(&format!("{url}/fine"))).await.expect("it is asked again");
    egress.ask(ask(&url)).await.expect("and by everybody, once it answered");
}
