//! What is known before a flow, what comes back with the browser, and whether both speak of one account.

use serde_json::{Map, Value};
use url::Url;

use crate::{
    broker::{Error, Violation},
    model::{address::Reach, catalog::Service},
};

/// The fields that a link is made with: all that the service needs, and no others.
pub(super) fn start(
    service: &Service,
    given: Map<String, Value>,
    reach: Reach,
) -> Result<Map<String, Value>, Error> {
    let wanted = &service.issuing.start;
    let mut violations = Vec::new();
    let mut kept = Map::new();
    for (name, value) in given {
        if !wanted.contains(&name) {
            let reason = if wanted.is_empty() {
                "nothing must be known before".to_owned()
            } else {
                format!("not known before; {} is", wanted.join(", "))
            };
            violations.push(Violation::new("fields", reason));
            continue;
        }
        match service.check_value(&name, value, reach) {
            Ok(value) => drop(kept.insert(name, value)),
            Err(fault) => violations.push(Violation::new(fault.path, fault.reason)),
        }
    }
    for name in wanted.iter().filter(|name| !kept.contains_key(*name)) {
        violations.push(Violation::new(format!("fields.{name}"), "required"));
    }
    if violations.is_empty() { Ok(kept) } else { Err(Error::invalid(violations)) }
}

/// The fields of an account that was reached: those known before, and those that came back with the browser. The texts of
/// what is wrong are for the person in front of it.
pub(super) fn came_back(
    service: &Service,
    start: &Map<String, Value>,
    parameter: impl Fn(&str) -> Option<String>,
    reach: Reach,
) -> Result<Map<String, Value>, String> {
    let mut fields = start.clone();
    for (name, from) in &service.issuing.callback {
        let text = parameter(from).ok_or_else(|| format!("{} did not say its `{from}`", service.title))?;
        let value = service.check_value(name, Value::String(text), reach).map_err(|fault| {
            format!("{} named a `{from}` that cannot be used: {}", service.title, fault.reason)
        })?;
        if start.get(name).is_some_and(|known| !is_same(known, &value)) {
            return Err(format!(
                "{} came back for another {} than was asked for",
                service.title,
                words(name)
            ));
        }
        fields.insert(name.clone(), value);
    }
    same_host(service, &fields)?;
    Ok(fields)
}

/// Fields that must lead to one host do: a code for one account must not be sent to another's host.
fn same_host(service: &Service, fields: &Map<String, Value>) -> Result<(), String> {
    let host = |name: &String| {
        let url: Url = fields.get(name)?.as_str()?.parse().ok()?;
        Some((url.host_str()?.to_ascii_lowercase(), url.port_or_known_default()))
    };
    let mut hosts = service.issuing.same_host.iter().map(host);
    let Some(first) = hosts.next() else { return Ok(()) };
    if first.is_some() && hosts.all(|host| host == first) {
        return Ok(());
    }
    Err(format!("{} named addresses of different hosts: nothing was sent there", service.title))
}

/// URLs are the same whatever slash they end with.
fn is_same(one: &Value, other: &Value) -> bool {
    let text = |value: &Value| value.as_str().map(|text| text.trim_end_matches('/').to_ascii_lowercase());
    text(one) == text(other)
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}
