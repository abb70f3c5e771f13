//! Tray: a store's resources.

use leasehold_backends::{
    Running,
    tray::{Options, Paths, STORES, Tray},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Answer, client, frozen, sent};

const STORE: &str = STORES[0];

struct Shop {
    tray: Running<Tray>,
    token: String,
}

impl Shop {
    async fn open() -> Self {
        let tray = Tray::start(Options { listen: frozen(), ..Options::default() }).await.unwrap();
        let token = tray.grant(STORE).access_token;
        Self { tray, token }
    }

    fn asking(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.tray.api_address(STORE));
        client().request(method, url).query(&[("access_token", &self.token)])
    }

    async fn get(&self, path: &str) -> Answer {
        sent(self.asking(Method::GET, path)).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        sent(self.asking(Method::PUT, path).json(&body)).await
    }
}

#[tokio::test]
async fn tokens_count_in_the_query_alone() {
    let shop = Shop::open().await;
    let url = format!("{}/products", shop.tray.api_address(STORE));
    let in_header = sent(client().get(&url).bearer_auth(&shop.token)).await;
    assert_eq!((in_header.status, &in_header.json()["error_code"]), (401, &json!(1_099)));
    let elsewhere = format!("{}/products?access_token={}", shop.tray.api_address(STORES[1]), shop.token);
    assert_eq!(sent(client().get(elsewhere)).await.json()["error_code"], 1_099);
    assert_eq!(shop.get("/products").await.status, 200);
    assert_eq!(shop.tray.counts().calls_with(&shop.token), 2);
}

#[tokio::test]
async fn lists() {
    let shop = Shop::open().await;
    let list = shop.get("/products").await.json();
    assert_eq!(list["paging"], json!({ "total": 35, "page": 1, "offset": 0, "limit": 30, "maxLimit": 50 }));
    assert_eq!(list["Products"].as_array().unwrap().len(), 30);
    assert_eq!(list["Products"][0]["Product"]["price"], "19.90");
    let list = shop.get("/products?limit=500&page=1&sort=price_desc&attrs=id,price").await.json();
    assert_eq!(list["paging"]["limit"], 50);
    assert_eq!(list["Products"][0]["Product"], json!({ "id": "35", "price": "359.90" }));
    assert_eq!(list["sort"], json!([{ "price": "desc" }]));
    let list = shop.get("/products?limit=10&page=4").await.json();
    assert_eq!((list["Products"].as_array().unwrap().len(), &list["paging"]["offset"]), (5, &json!(30)));
    let found = async |path: &str| shop.get(path).await.json()["paging"]["total"].as_u64().unwrap();
    assert_eq!(found("/products?reference=REF-7").await, 1);
    assert_eq!(found("/orders?modified=2020-12-16").await, 1);
    assert_eq!(found("/orders?modified=2020-12-15,2020-12-17").await, 3);
    assert_eq!(found("/customers?email=cliente2@example.test").await, 1);
    assert_eq!((found("/categories/").await, found("/orders/statuses").await), (3, 3));
}

#[tokio::test]
async fn writing_answers_without_the_object() {
    let shop = Shop::open().await;
    let body =
        json!({ "Product": { "name": "Nova", "price": 12.5, "stock": 3, "available": true, "metatag": {} } });
    let created = sent(shop.asking(Method::POST, "/products").json(&body)).await;
    assert_eq!(
        (created.status, created.json()),
        (201, json!({ "message": "Created", "id": "36", "code": 201 }))
    );
    let product = shop.get("/products/36").await.json()["Product"].clone();
    assert_eq!(
        (&product["price"], &product["stock"], &product["available"]),
        (&json!("12.5"), &json!("3"), &json!("1"))
    );
    assert_eq!(product["metatag"], json!([]), "an empty object is an empty list");
    let form = [("Product[name]", "Outra"), ("Product[metatag][type]", "keywords")];
    let saved = sent(shop.asking(Method::PUT, "/products/36").form(&form)).await;
    assert_eq!((saved.status, saved.text_of("message").as_str()), (200, "Saved"));
    let product = shop.get("/products/36").await.json()["Product"].clone();
    assert_eq!((&product["name"], &product["metatag"]["type"]), (&json!("Outra"), &json!("keywords")));
    let deleted = sent(shop.asking(Method::DELETE, "/products/36")).await;
    assert_eq!(deleted.json(), json!({ "message": "Deleted", "id": "36", "code": 200 }));
    let missing = shop.get("/products/36").await;
    assert_eq!((missing.status, missing.text_of("url").as_str()), (404, "//products/36"));
}

