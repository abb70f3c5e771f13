//! Order Desk: what hangs on orders, moving them, inventory, the store.

use reqwest::Method;
use serde_json::json;

use crate::{harness::sent, orderdesk::Desk};

#[tokio::test]
async fn history_is_added_without_replacing_the_order() {
    let desk = Desk::open().await;
    let id = desk.first().await;
    let answer =
        desk.send(Method::POST, &format!("/orders/{id}/order-history"), json!({ "note": "called" })).await;
    let answer = answer.json();
    assert_eq!(
        (&answer["total_records"], &answer["order"]["order_history"][0]["note"]),
        (&json!(1), &json!("called"))
    );
    let without = desk.send(Method::POST, &format!("/orders/{id}/order-history"), json!({})).await;
    assert_eq!(without.status, 400);
    let list = desk.get("/orders").await.json();
    assert!(list["orders"][0].get("order_history").is_none());
    assert!(desk.get("/orders?get_order_history=1").await.json()["orders"][0]["order_history"].is_array());
}

#[tokio::test]
async fn items() {
    let desk = Desk::open().await;
    let root = format!("/orders/{}/order-items", desk.first().await);
    let added =
        desk.send(Method::POST, &root, json!({ "name": "Hat", "price": 5, "quantity": 2 })).await.json();
    assert_eq!(added["message"], "Order Item Added");
    let one = format!("{root}/{}", added["order_item"]["id"].as_str().unwrap());
    assert_eq!(desk.get(&root).await.json()["total_records"], 2);
    let updated = desk.send(Method::PUT, &one, json!({ "quantity": 3 })).await.json();
    assert_eq!(
        (&updated["message"], &updated["order_item"]["price"]),
        (&json!("Order Item Updated"), &json!(5))
    );
    let order = desk.get(root.trim_end_matches("/order-items")).await.json();
    assert_eq!(order["order"]["product_total"], 25.0);
    assert_eq!(sent(desk.asking(Method::DELETE, &one)).await.status, 200);
    assert_eq!(desk.get(&one).await.status, 404);
}

#[tokio::test]
async fn shipments_are_added_once() {
    let desk = Desk::open().await;
    let id = desk.first().await;
    let root = format!("/orders/{id}/shipments");
    let shipment = json!({ "tracking_number": "1Z", "carrier_code": "UPS" });
    assert_eq!(desk.send(Method::POST, &root, shipment.clone()).await.text_of("message"), "Shipment Added");
    let twice = desk.send(Method::POST, &root, shipment).await;
    assert_eq!(
        (twice.text_of("status").as_str(), twice.text_of("message").as_str()),
        ("error", "Shipment Not Added")
    );
    let batch =
        json!([{ "order_id": id, "tracking_number": "2Z" }, { "order_id": "9", "tracking_number": "3Z" }]);
    assert_eq!(
        desk.send(Method::POST, "/batch-shipments", batch).await.text_of("message"),
        "1 Shipments Added"
    );
}

#[tokio::test]
async fn orders_move_between_folders() {
    let desk = Desk::open().await;
    let id = desk.first().await;
    let body = json!({ "order_id_list": [id, "9"], "destination_folder_name": "Closed" });
    let moved = desk.send(Method::POST, "/move-orders", body).await.json();
    assert_eq!(moved["message"], "1 Orders Moved");
    let expected =
        json!([{ "order_id": id, "message": "Order Moved to Closed Folder", "original_folder_id": 21_654 }]);
    assert_eq!(moved["results"], expected);
    let wrong = json!({ "order_ids": [id], "destination_folder_id": 21_655 });
    assert_eq!(desk.send(Method::POST, "/move-orders", wrong).await.status, 400);
}

#[tokio::test]
async fn inventory() {
    let desk = Desk::open().await;
    let list = desk.get("/inventory-items").await.json();
    assert_eq!((&list["total_records"], &list["records_returned"]), (&json!("5"), &json!(5)));
    let id = list["inventory_items"][0]["id"].as_u64().unwrap();
    let path = format!("/inventory-items/{id}");
    assert_eq!(desk.send(Method::PUT, &path, json!({ "stock": 9 })).await.status, 400);
    let written = desk.send(Method::PUT, &path, json!({ "name": "A", "code": "B", "stock": 9 })).await.json();
    assert_eq!(written["message"], "Inventory Item Updated");
    assert!(written.get("inventory_item").is_none());
    let item = desk.get(&path).await.json()["inventory_item"].clone();
    assert_eq!((&item["stock"], &item["price"], &item["id"]), (&json!(9), &json!(0), &json!(id)));
    let batch = json!([{ "id": id, "name": "A", "code": "B", "stock": 1 }]);
    let message = desk.send(Method::PUT, "/batch-inventory-items", batch).await.text_of("message");
    assert_eq!(message, "1 Inventory Items Updated");
    let deleted = sent(desk.asking(Method::DELETE, &path)).await.text_of("message");
    assert_eq!(deleted, format!("Inventory Item {id} Deleted"));
    let added = desk.send(Method::POST, "/inventory-items", json!({ "name": "C", "code": "D" })).await;
    assert_eq!(added.text_of("message"), "Inventory Item Added");
}

#[tokio::test]
async fn the_stores_settings_hold_secrets() {
    let desk = Desk::open().await;
    let store = desk.get("/store").await.json()["store"].clone();
    assert!(store["settings"]["api_key"].is_string() && store["settings"]["smtp_password"].is_string());
    assert_eq!(store["folders"]["21654"], "New");
    assert_eq!(desk.get("/customers").await.status, 404);
}
