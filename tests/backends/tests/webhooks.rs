//! Webhooks of Tray and Order Desk, told to another stand-in.

use leasehold_backends::{
    Clock, Fault, Listen, Running,
    anything::{self, Anything},
    orderdesk::{self, API_KEY, OrderDesk, STORE_ID, WEBHOOK_SECRET, WebhookForm},
    signature,
    tray::{self, STORES, Tray},
};
use reqwest::Method;
use serde_json::json;

use crate::{
    harness::{client, seconds, sent},
    orderdesk::Desk,
};

async fn receiver() -> (Running<Anything>, String) {
    let receiver = Anything::start(anything::Options::default()).await.unwrap();
    let url = format!("{}/echo/hook", receiver.url());
    (receiver, url)
}

async fn tray(clock: &Clock, url: &str) -> Running<Tray> {
    let listen = Listen { port: 0, clock: Some(clock.clone()) };
    let tray = Tray::start(tray::Options { listen, ..tray::Options::default() }).await.unwrap();
    tray.switches().change(|switches| switches.webhook_url = Some(url.to_owned()));
    tray
}

async fn cancel(tray: &Running<Tray>, order: u32) {
    let token = tray.grant(STORES[0]).access_token;
    let url = format!("{}/orders/cancel/{order}?access_token={token}", tray.api_address(STORES[0]));
    assert_eq!(sent(client().put(url)).await.status, 200);
}

#[tokio::test]
async fn tray_tells_each_change() {
    let (receiver, url) = receiver().await;
    let tray = tray(&Clock::frozen(), &url).await;
    tray.switches().change(|switches| switches.webhook_copies = 2);
    cancel(&tray, 5).await;
    receiver.wait_until_requests(2).await;
    let expected = json!({
        "seller_id": STORES[0], "scope_id": "5", "scope_name": "order", "act": "update", "app_code": "718",
        "url_notification": format!("{}/orders/5", tray.api_address(STORES[0])),
    });
    for told in receiver.requests() {
        assert_eq!((told.method.as_str(), told.path.as_str(), &told.body), ("POST", "/echo/hook", &expected));
    }
}

#[tokio::test]
async fn tray_tries_again_until_it_hears_200() {
    let (receiver, url) = receiver().await;
    let clock = Clock::frozen();
    let tray = tray(&clock, &url).await;
    receiver.faults().add(Fault::status(201));
    receiver.faults().add(Fault::status(500));
    cancel(&tray, 5).await;
    receiver.wait_until_requests(1).await;
    tray.wait_until_webhooks_refused(1).await;
    clock.advance(seconds(60));
    receiver.wait_until_requests(2).await;
    tray.wait_until_webhooks_refused(2).await;
    clock.advance(seconds(300));
    receiver.wait_until_requests(3).await;
}

#[tokio::test]
async fn order_desk_signs_in_either_form() {
    let (receiver, url) = receiver().await;
    let desk = Desk::open().await;
    let id = desk.first().await;
    desk.0.switches().change(|switches| switches.webhook_url = Some(url));
    desk.send(Method::POST, &format!("/orders/{id}/order-history"), json!({ "note": "x" })).await;
    receiver.wait_until_requests(1).await;
    let told = receiver.requests().remove(0);
    let order = told.body["order"].as_str().unwrap();
    assert_eq!(told.header("x-order-desk-store-id"), Some(STORE_ID));
    assert_eq!(told.header("x-order-desk-hash"), Some(signature(API_KEY, order).as_str()));
    desk.0.switches().change(|switches| switches.webhook_form = WebhookForm::Event);
    let body = json!({ "customer": { "company": "ACME" }, "order_items": [{ "name": "Hat" }] });
    desk.send(Method::POST, "/orders", body).await;
    receiver.wait_until_requests(2).await;
    let told = receiver.requests().remove(1);
    assert_eq!(told.body["type"], "order.created");
    assert_eq!(
        told.header("x-orderdesk-signature"),
        Some(signature(WEBHOOK_SECRET, &told.body.to_string()).as_str())
    );
}

#[tokio::test]
async fn nobody_else_is_told() {
    let options = orderdesk::Options::default();
    let desk = OrderDesk::start(options).await.unwrap();
    desk.switches().change(|switches| switches.webhook_url = Some("http://192.0.2.1/hook".to_owned()));
    let desk = Desk(desk);
    let id = desk.first().await;
    desk.send(Method::POST, &format!("/orders/{id}/order-history"), json!({ "note": "x" })).await;
    desk.0.wait_until_webhooks_refused(1).await;
}
