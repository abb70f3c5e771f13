//! Bytes that are no requests, on both ports: the process lives, and others are served meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::harness::{Ask, Broker, Kind, Random, Site, Way};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_disturbs_nobody() {
    let site = Site::production(Kind::Sqlite).await;
    let mut broker = site.serve(&[]).await;
    let token = broker.access_token(&site.env()).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut others = Vec::new();
    for way in [Way::Http, Way::Grpc] {
        let (caller, over) = (broker.caller(way, &token).await, Arc::clone(&over));
        others.push(tokio::spawn(async move {
            let mut calls = 0;
            while !over.load(Ordering::Relaxed) || calls < 5 {
                let (id, _) = caller.create(ASK).await.expect("a lease");
                caller.read(&id).await.expect("values");
                caller.revoke(&id).await.expect("a revocation");
                calls += 1;
            }
            calls
        }));
    }
    let addresses = [broker.url.strip_prefix("http://").expect("plain HTTP").to_owned(), broker.grpc.clone()];
    let mut random = Random::for_run("garbage");
    let mut held = Vec::new();
    for address in &addresses {
        for bytes in garbage(&mut random, &token) {
            throw(address, &bytes).await;
        }
        for half in HALVES.iter().cycle().take(150) {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.write_all(half).await.expect("half a request");
            held.push(stream);
        }
    }
    well_formed_frames_with_garbage_inside(&broker, &token).await;
    over.store(true, Ordering::Relaxed);
    for other in others {
        let calls = other.await.expect("a caller that nobody disturbs");
        println!("{calls} rounds meanwhile");
    }

    // Who begins and does not go on is shown out: nothing is held for ever.
    let mut byte = [0; 1_024];
    for stream in &mut held {
        timeout(Duration::from_secs(30), async {
            while stream.read(&mut byte).await.is_ok_and(|read| read > 0) {}
        })
        .await
        .expect("a connection with half a request is closed");
    }
    assert!(broker.process.is_running());
    assert_eq!(broker.look("/readyz").await.0, 200);
    let stopped = broker.stop().await;
    assert!(!stopped.stderr().contains("panicked"), "{}", stopped.stderr());
    assert!(!stopped.stderr().contains(&token), "a token was logged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_before_the_body_was_read_arrives() {
    let site = Site::production(Kind::Sqlite).await;
    let broker = site.serve(&[]).await;
    let body = vec![b'x'; 4 << 20];
    let lease = crate::harness::LEASES;
    // One client, so that a connection that must end is not taken for the next request.
    let client = crate::harness::http_client();
    for _ in 0..10 {
        for (path, content_type, expected) in [
            ("/oauth/token", "application/json", 413),
            (lease, "application/json", 401),
            ("/livez", "text/plain", 405),
        ] {
            let request = client.post(format!("{}{path}", broker.url)).body(body.clone());
            let answer = request.header("content-type", content_type).send().await;
            assert_eq!(
                answer.expect("an answer, not a broken connection").status().as_u16(),
                expected,
                "{path}"
            );
            let next = client.post(format!("{}/oauth/token", broker.url)).body("{}").send().await;
            assert_eq!(next.expect("an answer to the next request").status().as_u16(), 415);
        }
    }
    broker.stop().await;
}

