//! Refreshing, in every mode of rotation, and when answers are lost.

use leasehold_backends::{
    Action, Ended, Fault, Rotation, Running,
    oauth::{CLIENT_ID, CLIENT_SECRET, OAuth, Options},
};
use reqwest::RequestBuilder;
use serde_json::Value;

use crate::harness::{client, frozen, seconds, sent, tried};

async fn started(rotation: Rotation) -> Running<OAuth> {
    let oauth = OAuth::start(Options { listen: frozen(), ..Options::default() }).await.unwrap();
    oauth.switches().change(|switches| switches.rotation = rotation);
    oauth
}

fn asking(oauth: &Running<OAuth>, token: &str) -> RequestBuilder {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    client().post(oauth.endpoint("token")).basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).form(&form)
}

/// New tokens, or the error.
async fn refresh(oauth: &Running<OAuth>, token: &str) -> Result<(String, Option<String>), String> {
    let answer = sent(asking(oauth, token)).await;
    let body = answer.json();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    if answer.status == 200 {
        Ok((text("access_token").unwrap(), text("refresh_token")))
    } else {
        Err(text("error").unwrap())
    }
}

async fn is_live(oauth: &Running<OAuth>, access: &str) -> bool {
    sent(client().get(oauth.endpoint("userinfo")).bearer_auth(access)).await.status == 200
}

#[tokio::test]
async fn strict_rotation_and_reuse_that_ends_the_family() {
    let oauth = started(Rotation::Strict).await;
    let first = oauth.grant("alice");
    let (access, second) = refresh(&oauth, &first.refresh_token).await.unwrap();
    let second = second.unwrap();
    assert!(second != first.refresh_token && access != first.access_token);
    assert!(is_live(&oauth, &access).await && is_live(&oauth, &first.access_token).await);
    assert_eq!(refresh(&oauth, &first.refresh_token).await.unwrap_err(), "invalid_grant");
    assert!(!is_live(&oauth, &access).await && !is_live(&oauth, &first.access_token).await);
    assert_eq!(refresh(&oauth, &second).await.unwrap_err(), "invalid_grant", "the family has ended");
    let counts = oauth.counts();
    assert_eq!((counts.refresh_calls, counts.refreshes, counts.refresh_reuses), (3, 1, 1));
    assert_eq!((counts.tokens_issued, counts.live_tokens), (2, 0));
}

#[tokio::test]
async fn of_many_at_once_one_is_answered() {
    let oauth = started(Rotation::Strict).await;
    let token = oauth.grant("alice").refresh_token;
    let answers = futures::future::join_all((0..20).map(|_| refresh(&oauth, &token))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let counts = oauth.counts();
    assert_eq!((counts.refresh_calls, counts.refreshes, counts.refresh_reuses), (20, 1, 19));
}

#[tokio::test]
async fn a_limit_counts_on_the_clock() {
    let oauth = started(Rotation::None).await;
    oauth.switches().change(|switches| switches.minute_limit = Some(2));
    let token = oauth.grant("alice").refresh_token;
    refresh(&oauth, &token).await.unwrap();
    refresh(&oauth, &token).await.unwrap();
    let refused = sent(asking(&oauth, &token)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "60"));
    assert_eq!((oauth.counts().refreshes, oauth.counts().rate_limited), (2, 1));
    oauth.clock().advance(seconds(60));
    refresh(&oauth, &token).await.unwrap();
}

#[tokio::test]
async fn another_grant_outlives_a_family() {
    let oauth = started(Rotation::Strict).await;
    let (alice, bob) = (oauth.grant("alice"), oauth.grant("bob"));
    refresh(&oauth, &alice.refresh_token).await.unwrap();
    refresh(&oauth, &alice.refresh_token).await.unwrap_err();
    assert!(is_live(&oauth, &bob.access_token).await);
    refresh(&oauth, &bob.refresh_token).await.unwrap();
}

#[tokio::test]
async fn grace_repeats_its_answer_for_a_while() {
    let oauth = started(Rotation::Grace(30)).await;
    let first = oauth.grant("alice").refresh_token;
    let answered = refresh(&oauth, &first).await.unwrap();
    oauth.clock().advance(seconds(30));
    assert_eq!(refresh(&oauth, &first).await.unwrap(), answered);
    oauth.clock().advance(seconds(1));
    assert_eq!(refresh(&oauth, &first).await.unwrap_err(), "invalid_grant");
    assert!(!is_live(&oauth, &answered.0).await, "after the window it is reuse");
    let counts = oauth.counts();
    assert_eq!((counts.refreshes, counts.refresh_repeats, counts.refresh_reuses), (1, 1, 1));
}

