//! Whatever is logged while a refresher dies, another takes over and the service echoes what it was asked with, at the
//! most talkative level: no secret of the service is in it.

use data_encoding::BASE64;
use leasehold_backends::{Action, EchoFault, Fault, Rotation, oauth};
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::{
    scene::{CLAIM_SECONDS, Scene, TOKEN_SECONDS, read},
    steps::{Step, Trap},
};
use crate::harness::{Failure, Kind, http_client};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_of_the_service_is_logged() {
    let scene = Scene::start(Kind::Postgres, Rotation::Grace(60)).await;
    // Tokens with signs that encodings change.
    scene.oauth.switches().change(|switches| switches.awkward_tokens = true);
    let log = [("LEASEHOLD_TELEMETRY_LOG_FILTER", "trace")];
    let (mut victim, survivor) = tokio::join!(scene.serve_with(&log), scene.serve_with(&log));
    let (reader, person) = (scene.person(&victim).await, scene.person(&survivor).await);
    let held = scene.connects(&reader).await;
    let second = repeated(&scene, &held.granted.refresh_token).await;
    scene.holds_chores_back().await;
    let trap = Trap::set(Step::Acted, &scene).await;
    scene.passes(TOKEN_SECONDS + 1).await;
    let lease = held.lease.clone();
    let reading = tokio::spawn(async move { read(&reader, &lease).await });
    trap.holds(&scene).await;
    victim.process.kill();
    assert_eq!(reading.await.expect("a reader"), Err(Failure::Lost));
    scene.passes(CLAIM_SECONDS).await;
    let token = read(&person, &held.lease).await.expect("a token");
    let third = repeated(&scene, &second).await;
    // And an answer that repeats whatever it was asked with.
    scene.oauth.faults().add(Fault::new(Action::EchoSecrets(EchoFault { code: 400 })).on("POST", "/token"));
    scene.passes(TOKEN_SECONDS + 1).await;
    read(&person, &held.lease).await.expect_err("a refusal");
    let stopped = survivor.stop().await;
    assert!(stopped.stderr().contains("a refresh failed"));

    let secrets =
        [oauth::CLIENT_SECRET.to_owned(), held.token, token, held.granted.refresh_token, second, third];
    assert!(secrets.iter().all(|secret| secret.len() > 20));
    for process in [&victim.process, &stopped] {
        let said = format!("{}{}", process.stdout(), process.stderr());
        // A log that says nothing of what happened would prove nothing.
        for told in TOLD {
            assert!(said.contains(told), "{told}: {said}");
        }
        println!("process {}: {} lines are searched", process.id(), said.lines().count());
        for form in secrets.iter().flat_map(|secret| forms(secret)).chain(basic()) {
            let line = said.lines().find(|line| line.contains(&form));
            assert!(line.is_none(), "{form} is in {line:?}");
        }
    }
}

/// The refresh token that came for this one: within its grace the service tells it again.
async fn repeated(scene: &Scene, token: &str) -> String {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let asked = http_client().post(scene.oauth.endpoint("token")).form(&form);
    let asked = asked.basic_auth(oauth::CLIENT_ID, Some(oauth::CLIENT_SECRET));
    let answer: Value = asked.send().await.expect("an answer").json().await.expect("JSON");
    answer["refresh_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
}

/// As it is, as a form has it, as a URL has it, and as JSON has it within a string.
fn forms(secret: &str) -> [String; 4] {
    let form: String = byte_serialize(secret.as_bytes()).collect();
    [secret.to_owned(), form.replace('+', "%20"), form, secret.replace('/', "\\/")]
}

/// The client's secret in a header, written as it is and as RFC 6749 has it.
fn basic() -> [String; 2] {
    let form: String = byte_serialize(oauth::CLIENT_SECRET.as_bytes()).collect();
    [oauth::CLIENT_SECRET, &form]
        .map(|secret| BASE64.encode(format!("{}:{secret}", oauth::CLIENT_ID).as_bytes()))
}

/// By the libraries that hold secrets at some time, at the least.
const TOLD: [&str; 4] = ["TRACE", "reqwest::", "hyper_util::client", "sqlx::query"];
