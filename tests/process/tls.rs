//! TLS on both listeners, and a certificate that is replaced without a restart.

use std::{fs, time::Duration};

use leasehold_proto::v1::{GetLeaseRequest, lease_service_client::LeaseServiceClient};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use reqwest::{Certificate, Client};
use tonic::{
    Code, Request,
    transport::{Channel, ClientTlsConfig},
};

use crate::harness::{Broker, Kind, Process, Site, http_client, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_listeners_speak_tls_and_serve_a_replaced_certificate() {
    let site = Site::production(Kind::Sqlite).await;
    let [certificate, key] = ["tls.crt", "tls.key"].map(|name| site.folder().join(name));
    let first = put_certificate(&site);
    let variables = [
        ("LEASEHOLD_TLS_CERTIFICATE", certificate.to_str().expect("a path")),
        ("LEASEHOLD_TLS_KEY", key.to_str().expect("a path")),
    ];
    let process = Process::spawn(site.serve_command(&variables));
    let broker = Broker::listening(process).await;
    let url = broker.url.replace("http://127.0.0.1", "https://localhost");

    let trusting = client(&first);
    let answer = trusting.get(format!("{url}/readyz")).send().await.expect("an answer over HTTPS");
    assert_eq!(answer.status().as_u16(), 200);
    assert!(answer.headers().contains_key("strict-transport-security"));
    assert_eq!(grpc_answer(&broker, &first).await, Some(Code::Unauthenticated), "gRPC over TLS");
    assert!(http_client().get(format!("{url}/livez")).send().await.is_err(), "nobody trusts it unasked");
    assert!(
        http_client().get(format!("{}/livez", broker.url)).send().await.is_err(),
        "plain HTTP is not answered"
    );

    let second = put_certificate(&site);
    assert!(
        client(&second).get(format!("{url}/livez")).send().await.is_err(),
        "the first one is still served"
    );
    until("the new certificate", Duration::from_secs(20), async || {
        // A client of its own each time, as connections that stand keep the certificate they began with.
        client(&second).get(format!("{url}/livez")).send().await.ok()
    })
    .await;
    assert_eq!(grpc_answer(&broker, &second).await, Some(Code::Unauthenticated));
    assert!(
        client(&first).get(format!("{url}/livez")).send().await.is_err(),
        "the old one is no longer served"
    );
    let answer = trusting.get(format!("{url}/livez")).send().await;
    assert!(answer.is_ok(), "the connection that stood goes on");

    fs::write(&certificate, "no certificate").expect("a file");
    until("the refusal in the log", Duration::from_secs(20), async || {
        broker.process.stderr().contains("a changed certificate cannot be used").then_some(())
    })
    .await;
    client(&second).get(format!("{url}/livez")).send().await.expect("the good one stays");
    broker.stop().await;
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_is_refused_at_the_start() {
    let site = Site::production(Kind::Sqlite).await;
    put_certificate(&site);
    let [certificate, key] = ["tls.crt", "tls.key"].map(|name| site.folder().join(name));
    let other = KeyPair::generate().expect("a key").serialize_pem();
    fs::write(&key, &other).expect("tls.key");
    let paths = [&certificate, &key].map(|path| path.to_str().expect("a path"));
    let variables = [("LEASEHOLD_TLS_CERTIFICATE", paths[0]), ("LEASEHOLD_TLS_KEY", paths[1])];
    let stderr = crate::start_stop::refusal(site.serve_command(&variables)).await;
    assert!(stderr.contains("tls.crt") && stderr.contains("do not work together"), "{stderr}");
    assert!(!stderr.contains("PRIVATE KEY"), "{stderr}");
    let stderr = crate::start_stop::refusal(site.serve_command(&variables[..1])).await;
    assert!(stderr.contains("tls.key"), "{stderr}");
}

/// Writes a new pair of files; gives the certificate in PEM.
fn put_certificate(site: &Site) -> String {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).expect("a certificate");
    fs::write(site.folder().join("tls.crt"), cert.pem()).expect("tls.crt");
    fs::write(site.folder().join("tls.key"), signing_key.serialize_pem()).expect("tls.key");
    cert.pem()
}

/// A client that trusts this certificate alone.
fn client(pem: &str) -> Client {
    drop(http_client());
    let certificate = Certificate::from_pem(pem.as_bytes()).expect("a certificate");
    let builder = Client::builder().tls_certs_only([certificate]).no_proxy().timeout(Duration::from_secs(10));
    builder.build().expect("an HTTP client")
}

/// How a call without a token ends; `None` when there is no connection.
async fn grpc_answer(broker: &Broker, pem: &str) -> Option<Code> {
    let certificate = tonic::transport::Certificate::from_pem(pem);
    let tls = ClientTlsConfig::new().ca_certificate(certificate).domain_name("localhost");
    let endpoint = Channel::from_shared(format!("https://{}", broker.grpc)).expect("an address");
    let channel = endpoint.tls_config(tls).expect("TLS").connect().await.ok()?;
    let lease_id = "lse_0".to_owned();
    let asked = LeaseServiceClient::new(channel).get_lease(Request::new(GetLeaseRequest { lease_id })).await;
    asked.err().map(|status| status.code())
}
