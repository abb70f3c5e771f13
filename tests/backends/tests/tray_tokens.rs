//! Tray: from the store's consent to tokens, and how they are kept alive.

use leasehold_backends::{
    Action, Fault, Rotation, Running, fingerprint,
    tray::{CONSUMER_KEY, CONSUMER_SECRET, Envelope, Options, STORES, StoreStatus, Tray},
};
use serde_json::json;

use crate::harness::{Answer, client, frozen, get, seconds, sent, tried};

const STORE: &str = STORES[0];
const CALLBACK: &str = "http://127.0.0.1:9/cb?s=abc&x=1";

async fn started() -> Running<Tray> {
    Tray::start(Options { listen: frozen(), ..Options::default() }).await.unwrap()
}

async fn authorize(tray: &Running<Tray>, key: &str) -> Answer {
    let query = [("response_type", "code"), ("consumer_key", key), ("callback", CALLBACK)];
    sent(client().get(format!("{}/auth.php", tray.store_host(STORE))).query(&query)).await
}

async fn code(tray: &Running<Tray>) -> String {
    authorize(tray, CONSUMER_KEY).await.location().1["code"].clone()
}

async fn exchange(tray: &Running<Tray>, code: &str) -> Answer {
    let form = [("consumer_key", CONSUMER_KEY), ("consumer_secret", CONSUMER_SECRET), ("code", code)];
    sent(client().post(format!("{}/auth", tray.api_address(STORE))).form(&form)).await
}

async fn refresh(tray: &Running<Tray>, token: &str) -> Answer {
    let url = format!("{}/auth", tray.api_address(STORE));
    sent(client().get(url).query(&[("refresh_token", token)])).await
}

async fn call(tray: &Running<Tray>, token: &str) -> Answer {
    get(&format!("{}/info?access_token={token}", tray.api_address(STORE))).await
}

#[tokio::test]
async fn from_consent_to_tokens() {
    let tray = started().await;
    let (to, parameters) = authorize(&tray, CONSUMER_KEY).await.location();
    assert_eq!(to, "http://127.0.0.1:9/cb");
    let told = |name: &str| parameters[name].as_str();
    assert_eq!((told("s"), told("x"), told("store"), told("adm_user")), ("abc", "1", STORE, "1"));
    assert_eq!(
        (told("store_host"), told("api_address")),
        (&*tray.store_host(STORE), &*tray.api_address(STORE))
    );
    assert_eq!(told("code").len(), 64);
    let tokens = exchange(&tray, told("code")).await;
    let body = tokens.json();
    assert_eq!(
        (tokens.status, &body["code"], &body["message"]),
        (201, &json!(201), &json!("Created tokens"))
    );
    let access = tokens.text_of("access_token");
    assert!(access.starts_with("APP_ID-718-STORE_ID-391250-"), "{access}");
    assert_eq!(tokens.text_of("refresh_token").len(), 64);
    assert_eq!((&body["store_id"], &body["api_host"]), (&json!(STORE), &json!(tray.api_address(STORE))));
    assert_eq!(call(&tray, &access).await.status, 200);
    assert_eq!(authorize(&tray, "unknown").await.status, 400);
}

#[tokio::test]
async fn the_other_envelope_and_what_it_leaves_out() {
    let tray = started().await;
    tray.switches().change(|switches| {
        switches.envelope = Envelope::Okay;
        switches.omit_api_host = true;
        switches.omit_store_id = true;
        switches.zero_dates = true;
        switches.slash_at_end = true;
    });
    let parameters = authorize(&tray, CONSUMER_KEY).await.location().1;
    assert_eq!(parameters["api_address"], format!("{}/", tray.api_address(STORE)));
    let first = exchange(&tray, &parameters["code"]).await;
    let body = first.json();
    assert_eq!((first.status, &body["code"]), (200, &json!("200")));
    assert_eq!(body["date_expiration_access_token"], "0000-00-00 00:00:00");
    assert!(body.get("store_id").is_none() && body.get("api_host").is_some());
    let refreshed = refresh(&tray, &first.text_of("refresh_token")).await;
    assert!(refreshed.json().get("api_host").is_none());
}

#[tokio::test]
async fn codes_are_good_once_and_for_their_store() {
    let tray = started().await;
    let used = code(&tray).await;
    assert_eq!(exchange(&tray, &used).await.status, 201);
    let refused = exchange(&tray, &used).await;
    assert_eq!((refused.status, &refused.json()["error_code"]), (401, &json!(1_099)));
    tray.switches().change(|switches| switches.bad_code_status = 400);
    assert_eq!(exchange(&tray, "made up").await.status, 400);
    let form = [("consumer_key", CONSUMER_KEY), ("consumer_secret", "wrong"), ("code", &code(&tray).await)];
    let url = format!("{}/auth", tray.api_address(STORE));
    assert_eq!(sent(client().post(&url).form(&form)).await.status, 400);
    let body = json!({
        "consumer_key": CONSUMER_KEY, "consumer_secret": CONSUMER_SECRET, "code": code(&tray).await,
    });
    let elsewhere = format!("{}/auth", tray.api_address(STORES[1]));
    assert_eq!(sent(client().post(elsewhere).json(&body)).await.status, 400);
    let body = json!({
        "consumer_key": CONSUMER_KEY, "consumer_secret": CONSUMER_SECRET, "code": code(&tray).await,
    });
    assert_eq!(sent(client().post(&url).json(&body)).await.status, 201, "JSON is taken too");
}

