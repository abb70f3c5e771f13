//! Every kind of fault, on a token endpoint: what the caller sees, and whether the token was issued.

use std::{collections::BTreeMap, time::Duration};

use leasehold_backends::{
    Action, EchoFault, Fault, Running, StatusFault, basic,
    oauth::{CLIENT_ID, CLIENT_SECRET, OAuth, Options},
};
use reqwest::RequestBuilder;
use serde_json::json;

use crate::harness::{client, sent, tried};

async fn started() -> Running<OAuth> {
    OAuth::start(Options::default()).await.unwrap()
}

fn ask(oauth: &Running<OAuth>) -> RequestBuilder {
    let form =
        [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    client().post(oauth.endpoint("token")).form(&form)
}

#[tokio::test]
async fn a_status_with_body_and_headers() {
    let oauth = started().await;
    let headers = BTreeMap::from([("retry-after".to_owned(), "7".to_owned())]);
    let fault = StatusFault { code: 503, body: json!({ "error": "busy" }), headers };
    oauth.faults().add(Fault::new(Action::Status(fault)));
    let answer = sent(ask(&oauth)).await;
    assert_eq!(
        (answer.status, answer.header("retry-after"), answer.json()),
        (503, "7", json!({ "error": "busy" }))
    );
    assert_eq!(oauth.counts().tokens_issued, 0);
    assert_eq!(sent(ask(&oauth)).await.status, 200, "it was for one request");
}

#[tokio::test]
async fn a_status_after_the_commit() {
    let oauth = started().await;
    oauth.faults().add(Fault::status(500).after_commit());
    assert_eq!(sent(ask(&oauth)).await.status, 500);
    assert_eq!(oauth.counts().tokens_issued, 1);
}

#[tokio::test]
async fn a_delay_outlasts_an_impatient_caller() {
    let oauth = started().await;
    oauth.faults().add(Fault::new(Action::DelayMs(600_000)));
    let late = tried(ask(&oauth).timeout(Duration::from_millis(50))).await.unwrap_err();
    assert!(late.is_timeout());
    oauth.faults().add(Fault::new(Action::DelayMs(1)));
    assert_eq!(sent(ask(&oauth)).await.status, 200);
    assert_eq!(oauth.counts().tokens_issued, 1, "who left before the delay was over got nothing done");
}

#[tokio::test]
async fn closed_connections() {
    let oauth = started().await;
    oauth.faults().add(Fault::new(Action::CloseBeforeResponse));
    oauth.faults().add(Fault::new(Action::CloseAfterCommit));
    assert!(tried(ask(&oauth)).await.is_err());
    assert_eq!(oauth.counts().tokens_issued, 0);
    assert!(tried(ask(&oauth)).await.is_err());
    assert_eq!(oauth.counts().tokens_issued, 1);
    assert_eq!(oauth.counts().requests, 2, "nobody asked twice behind our back");
}

#[tokio::test]
async fn a_truncated_body() {
    let oauth = started().await;
    oauth.faults().add(Fault::new(Action::TruncateBody));
    let answer = ask(&oauth).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.is_err());
    assert_eq!(oauth.counts().tokens_issued, 1);
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be() {
    let oauth = started().await;
    oauth.faults().add(Fault::new(Action::InvalidJson));
    oauth.faults().add(Fault::new(Action::HtmlBody));
    oauth.faults().add(Fault::new(Action::HugeBody(200_000)));
    oauth.faults().add(Fault::new(Action::Redirect("http://169.254.169.254/latest".to_owned())));
    let invalid = sent(ask(&oauth)).await;
    assert_eq!((invalid.status, invalid.header("content-type")), (200, "application/json"));
    assert!(serde_json::from_str::<serde_json::Value>(&invalid.text).is_err());
    let page = sent(ask(&oauth)).await;
    assert!(page.status == 200 && page.header("content-type").starts_with("text/html"));
    let huge = sent(ask(&oauth)).await;
    assert_eq!((huge.status, huge.text.len(), huge.json().is_string()), (200, 200_000, true));
    assert_eq!(sent(ask(&oauth)).await.location().0, "http://169.254.169.254/latest");
    assert_eq!(oauth.counts().tokens_issued, 0);
}

#[tokio::test]
async fn what_hangs_goes_on_after_its_release() {
    let oauth = started().await;
    oauth.faults().add(Fault::new(Action::Hang).times(2));
    let (first, second, ()) = tokio::join!(sent(ask(&oauth)), sent(ask(&oauth)), async {
        oauth.faults().wait_until_hanging(2).await;
        assert_eq!((oauth.counts().tokens_issued, oauth.counts().in_flight), (0, 2));
        oauth.faults().release();
    });
    assert_eq!((first.status, second.status, oauth.faults().hanging()), (200, 200, 0));
    assert_eq!(oauth.counts().max_in_flight, 2);
}

#[tokio::test]
async fn what_hangs_after_the_commit_has_done_it() {
    let oauth = started().await;
    oauth.faults().add(Fault::new(Action::Hang).after_commit());
    tokio::select! {
        _ = tried(ask(&oauth)) => panic!("it hangs"),
        () = oauth.faults().wait_until_hanging(1) => {}
    }
    oauth.faults().wait_until_none_hangs().await;
    assert_eq!((oauth.counts().tokens_issued, oauth.counts().in_flight), (1, 0), "the caller has left");
}

#[tokio::test]
async fn secrets_come_back_in_three_forms() {
    let oauth = started().await;
    oauth.faults().add(Fault::new(Action::EchoSecrets(EchoFault { code: 502 })).times(3));
    let in_body = sent(ask(&oauth)).await;
    assert_eq!(in_body.status, 502);
    let in_header =
        sent(client().post(oauth.endpoint("token")).header("authorization", basic(CLIENT_ID, CLIENT_SECRET)))
            .await;
    let in_query =
        sent(client().get(oauth.endpoint("userinfo")).query(&[("refresh_token", CLIENT_SECRET)])).await;
    for answer in [in_body, in_header, in_query] {
        let said = answer.text_of("error_description");
        for form in
            [CLIENT_SECRET, "stand-in+oauth%2Fclient%2Bsecret%3D1", "stand-in%20oauth%2Fclient%2Bsecret%3D1"]
        {
            assert!(said.contains(form), "{form} is missing in {said}");
        }
    }
}

#[tokio::test]
async fn faults_are_for_those_that_match_and_count() {
    let oauth = started().await;
    let mut third = Fault::status(500).on("POST", "/tok*");
    third.skip = 2;
    third.matching.parameters.insert("grant_type".to_owned(), "client_*".to_owned());
    oauth.faults().add(third);
    assert_eq!(sent(client().get(oauth.endpoint("token"))).await.status, 404, "another method");
    assert_eq!(sent(client().post(oauth.endpoint("revoke"))).await.status, 401, "another path");
    assert_eq!(sent(client().post(oauth.endpoint("token"))).await.status, 401, "no such parameter");
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(sent(ask(&oauth)).await.status);
    }
    assert_eq!(seen, [200, 200, 500, 200]);
    oauth.faults().add(Fault::status(418).always());
    assert_eq!([sent(ask(&oauth)).await.status, sent(ask(&oauth)).await.status], [418, 418]);
    oauth.faults().clear();
    assert_eq!(sent(ask(&oauth)).await.status, 200);
}
