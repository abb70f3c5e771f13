//! Tray: how many calls there may be.

use leasehold_backends::{
    Running,
    tray::{CountedBy, Options, STORES, Tray},
};

use crate::harness::{frozen, get, seconds};

async fn started() -> Running<Tray> {
    Tray::start(Options { listen: frozen(), ..Options::default() }).await.unwrap()
}

async fn call(tray: &Running<Tray>, store: &str, token: &str) -> u16 {
    get(&format!("{}/info?access_token={token}", tray.api_address(store))).await.status
}

#[tokio::test]
async fn a_hundred_and_eighty_in_a_minute() {
    let tray = started().await;
    let tokens = tray.grant(STORES[0]);
    for _ in 0..180 {
        assert_eq!(call(&tray, STORES[0], &tokens.access_token).await, 200);
    }
    let url = format!("{}/auth?refresh_token={}", tray.api_address(STORES[0]), tokens.refresh_token);
    let refused = get(&url).await;
    assert_eq!((refused.status, refused.text_of("name").as_str()), (429, "Too Many Requests"));
    assert_eq!(refused.header("retry-after"), "", "it does not say when");
    assert_eq!((tray.counts().rate_limited, tray.counts().refreshes), (1, 0));
    let other = tray.grant(STORES[1]).access_token;
    assert_eq!(call(&tray, STORES[1], &other).await, 200, "another store has its own limit");
    tray.clock().advance(seconds(60));
    assert_eq!(get(&url).await.status, 200);
}

#[tokio::test]
async fn one_limit_for_the_app_when_switched() {
    let tray = started().await;
    tray.switches().change(|switches| {
        switches.counted_by = CountedBy::App;
        switches.minute_limit = 2;
    });
    let tokens = STORES.map(|store| tray.grant(store).access_token);
    assert_eq!(call(&tray, STORES[0], &tokens[0]).await, 200);
    assert_eq!(call(&tray, STORES[1], &tokens[1]).await, 200);
    assert_eq!(call(&tray, STORES[1], &tokens[1]).await, 429);
}

#[tokio::test]
async fn a_day_has_its_own_limit() {
    let tray = started().await;
    tray.switches().change(|switches| switches.day_limit = 3);
    let token = tray.grant(STORES[0]).access_token;
    for _ in 0..3 {
        assert_eq!(call(&tray, STORES[0], &token).await, 200);
        tray.clock().advance(seconds(120));
    }
    assert_eq!(call(&tray, STORES[0], &token).await, 429);
    tray.clock().advance(seconds(86_400));
    assert_eq!(call(&tray, STORES[0], &tray.grant(STORES[0]).access_token).await, 200);
}