#[tokio::test]
async fn dates_are_local_and_tell_three_hours_and_thirty_days() {
    let tray = started().await;
    let body = exchange(&tray, &code(&tray).await).await.json();
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let utc = |name: &str| {
        let local = time::PrimitiveDateTime::parse(body[name].as_str().unwrap(), format).unwrap();
        local.assume_offset(time::macros::offset!(-3)).unix_timestamp()
    };
    let now = tray.clock().now();
    assert_eq!(utc("date_activated"), now);
    assert_eq!(utc("date_expiration_access_token"), now + 3 * 3_600);
    assert_eq!(utc("date_expiration_refresh_token"), now + 30 * 86_400);
}

#[tokio::test]
async fn refreshing_and_reuse() {
    let tray = started().await;
    let first = tray.grant(STORE);
    let answer = refresh(&tray, &first.refresh_token).await;
    assert_eq!((answer.status, answer.text_of("message").as_str()), (200, "Refreshed tokens"));
    let (access, second) = (answer.text_of("access_token"), answer.text_of("refresh_token"));
    assert!(access != first.access_token && second != first.refresh_token);
    assert_eq!(call(&tray, &access).await.status, 200);
    let recorded = tray.requests().remove(0);
    assert_eq!(recorded.query, [("refresh_token".to_owned(), fingerprint(&first.refresh_token))]);
    let reused = refresh(&tray, &first.refresh_token).await;
    assert_eq!((reused.status, &reused.json()["error_code"]), (401, &json!(1_099)));
    assert_eq!(refresh(&tray, &second).await.status, 401, "reuse has ended the grant");
    assert_eq!(
        (tray.counts().refresh_calls, tray.counts().refreshes, tray.counts().refresh_reuses),
        (3, 1, 1)
    );
}

#[tokio::test]
async fn grace_and_no_rotation() {
    let tray = started().await;
    tray.switches().change(|switches| switches.rotation = Rotation::Grace(60));
    let token = tray.grant(STORE).refresh_token;
    tray.faults().add(Fault::new(Action::CloseAfterCommit).on("GET", "/s/*/web_api/auth"));
    let url = format!("{}/auth?refresh_token={token}", tray.api_address(STORE));
    assert!(tried(client().get(url)).await.is_err());
    let again = refresh(&tray, &token).await;
    assert_eq!((again.status, tray.counts().refreshes, tray.counts().refresh_repeats), (200, 1, 1));
    tray.switches().change(|switches| switches.rotation = Rotation::None);
    let token = tray.grant(STORE).refresh_token;
    for _ in 0..2 {
        assert_eq!(refresh(&tray, &token).await.text_of("refresh_token"), token);
    }
}

#[tokio::test]
async fn tokens_run_out() {
    let tray = started().await;
    let tokens = tray.grant(STORE);
    tray.clock().advance(seconds(3 * 3_600));
    let expired = call(&tray, &tokens.access_token).await;
    assert_eq!((expired.status, &expired.json()["error_code"]), (401, &json!(1_000)));
    assert_eq!(expired.json()["causes"], json!(["Token inválido ou expirado"]));
    tray.clock().advance(seconds(30 * 86_400 - 3 * 3_600 - 1));
    let answer = refresh(&tray, &tokens.refresh_token).await;
    assert_eq!(answer.status, 200, "a second before its end");
    tray.clock().advance(seconds(30 * 86_400));
    assert_eq!(refresh(&tray, &answer.text_of("refresh_token")).await.status, 401);
}

#[tokio::test]
async fn stores_that_are_not_active() {
    let tray = started().await;
    let tokens = tray.grant(STORE);
    for (status, code) in
        [(StoreStatus::Blocked, 1_001), (StoreStatus::Inactive, 1_002), (StoreStatus::Cancelled, 1_003)]
    {
        tray.set_status(STORE, status);
        for refused in [call(&tray, &tokens.access_token).await, refresh(&tray, &tokens.refresh_token).await]
        {
            assert_eq!((refused.status, &refused.json()["error_code"]), (401, &json!(code)));
        }
    }
    tray.set_status(STORE, StoreStatus::Active);
    assert_eq!(refresh(&tray, &tokens.refresh_token).await.status, 200);
    tray.uninstall(STORE);
    assert_eq!(call(&tray, &tokens.access_token).await.json()["error_code"], 1_099);
}

#[tokio::test]
async fn refreshing_with_the_apps_keys() {
    let tray = started().await;
    tray.switches().change(|switches| switches.keys_to_refresh = true);
    let token = tray.grant(STORE).refresh_token;
    assert_eq!(refresh(&tray, &token).await.status, 401);
    let query =
        [("refresh_token", &*token), ("consumer_key", CONSUMER_KEY), ("consumer_secret", CONSUMER_SECRET)];
    let with_keys = client().get(format!("{}/auth", tray.api_address(STORE))).query(&query);
    assert_eq!(sent(with_keys).await.status, 200);
}