/// What is sent, and then nothing more.
fn garbage(random: &mut Random, token: &str) -> Vec<Vec<u8>> {
    let mut some = || {
        let size = random.below(3_000);
        random.bytes(size)
    };
    let mut all: Vec<Vec<u8>> = (0..40).map(|_| some()).collect();
    let text = |text: &str| text.as_bytes().to_vec();
    let head = "POST /api/mcp/credentials/lease HTTP/1.1\r\nhost: b\r\ncontent-type: application/json\r\n";
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    all.extend([
        text(""),
        text("\r\n\r\n\r\n\r\n"),
        text("GET\r\n\r\n"),
        text("GET / HTTP/9.9\r\n\r\n"),
        text("GET /\0 HTTP/1.1\r\nhost: b\r\n\r\n"),
        text("GET http://[::1 HTTP/1.1\r\n\r\n"),
        text(&format!("GET /{} HTTP/1.1\r\nhost: b\r\n\r\n", "a".repeat(100_000))),
        text(&format!("GET / HTTP/1.1\r\nhost: b\r\nx: {}\r\n\r\n", "a".repeat(1_000_000))),
        text(&format!("GET / HTTP/1.1\r\nhost: b\r\n{}\r\n", "x: y\r\n".repeat(10_000))),
        text(&format!(
            "{head}authorization: Bearer {token}\r\ncontent-length: 99999999999999999999\r\n\r\n{{"
        )),
        text(&format!("{head}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!")),
        text(&format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\nnonsense")),
        text(&format!(
            "{head}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        )),
        text(&format!("{head}authorization: Bearer \u{1}\u{2}\r\ncontent-length: 2\r\n\r\n{{}}")),
        [text(preface), random.bytes(500)].concat(),
        // A SETTINGS frame of an impossible length, then one of an odd one.
        [text(preface), vec![0xff, 0xff, 0xff, 4, 0, 0, 0, 0, 0]].concat(),
        [text(preface), vec![0, 0, 5, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]].concat(),
        // CONTINUATION without HEADERS; a RST_STREAM of a stream that never was.
        [text(preface), vec![0, 0, 0, 4, 0, 0, 0, 0, 0], vec![0, 0, 1, 9, 4, 0, 0, 0, 1, 0x88]].concat(),
        [text(preface), vec![0, 0, 0, 4, 0, 0, 0, 0, 0], vec![0, 0, 4, 3, 0, 0, 0, 0, 9, 0, 0, 0, 8]]
            .concat(),
        // The beginning of a TLS handshake.
        vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3],
    ]);
    all
}

/// Sends the bytes and looks at what comes back for a moment; being cut off is fine.
async fn throw(address: &str, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let exchange = async {
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    };
    let Ok(answer) = timeout(Duration::from_secs(5), exchange).await else { return };
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(!answer.starts_with("HTTP/1.1 2") && !answer.starts_with("HTTP/1.1 5"), "{answer}");
}

/// gRPC messages whose frames are right and whose content is not: each is refused, none is a fault.
async fn well_formed_frames_with_garbage_inside(broker: &Broker, token: &str) {
    drop(crate::harness::http_client());
    let client =
        reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().expect("an HTTP/2 client");
    let url = format!("http://{}/leasehold.v1.LeaseService/CreateLease", broker.grpc);
    for body in [
        vec![],
        vec![0],
        vec![0, 0, 0, 0, 9, 1],
        vec![1, 0, 0, 0, 1, 0],
        vec![9, 0, 0, 0, 1, 0],
        vec![0, 0xff, 0xff, 0xff, 0xff],
        vec![0, 0, 0, 0, 3, 0x0a, 0xff, 0xff],
        vec![0, 0, 0, 0, 4, 0x0a, 2, 0xff, 0xfe],
        [vec![0, 0, 2, 0, 0], vec![0x0a; 0x2_0000]].concat(),
    ] {
        let request = client.post(&url).header("content-type", "application/grpc").header("te", "trailers");
        let answer = request.bearer_auth(token).body(body.clone()).send().await.expect("an answer");
        let status =
            answer.headers().get("grpc-status").map(|status| status.to_str().expect("text").to_owned());
        let status = status.expect("a refusal in the headers");
        assert!(
            !["0", "2", "13"].contains(&status.as_str()),
            "{:?}: grpc-status {status}",
            &body[..body.len().min(9)]
        );
    }
}

const ASK: Ask<'static> = Ask { services: &["todoist"], server_id: "garbage", key: None };

/// Beginnings that are never gone on with.
const HALVES: [&[u8]; 5] =
    [b"", b"P", b"GET /livez HTTP/1.1\r\nhost:", b"PRI * HTTP/2.0\r\n\r\nSM", b"\x16\x03\x01\x02\x00\x01"];
