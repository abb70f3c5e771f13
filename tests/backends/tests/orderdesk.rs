//! Order Desk: keys, the bucket, orders.

use leasehold_backends::{
    Clock, Listen, Running,
    orderdesk::{API_KEY, Options, OrderDesk, STORE_ID},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Answer, client, frozen, seconds, sent};

pub(crate) struct Desk(pub(crate) Running<OrderDesk>);

impl Desk {
    /// On a clock that stands still, with a bucket that is never empty.
    pub(crate) async fn open() -> Self {
        let desk = Self::with(frozen()).await;
        desk.0.switches().change(|switches| switches.bucket = 1_000_000);
        desk
    }

    async fn with(listen: Listen) -> Self {
        Self(OrderDesk::start(Options { listen, ..Options::default() }).await.unwrap())
    }

    pub(crate) fn asking(&self, method: Method, path: &str) -> RequestBuilder {
        let request = client().request(method, format!("{}{path}", self.0.base_url()));
        request.header("ORDERDESK-STORE-ID", STORE_ID).header("ORDERDESK-API-KEY", API_KEY)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        sent(self.asking(Method::GET, path)).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        sent(self.asking(method, path).json(&body)).await
    }

    /// The id of the first order.
    pub(crate) async fn first(&self) -> String {
        self.get("/orders?order=ASC").await.json()["orders"][0]["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn keys() {
    let desk = Desk::open().await;
    let test = desk.get("/test").await;
    assert_eq!((test.status, test.text_of("message").as_str()), (200, "Connection Successful"));
    let url = format!("{}/test", desk.0.base_url());
    for (id, key) in [(STORE_ID, "wrong"), ("99", API_KEY)] {
        let request = client().get(&url).header("ORDERDESK-STORE-ID", id).header("ORDERDESK-API-KEY", key);
        let refused = sent(request).await;
        assert_eq!((refused.status, refused.text_of("status").as_str()), (401, "error"));
    }
    assert_eq!(sent(client().get(&url)).await.status, 401);
    assert_eq!(desk.0.counts().calls_with(API_KEY), 2);
}

#[tokio::test]
async fn twenty_at_once_and_three_a_second() {
    let clock = Clock::frozen();
    let desk = Desk::with(Listen { port: 0, clock: Some(clock.clone()) }).await;
    for left in (0..20).rev() {
        assert_eq!(desk.get("/test").await.header("x-tokens-remaining"), left.to_string());
    }
    let refused = desk.get("/test").await;
    assert_eq!((refused.status, refused.header("x-retry-after")), (429, "1"));
    assert_eq!(refused.json(), json!({ "status": "error", "message": "Too Many Requests" }));
    clock.advance(seconds(1));
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(desk.get("/test").await.status);
    }
    assert_eq!((seen, desk.0.counts().rate_limited), (vec![200, 200, 200, 429], 2));
}

#[tokio::test]
async fn an_order_has_odd_shapes() {
    let desk = Desk::open().await;
    let answer = desk.get(&format!("/orders/{}", desk.first().await)).await.json();
    assert_eq!(
        (&answer["status"], &answer["message"]),
        (&json!("success"), &json!("Execution took 0.0208 seconds"))
    );
    let order = &answer["order"];
    assert!(order["id"].is_string() && order["folder_id"].is_u64());
    assert_eq!((&order["checkout_data"], &order["order_items"][0]["metadata"]), (&json!([]), &json!([])));
    assert_eq!((&order["product_total"], &order["weight_total"]), (&json!(10.0), &json!(1.5)));
    assert_eq!(order["customer"], order["shipping"], "either address stands in for the other");
    desk.0.switches().change(|switches| {
        switches.mixed_prices = true;
        switches.execution_time = false;
    });
    let answer = desk.get(&format!("/orders/{}", desk.first().await)).await.json();
    assert_eq!(
        (&answer["order"]["order_items"][0]["price"], &answer["message"]),
        (&json!("10"), &Value::Null)
    );
}

#[tokio::test]
async fn a_put_blanks_what_it_leaves_out() {
    let desk = Desk::open().await;
    let path = format!("/orders/{}", desk.first().await);
    let before = desk.get(&path).await.json()["order"].clone();
    let item = before["order_items"][0]["id"].clone();
    desk.0.clock().advance(seconds(5));
    let body = json!({
        "source_id": "S-9", "order_shipments": [{ "tracking_number": "x" }],
        "order_items": [{ "id": item, "quantity": 4 }, { "name": "Hat", "price": "2.50", "quantity": 2 }],
    });
    let after = desk.send(Method::PUT, &path, body).await.json()["order"].clone();
    assert_eq!(
        (&after["email"], &after["source_id"], &after["shipping"]),
        (&json!(""), &json!("S-9"), &json!([]))
    );
    assert_eq!(
        (&after["order_items"][0]["name"], &after["order_items"][0]["quantity"]),
        (&json!("Shirt"), &json!(4))
    );
    assert_eq!((&after["product_total"], &after["quantity_total"]), (&json!(45.0), &json!(6.0)));
    assert_eq!(after["order_shipments"], json!([]));
    assert!(after["date_updated"].as_str() > before["date_updated"].as_str());
    assert_eq!(after["date_added"], before["date_added"]);
    let overridden = desk.asking(Method::POST, &path).header("X-HTTP-Method-Override", "PUT");
    let after = sent(overridden.json(&json!({ "email": "a@b.test", "order_items": [] }))).await.json();
    assert_eq!(
        (&after["order"]["email"], after["order"]["order_items"].as_array().unwrap().len()),
        (&json!("a@b.test"), 2)
    );
    desk.0.switches().change(|switches| switches.put_deletes_items = true);
    let after = desk.send(Method::PUT, &path, json!({ "order_items": [] })).await.json();
    assert_eq!(after["order"]["order_items"], json!([]));
    assert_eq!(desk.send(Method::PATCH, &path, json!({})).await.status, 405);
}

#[tokio::test]
async fn somebody_else_edits_between_reading_and_writing() {
    let desk = Desk::open().await;
    let path = format!("/orders/{}", desk.first().await);
    desk.0.switches().change(|switches| switches.edit_after_gets = 2);
    let tag = async || desk.get(&path).await.json()["order"]["tag_name"].clone();
    assert_eq!(
        (tag().await, tag().await),
        (json!(""), json!("")),
        "the second reading still sees the old order"
    );
    assert_eq!(tag().await, "edited by somebody else");
}

#[tokio::test]
async fn creating_and_deleting() {
    let desk = Desk::open().await;
    for body in
        [json!({ "order_items": [{ "name": "Hat" }] }), json!({ "shipping": { "first_name": "Ada" } })]
    {
        let refused = desk.send(Method::POST, "/orders", body).await;
        assert_eq!((refused.status, refused.text_of("status").as_str()), (400, "error"));
    }
    desk.0.switches().change(|switches| switches.errors_as_200 = true);
    let refused = desk.send(Method::POST, "/orders", json!({})).await;
    assert_eq!((refused.status, refused.text_of("status").as_str()), (200, "error"));
    desk.0.switches().change(|switches| switches.errors_as_200 = false);
    let body = json!({ "customer": { "company": "ACME" }, "order_items": [{ "name": "Hat", "price": 3 }] });
    let order = desk.send(Method::POST, "/orders", body).await.json()["order"].clone();
    assert_eq!((&order["shipping"]["company"], &order["folder_id"]), (&json!("ACME"), &json!(21_654)));
    let path = format!("/orders/{}", order["id"].as_str().unwrap());
    assert_eq!(sent(desk.asking(Method::DELETE, &path)).await.status, 200);
    assert_eq!(desk.get(&path).await.status, 404);
}

#[tokio::test]
async fn lists_and_filters() {
    let desk = Desk::open().await;
    let list = desk.get("/orders?limit=2&offset=1").await.json();
    assert_eq!(
        (&list["total_records"], &list["records_returned"], &list["limit"]),
        (&json!(3), &json!(2), &json!(2))
    );
    let found =
        async |query: &str| desk.get(&format!("/orders?{query}")).await.json()["total_records"].clone();
    assert_eq!(found("email=customer2@example.test").await, 1);
    assert_eq!(found("shipping_last_name=Example%203").await, 1);
    assert_eq!((found("folder_id=1,21654").await, found("folder_name=Closed").await), (json!(3), json!(0)));
    let added = desk.get("/orders").await.json()["orders"][0]["date_added"].as_str().unwrap().to_owned();
    assert_eq!(
        found(&format!("search_start_date={added}")).await,
        0,
        "which is five hours later, local time"
    );
    desk.0.switches().change(|switches| switches.utc_offset_h = 0);
    assert_eq!(found(&format!("search_start_date={added}")).await, 3);
    assert_eq!(found("modified_start_date=2999-01-01%2000:00:00").await, 0);
}
