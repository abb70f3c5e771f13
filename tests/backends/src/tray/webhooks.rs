//! Webhooks: a form for each change, without a signature, told to one address for all stores.

use url::form_urlencoded;

use super::{
    Tray,
    shop::{Change, Kind},
};
use crate::stage::outbox::Delivery;

impl Tray {
    /// Tells a change, if there is somebody to tell.
    pub(super) fn tell(&self, store: &str, change: &Change) {
        let switches = self.switches.now();
        let (scope, path) = match change.kind {
            Kind::Product => ("product", "products"),
            Kind::Order => ("order", "orders"),
            Kind::Customer => ("customer", "customers"),
            Kind::Category | Kind::OrderStatus => return,
        };
        let Some(url) = switches.webhook_url else { return };
        let app_code = self.apps.first().map_or(0, |app| app.app_code).to_string();
        let notification = format!("{}/{path}/{}", self.api_address(store), change.id);
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("seller_id", store)
            .append_pair("scope_id", &change.id)
            .append_pair("scope_name", scope)
            .append_pair("act", change.act)
            .append_pair("app_code", &app_code)
            .append_pair("url_notification", &notification)
            .finish();
        for _ in 0..switches.webhook_copies {
            self.stage.outbox.add(Delivery {
                url: url.clone(),
                content_type: "application/x-www-form-urlencoded",
                headers: Vec::new(),
                body: body.clone(),
                accepted: &[200],
                pauses: PAUSES,
            });
        }
    }
}

/// Seconds; growing, for about twenty days.
const PAUSES: &[i64] = &[60, 300, 1_800, 3_600, 21_600, 86_400, 432_000, 1_209_600];
