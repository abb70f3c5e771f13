//! What a new store has on its shelves. All of it is made up.

use serde_json::{Value, json};

use super::shop::{Fields, Kind};

/// Objects without an id.
pub(crate) fn of(kind: Kind) -> Vec<Fields> {
    let samples = match kind {
        Kind::Product => (1..=35).map(product).collect(),
        Kind::Order => (1..=7).map(order).collect(),
        Kind::Customer => (1..=3).map(customer).collect(),
        Kind::Category => vec![category("Roupas", ""), category("Camisas", "1"), category("Calças", "1")],
        Kind::OrderStatus => vec![
            status("A ENVIAR", "open", "1"),
            status("ENVIADO", "closed", "0"),
            status("CANCELADO", "cancelled", "0"),
        ],
    };
    samples.into_iter().filter_map(|sample| sample.as_object().cloned()).collect()
}

/// What `GET /info` says, apart from the store's id and address.
pub(crate) fn info(store: &str, host: &str) -> Value {
    json!({
        "id": store, "name": "Loja Exemplo", "company_name": "Exemplo Ltda", "cnpj": "00000000000000",
        "address": "Rua Exemplo, 1", "postal_code": "01001000", "city": "São Paulo", "state": "SP",
        "country": "Brasil", "phone_number_1": "1100000000", "phone_number_2": "", "phone_number_3": "",
        "email_1": "loja@example.test", "email_2": "", "office_hour": "9h-18h", "uri": host, "secure_uri": host,
        "logo": { "http": "", "https": "" }, "logo_mobile": "", "user": "1", "internal_status": "ativa",
        "favicon": "", "messages": { "footer": "" },
    })
}

/// What an order says of its status.
pub(crate) fn order_status(id: &str, kind: &str, status: &str) -> Value {
    json!({ "id": id, "default": "1", "type": kind, "status": status, "background": "#CAFAD1" })
}

fn product(number: u32) -> Value {
    json!({
        "name": format!("Camisa {number}"), "reference": format!("REF-{number}"), "ean": "", "ncm": "",
        "category_id": if number.is_multiple_of(2) { "2" } else { "1" }, "category_name": "Camisas", "brand": "Exemplo",
        "price": format!("{number}9.90"), "cost_price": "0.00", "promotional_price": "0.00", "stock": number.to_string(),
        "start_promotion": "0000-00-00", "end_promotion": "0000-00-00", "available": "1", "free_shipping": "0",
        "description": "", "weight": "200", "has_variation": "0", "created": "2020-12-01 10:00:00",
        "modified": format!("2020-12-{:02} 11:21:52", number.min(28)), "Properties": [], "ProductImage": [],
        "Variant": [], "AdditionalInfos": [], "url": { "http": "", "https": "" },
    })
}

fn order(number: u32) -> Value {
    json!({
        "status": "A ENVIAR", "date": format!("2020-12-{number:02}"), "customer_id": (number % 3 + 1).to_string(),
        "partial_total": "100.00", "taxes": "0.00", "discount": "0.00", "shipment": "PAC", "shipment_value": "28.35",
        "shipment_date": "", "store_note": "", "sending_code": "", "total": "128.35", "payment_date": "0000-00-00",
        "modified": format!("2020-12-{:02} 11:21:52", number + 14), "has_payment": "0", "has_shipment": "0",
        "has_invoice": "0", "OrderStatus": order_status("1", "open", "A ENVIAR"),
        "ProductsSold": [{ "id": number.to_string() }], "Payment": [], "OrderInvoice": [], "Extensions": [],
    })
}

fn customer(number: u32) -> Value {
    json!({
        "name": format!("Cliente {number}"), "email": format!("cliente{number}@example.test"),
        "token": format!("customer-token-of-{number}"), "cpf": "00000000000", "cnpj": "", "rg": "", "type": "0",
        "gender": "1", "birth_date": "1990-01-01", "phone": "", "cellphone": "", "newsletter": "0", "city": "São Paulo",
        "state": "SP", "created": "2020-11-01 10:00:00", "modified": "2020-12-01 10:00:00", "CustomerAddress": [],
    })
}

fn category(name: &str, parent: &str) -> Value {
    json!({ "name": name, "parent_id": parent, "description": "", "slug": "", "order": "", "Images": [] })
}

fn status(status: &str, kind: &str, default: &str) -> Value {
    json!({
        "default": default, "type": kind, "status": status, "show_backoffice": "1", "allow_edit_order": "1",
        "description": "", "show_status_central": "1", "background": "#CAFAD1",
    })
}
