//! Floor 3: issuers, which turn a credential into what a borrower gets.
//!
//! Owns what is handed out for each kind of service, how tokens are asked for, refreshed and withdrawn, and what an
//! answer means. Everything goes through `egress`, as the service's description says. It must know neither the store nor
//! the keyring: it is given opened values and answers what came back. No text of a service ever gets into an error: it
//! may repeat a secret.

mod answer;
mod error;
mod identity;
mod oauth;
pub mod render;
mod requests;
pub mod validate;

use crate::model::{
    catalog::Service,
    credential::{Credential, Fields},
    instant::Instant,
};

pub use answer::Tokens;
pub use error::IssueError;
pub use oauth::{Client, Exchange, Oauth};

/// What a borrower gets for one service.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The fields, a JSON object.
    pub fields: Fields,
    /// When they run out by themselves, where that is known.
    pub expires_at: Option<Instant>,
}

/// Makes what is lent of an opened credential. `service` as the catalog has it; a service that it has no longer lends what
/// is stored.
#[must_use]
pub fn issue(service: Option<&Service>, credential: &Credential, opened: Fields) -> Issued {
    let fields = match service {
        Some(service) if service.lends_headers => with_headers(service, &opened),
        _ => opened,
    };
    Issued { fields, expires_at: credential.expires_at }
}

fn with_headers(service: &Service, opened: &Fields) -> Fields {
    let mut values = opened.parsed();
    let ready = render::ready_to_send(service, &values);
    values.extend(ready);
    Fields::of(&values)
}
