//! Switches: how a stand-in behaves where services differ, or where nobody knows. A test sets them in its own process,
//! or over `/__ctl/switches`.

use std::sync::Mutex;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::lock;

/// The switches of one stand-in, as they stand.
#[derive(Debug)]
pub struct Switches<T> {
    initial: T,
    current: Mutex<T>,
}

/// Switches of any stand-in, as JSON.
pub(crate) trait Switchboard {
    fn show(&self) -> Value;
    /// Changes what the object names; objects within it are merged likewise.
    fn merge(&self, changes: Value) -> Result<(), String>;
    fn reset(&self);
}

impl<T: Clone> Switches<T> {
    pub(crate) fn new(initial: T) -> Self {
        Self { current: Mutex::new(initial.clone()), initial }
    }

    /// How they stand.
    #[must_use]
    pub fn now(&self) -> T {
        lock(&self.current).clone()
    }

    /// Changes some of them.
    pub fn change(&self, change: impl FnOnce(&mut T)) {
        change(&mut lock(&self.current));
    }
}

impl<T: Clone + Serialize + DeserializeOwned> Switchboard for Switches<T> {
    fn show(&self) -> Value {
        serde_json::to_value(self.now()).unwrap_or_default()
    }

    fn merge(&self, changes: Value) -> Result<(), String> {
        let mut merged = self.show();
        merge(&mut merged, changes);
        *lock(&self.current) = serde_json::from_value(merged).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn reset(&self) {
        *lock(&self.current) = self.initial.clone();
    }
}

fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (name, value) in changes {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, changes) => *into = changes,
    }
}
