//! Floor 3: issuers, which turn a credential into what a borrower gets.
//!
//! Owns what is handed out for each kind of service, and whether anything of it can be withdrawn upstream. It must know
//! neither the store nor the keyring: it is given an opened value and answers what is lent. Today there is one kind, the
//! stored value that is lent as it is.

pub mod render;
pub mod validate;

use crate::model::{
    credential::{Credential, Fields},
    instant::Instant,
    lease::Upstream,
};

/// What a borrower gets for one service.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The fields, a JSON object.
    pub fields: Fields,
    /// When they run out by themselves, where that is known.
    pub expires_at: Option<Instant>,
}

/// The kinds of issuers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuer {
    /// Lends the stored value as it is.
    Static,
}

impl Issuer {
    /// The issuer of a credential.
    #[must_use]
    pub const fn of(_credential: &Credential) -> Self {
        Self::Static
    }

    /// Makes what is lent of an opened credential.
    #[must_use]
    pub fn issue(self, credential: &Credential, opened: Fields) -> Issued {
        match self {
            Self::Static => Issued { fields: opened, expires_at: credential.expires_at },
        }
    }

    /// Whether ending a loan leaves something to withdraw at the service itself.
    #[must_use]
    pub const fn upstream(self) -> Upstream {
        match self {
            Self::Static => Upstream::Nothing,
        }
    }
}