#[tokio::test]
async fn what_is_wrong_with_a_body() {
    let shop = Shop::open().await;
    let post = async |path: &str, body: Value| {
        let answer = sent(shop.asking(Method::POST, path).json(&body)).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        answer.json()["causes"].clone()
    };
    assert_eq!(post("/products", json!({ "name": "bare" })).await, json!({ "Product": ["required"] }));
    assert_eq!(
        post("/products", json!({ "Product": { "price": 1 } })).await,
        json!({ "name": ["required"] })
    );
    let long = json!({ "Product": { "name": "x".repeat(201) } });
    assert_eq!(post("/products", long).await, json!({ "name": ["maxLength 200"] }));
    let twice = json!({ "Customer": { "name": "C", "email": "cliente1@example.test" } });
    assert_eq!(post("/customers", twice).await, json!({ "email": ["already exists"] }));
    assert_eq!(sent(shop.asking(Method::PATCH, "/products/1")).await.status, 405);
}

#[tokio::test]
async fn cancelling_by_either_path() {
    let shop = Shop::open().await;
    assert_eq!(shop.put("/orders/5/cancel", json!({})).await.status, 404);
    assert_eq!(
        shop.put("/orders/cancel/5", json!({})).await.json(),
        json!({ "message": "Saved", "id": "5", "code": 200 })
    );
    let order = shop.get("/orders/5").await.json()["Order"].clone();
    assert_eq!((&order["status"], &order["OrderStatus"]["type"]), (&json!("CANCELADO"), &json!("cancelled")));
    assert_eq!((shop.get("/store").await.status, shop.get("/orders/5/full").await.status), (404, 404));
    shop.tray.switches().change(|switches| switches.paths = Paths::Plugin);
    assert_eq!(shop.put("/orders/6/cancel", json!({})).await.status, 200);
    assert_eq!(shop.put("/orders/cancel/6", json!({})).await.status, 404);
    assert_eq!(shop.get("/store").await.json()["Store"]["id"], STORE);
    assert_eq!(shop.get("/orders/5/full").await.json()["Order"]["payment_method"], "Boleto");
}

#[tokio::test]
async fn orders_in_full_and_their_products() {
    let shop = Shop::open().await;
    let complete = shop.get("/orders/1/complete").await.json()["Order"].clone();
    assert_eq!(complete["Customer"]["id"], complete["customer_id"]);
    let sold = json!({ "ProductsSold": { "product_id": 9, "quantity": 2 } });
    let added = sent(shop.asking(Method::POST, "/orders/includeProduct/1").json(&sold)).await;
    assert_eq!(added.text_of("message"), "Success");
    assert_eq!(shop.get("/orders/1").await.json()["Order"]["ProductsSold"][1]["id"], "9");
    assert_eq!(shop.put("/orders/excludeProduct/1/9", json!({})).await.status, 200);
    assert_eq!(shop.put("/orders/excludeProduct/1/9", json!({})).await.status, 404);
}

#[tokio::test]
async fn info_tree_and_the_doubled_path() {
    let shop = Shop::open().await;
    let info = shop.get("/info").await.json();
    assert_eq!((&info["id"], &info["internal_status"]), (&json!(STORE), &json!("ativa")));
    let tree = shop.get("/categories/tree/1").await.json();
    let root = &tree["Category"][0]["Category"];
    assert_eq!(
        (&root["children"][1]["Category"]["name"], &root["name"]),
        (&json!("Calças"), &json!("Roupas"))
    );
    assert_eq!(root["children"][0]["Category"]["children"], Value::Null);
    assert_eq!(shop.get("/web_api/products/1").await.status, 200);
    assert_eq!(shop.put("/web_api/products/1", json!({ "Product": { "name": "x" } })).await.status, 404);
    assert_eq!(sent(client().get(format!("{}/s/777/web_api/info", shop.tray.url()))).await.status, 404);
}
