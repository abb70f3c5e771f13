//! Webhooks: each order that was made or changed, in the service's own form, or in that of a gateway before it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::form_urlencoded;

use super::{Asked, OrderDesk, WebhookForm, shop::Fields};
use crate::stage::{
    outbox::{Delivery, signature},
    random,
};

impl OrderDesk {
    /// Tells the orders that are not what they were before, if there is somebody to tell.
    pub(super) fn tell(
        &self,
        asked: &Asked<'_>,
        before: &BTreeMap<u64, Fields>,
        after: &BTreeMap<u64, Fields>,
    ) {
        let Some(url) = &asked.switches.webhook_url else { return };
        for (id, order) in after.iter().filter(|(id, order)| before.get(id) != Some(order)) {
            let what = if before.contains_key(id) { "order.updated" } else { "order.created" };
            let (content_type, headers, body) = match asked.switches.webhook_form {
                WebhookForm::Order => self.as_order(asked.store, order),
                WebhookForm::Event => as_event(&asked.switches.webhook_secret, what, order),
            };
            let delivery = Delivery {
                url: url.clone(),
                content_type,
                headers,
                body,
                accepted: &[200, 201],
                pauses: PAUSES,
            };
            for _ in 0..asked.switches.webhook_copies {
                self.stage.outbox.add(delivery.clone());
            }
        }
    }

    /// Signed with the store's API key.
    fn as_order(&self, store: &str, order: &Fields) -> Message {
        let key = self.stores.iter().find(|(known, _)| known == store).map_or("", |(_, key)| key);
        let order = Value::Object(order.clone()).to_string();
        let headers =
            vec![("x-order-desk-store-id", store.to_owned()), ("x-order-desk-hash", signature(key, &order))];
        let body = form_urlencoded::Serializer::new(String::new()).append_pair("order", &order).finish();
        ("application/x-www-form-urlencoded", headers, body)
    }
}

/// Content type, headers, body.
type Message = (&'static str, Vec<(&'static str, String)>, String);

fn as_event(secret: &str, what: &str, order: &Fields) -> Message {
    let event = json!({ "event_id": format!("evt_{}", random::hex::<8>()), "type": what, "order": order });
    let body = event.to_string();
    ("application/json", vec![("x-orderdesk-signature", signature(secret, &body))], body)
}

/// Seconds: five times more, within two hours.
const PAUSES: &[i64] = &[60, 300, 900, 1_800, 3_600];
