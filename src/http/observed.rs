//! How answers are named in logs and figures: the statuses of HTTP, and what each says of a call.

use axum::http::StatusCode;

use crate::telemetry::{Outcome, Transport};

/// HTTP, as telemetry knows it.
pub(super) static TRANSPORT: Transport = Transport { name: "http", statuses: STATUSES, cancelled: CANCELLED };

/// The place of a status in the list.
pub(super) fn place(status: StatusCode) -> usize {
    let named = STATUSES.iter().position(|name| *name == status.as_str());
    named.unwrap_or_else(|| match status.as_u16() {
        ..400 => CANCELLED + 1,
        400..500 => CANCELLED + 2,
        _ => CANCELLED + 3,
    })
}

/// What a status says of the call.
pub(super) fn outcome(status: StatusCode) -> Outcome {
    if status.is_server_error() {
        Outcome::Failed
    } else if status.is_client_error() {
        Outcome::Refused
    } else {
        Outcome::Ok
    }
}

/// Those that are answered often come first; the last three stand for the rest of their class.
const STATUSES: &[&str] = &[
    "200",
    "201",
    "401",
    "403",
    "404",
    "422",
    "429",
    "503",
    "204",
    "307",
    "400",
    "405",
    "409",
    "412",
    "413",
    "415",
    "500",
    "cancelled",
    "3xx",
    "4xx",
    "5xx",
];
const CANCELLED: usize = STATUSES.len() - 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{broker::Code, wire::statuses};

    fn named(status: u16) -> &'static str {
        STATUSES[place(StatusCode::from_u16(status).unwrap())]
    }

    #[test]
    fn every_status_has_a_name() {
        for (status, name) in [
            (200, "200"),
            (503, "503"),
            (204, "204"),
            (302, "3xx"),
            (418, "4xx"),
            (502, "5xx"),
            (999, "5xx"),
            (100, "3xx"),
        ] {
            assert_eq!(named(status), name);
        }
        assert_eq!(STATUSES[TRANSPORT.cancelled], "cancelled");
    }

    #[test]
    fn every_code_has_a_status_of_its_own_name() {
        for code in Code::ALL {
            let (status, _) = statuses(*code);
            assert_eq!(STATUSES[place(status)], status.as_str(), "{code:?}");
        }
    }
}
