//! `leasehold dev --stand-ins`: services to try things with, in this process, and the development user's credentials there.
//!
//! Their state is in memory: each start makes new credentials of them, which take the place of those before.

use std::{collections::BTreeMap, io};

use leasehold_backends::{
    Listen, Running,
    orderdesk::{self, OrderDesk},
    todo::{self, Todo},
    tray::{self, Tray},
};
use serde_json::{Map, Value, json};

use crate::{broker::Broker, server::StartError};

use super::CliError;

/// The stand-ins; they stop with this value.
pub(super) struct StandIns {
    todo: Running<Todo>,
    tray: Running<Tray>,
    orderdesk: Running<OrderDesk>,
}

impl StandIns {
    /// Starts them on free ports of this machine alone.
    pub(super) async fn start() -> Result<Self, CliError> {
        let failed = |error: io::Error| CliError::Other(format!("a stand-in does not start: {error}"));
        let listen = || Listen { port: 0, clock: None };
        let todo = Todo::start(todo::Options { listen: listen(), ..Default::default() }).await;
        let tray = Tray::start(tray::Options { listen: listen(), ..Default::default() }).await;
        let orderdesk = OrderDesk::start(orderdesk::Options { listen: listen(), ..Default::default() }).await;
        Ok(Self {
            todo: todo.map_err(failed)?,
            tray: tray.map_err(failed)?,
            orderdesk: orderdesk.map_err(failed)?,
        })
    }

    /// Where they are, for `dev.env`.
    pub(super) fn urls(&self) -> BTreeMap<String, String> {
        [
            ("TODO_STAND_IN", self.todo.url()),
            ("TRAY_STAND_IN", self.tray.url()),
            ("ORDERDESK_STAND_IN", self.orderdesk.url()),
        ]
        .into_iter()
        .map(|(name, url)| (name.to_owned(), url.to_owned()))
        .collect()
    }

    /// Deposits what the development user borrows of them, and what accounts of Tray are connected by.
    pub(super) async fn deposit(&self, broker: &Broker) -> Result<(), CliError> {
        let services = [("todo", self.todo()), ("tray", self.tray()), ("orderdesk", self.orderdesk())];
        for (service, fields) in services {
            broker.put_development_credential(service, &fields).await.map_err(StartError::from)?;
        }
        broker
            .put_development_application("tray", tray::CONSUMER_KEY, tray::CONSUMER_SECRET)
            .await
            .map_err(StartError::from)?;
        Ok(())
    }

    fn todo(&self) -> Map<String, Value> {
        object(json!({
            "base_url": self.todo.url(), "client_id": todo::CLIENT_ID, "client_secret": todo::CLIENT_SECRET
        }))
    }

    fn tray(&self) -> Map<String, Value> {
        let [store, _] = tray::STORES;
        let tokens = self.tray.grant(store);
        object(json!({
            "access_token": tokens.access_token, "refresh_token": tokens.refresh_token, "store_id": store,
            "api_address": self.tray.api_address(store), "store_host": self.tray.store_host(store),
        }))
    }

    fn orderdesk(&self) -> Map<String, Value> {
        object(json!({
            "base_url": format!("{}/api/v2", self.orderdesk.url()), "store_id": orderdesk::STORE_ID,
            "api_key": orderdesk::API_KEY, "label": "Stand-in",
        }))
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