#[tokio::test]
async fn grace_ends_when_the_new_token_was_used() {
    let oauth = started(Rotation::Grace(30)).await;
    let first = oauth.grant("alice").refresh_token;
    let second = refresh(&oauth, &first).await.unwrap().1.unwrap();
    refresh(&oauth, &second).await.unwrap();
    refresh(&oauth, &first).await.unwrap_err();
}

#[tokio::test]
async fn without_rotation_the_token_stays_and_is_not_repeated() {
    let oauth = started(Rotation::None).await;
    let token = oauth.grant("alice").refresh_token;
    for _ in 0..3 {
        let (access, again) = refresh(&oauth, &token).await.unwrap();
        assert!(is_live(&oauth, &access).await && again.is_none());
    }
    oauth.clock().advance(seconds(30 * 86_400));
    assert_eq!(refresh(&oauth, &token).await.unwrap_err(), "invalid_grant", "it is too old");
}

#[tokio::test]
async fn a_lost_answer_is_final_when_strict_and_mended_by_grace() {
    for (rotation, recovers) in
        [(Rotation::Strict, false), (Rotation::Grace(60), true), (Rotation::None, true)]
    {
        let oauth = started(rotation).await;
        let token = oauth.grant("alice").refresh_token;
        oauth.faults().add(Fault::new(Action::CloseAfterCommit).on("POST", "/token"));
        assert!(tried(asking(&oauth, &token)).await.is_err());
        assert_eq!(oauth.counts().refreshes, 1);
        assert_eq!(refresh(&oauth, &token).await.is_ok(), recovers, "{rotation:?}");
    }
}

#[tokio::test]
async fn tokens_last_as_long_as_they_say() {
    let oauth = started(Rotation::Strict).await;
    let tokens = oauth.grant("alice");
    oauth.clock().advance(seconds(3_599));
    assert!(is_live(&oauth, &tokens.access_token).await);
    oauth.clock().advance(seconds(1));
    assert!(!is_live(&oauth, &tokens.access_token).await);
    assert_eq!(oauth.counts().live_tokens, 0);
    oauth.clock().advance(seconds(30 * 86_400 - 3_600));
    assert_eq!(refresh(&oauth, &tokens.refresh_token).await.unwrap_err(), "invalid_grant");
    assert_eq!(oauth.counts().refresh_reuses, 0);
}

#[tokio::test]
async fn a_token_of_another_client_is_unknown() {
    let oauth = started(Rotation::Strict).await;
    let token = oauth.grant("alice").refresh_token;
    let form = [("grant_type", "refresh_token"), ("refresh_token", &token)];
    let refused =
        sent(client().post(oauth.endpoint("token")).basic_auth(CLIENT_ID, Some("wrong")).form(&form)).await;
    assert_eq!((refused.status, refused.text_of("error").as_str()), (401, "invalid_client"));
    refresh(&oauth, &token).await.unwrap();
}

#[tokio::test]
async fn consent_is_withdrawn_and_access_ends_alone() {
    let oauth = started(Rotation::Strict).await;
    let (alice, bob) = (oauth.grant("alice"), oauth.grant("bob"));
    oauth.withdraw("alice");
    assert_eq!(refresh(&oauth, &alice.refresh_token).await.unwrap_err(), "invalid_grant");
    assert!(is_live(&oauth, &bob.access_token).await);
    oauth.end(Ended::Access);
    assert!(!is_live(&oauth, &bob.access_token).await);
    refresh(&oauth, &bob.refresh_token).await.unwrap();
}

#[tokio::test]
async fn odd_answers() {
    let oauth = started(Rotation::Strict).await;
    oauth.switches().change(|switches| {
        switches.awkward_tokens = true;
        switches.text_expires_in = true;
    });
    let tokens = oauth.grant("alice");
    assert!(tokens.refresh_token.ends_with("+/=&% ~") && is_live(&oauth, &tokens.access_token).await);
    let answer = sent(asking(&oauth, &tokens.refresh_token)).await;
    assert_eq!(answer.text_of("expires_in"), "3600");
    oauth.switches().change(|switches| {
        switches.text_expires_in = false;
        switches.omit_expires_in = true;
    });
    let answer = sent(asking(&oauth, &answer.text_of("refresh_token"))).await;
    assert_eq!((answer.status, &answer.json()["expires_in"]), (200, &Value::Null));
}
