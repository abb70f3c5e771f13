//! Scopes: what a token lets its bearer do, as OAuth 2.0 writes them (RFC 6749, section 3.3).

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::service::ServiceName;

/// One capability. `service:*` and `service:<name>` bound what may be borrowed, the others what may be done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// An operation.
    Operation(Operation),
    /// Borrowing from one service.
    Service(ServiceName),
    /// Borrowing from every service.
    AnyService,
}

macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// A kind of operation that a token may be good for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Operation { $($(#[$doc])* $variant),* }

        impl Operation {
            /// All of them, in the order of their texts.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The scope's text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}

operations! {
    /// Rotate and retire keys.
    AdminKeys = "admin:keys";
    /// Read what administrators see.
    AdminRead = "admin:read";
    /// Revoke leases of others.
    AdminRevoke = "admin:revoke";
    /// Mint tokens for others.
    AdminTokens = "admin:tokens";
    /// Change users, organizations, memberships, clients.
    AdminWrite = "admin:write";
    /// Connect an account by an OAuth flow.
    CredentialConnect = "credential:connect";
    /// Deposit, change and delete credentials.
    CredentialWrite = "credential:write";
    /// Take leases, and read the credentials of own leases.
    LeaseCreate = "lease:create";
    /// See own leases, never secrets.
    LeaseRead = "lease:read";
    /// Renew own leases.
    LeaseRenew = "lease:renew";
    /// Revoke own leases.
    LeaseRevoke = "lease:revoke";
    /// See, mint, rotate, rename and revoke own MCP tokens.
    TokenWrite = "token:write";
}

impl Operation {
    /// Whether it is an operator's or administrator's.
    #[must_use]
    pub const fn is_administrative(self) -> bool {
        matches!(
            self,
            Self::AdminKeys | Self::AdminRead | Self::AdminRevoke | Self::AdminTokens | Self::AdminWrite
        )
    }
}

/// The text is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope `{0}`")]
pub struct ParseScopeError(pub String);

impl FromStr for Scope {
    type Err = ParseScopeError;

    fn from_str(text: &str) -> Result<Self, ParseScopeError> {
        let unknown = || ParseScopeError(text.chars().take(80).collect());
        if let Some(name) = text.strip_prefix(SERVICE_PREFIX) {
            if name == "*" {
                return Ok(Self::AnyService);
            }
            return name.parse().map(Self::Service).map_err(|_| unknown());
        }
        let operation = Operation::ALL.iter().find(|operation| operation.as_str() == text);
        operation.copied().map(Self::Operation).ok_or_else(unknown)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(operation) => f.write_str(operation.as_str()),
            Self::Service(name) => write!(f, "{SERVICE_PREFIX}{name}"),
            Self::AnyService => write!(f, "{SERVICE_PREFIX}*"),
        }
    }
}

/// A set of scopes. Its text is the scopes in a fixed order, separated by single spaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeSet {
    operations: u16,
    any_service: bool,
    services: BTreeSet<ServiceName>,
}

impl ScopeSet {
    /// Whether the operation is allowed.
    #[must_use]
    pub const fn allows(&self, operation: Operation) -> bool {
        self.operations & bit(operation) != 0
    }

    /// Whether borrowing from the service is allowed.
    #[must_use]
    pub fn allows_service(&self, service: &ServiceName) -> bool {
        self.any_service || self.services.contains(service)
    }

    /// Whether every scope of this set lies within `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.operations & !other.operations == 0
            && (other.any_service || (!self.any_service && self.services.is_subset(&other.services)))
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations == 0 && !self.any_service && self.services.is_empty()
    }

    /// Adds one scope.
    pub fn insert(&mut self, scope: Scope) {
        match scope {
            Scope::Operation(operation) => self.operations |= bit(operation),
            Scope::Service(name) => drop(self.services.insert(name)),
            Scope::AnyService => self.any_service = true,
        }
    }

    /// Every scope of the set, in the order of its text.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        let operations = Operation::ALL.iter().copied().filter(|operation| self.allows(*operation));
        let any = self.any_service.then_some(Scope::AnyService);
        let services = self.services.iter().cloned().map(Scope::Service);
        operations.map(Scope::Operation).chain(any).chain(services)
    }

    /// Every operation and every service.
    #[must_use]
    pub fn everything() -> Self {
        let operations = Operation::ALL.iter().copied().map(Scope::Operation);
        operations.chain([Scope::AnyService]).collect()
    }

    /// Everything that concerns a person's own things.
    #[must_use]
    pub fn everything_of_a_person() -> Self {
        use Operation::{CredentialConnect, CredentialWrite, TokenWrite};
        let mut scopes = Self::worker();
        [CredentialConnect, CredentialWrite, TokenWrite]
            .map(Scope::Operation)
            .into_iter()
            .for_each(|scope| scopes.insert(scope));
        scopes
    }

    /// What an operator may be given: every `admin:` scope.
    #[must_use]
    pub fn administration() -> Self {
        let operations = Operation::ALL.iter().copied().filter(|operation| operation.is_administrative());
        operations.map(Scope::Operation).collect()
    }

    /// The `admin:` scopes of this set.
    #[must_use]
    pub fn administrative(&self) -> Self {
        let kept = Self::administration().operations;
        Self { operations: self.operations & kept, ..Self::default() }
    }

    /// What a worker needs: all that concerns its own leases, of every service.
    #[must_use]
    pub fn worker() -> Self {
        use Operation::{LeaseCreate, LeaseRead, LeaseRenew, LeaseRevoke};
        let operations = [LeaseCreate, LeaseRead, LeaseRenew, LeaseRevoke].map(Scope::Operation);
        operations.into_iter().chain([Scope::AnyService]).collect()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut set = Self::default();
        scopes.into_iter().for_each(|scope| set.insert(scope));
        set
    }
}

impl FromStr for ScopeSet {
    type Err = ParseScopeError;

    fn from_str(text: &str) -> Result<Self, ParseScopeError> {
        text.split(' ').filter(|part| !part.is_empty()).map(str::parse).collect()
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, scope) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            scope.fmt(f)?;
        }
        Ok(())
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

const fn bit(operation: Operation) -> u16 {
    1 << operation as u16
}

const SERVICE_PREFIX: &str = "service:";

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::subsequence};

    use super::*;

    fn sets() -> impl Strategy<Value = ScopeSet> {
        let services = ["service:*", "service:jira", "service:todo", "service:tray"];
        let all: Vec<&str> = Operation::ALL.iter().map(|o| o.as_str()).chain(services).collect();
        let len = all.len();
        subsequence(all, 0..=len).prop_map(|texts| texts.join(" ").parse().expect("known scopes"))
    }

    proptest! {
        #[test]
        fn every_set_survives_its_text(set in sets()) {
            prop_assert_eq!(set.to_string().parse::<ScopeSet>(), Ok(set));
        }

        #[test]
        fn a_subset_allows_nothing_more(a in sets(), b in sets()) {
            let jira: ServiceName = "jira".parse().expect("a service");
            let more = Operation::ALL.iter().any(|o| a.allows(*o) && !b.allows(*o))
                || (a.allows_service(&jira) && !b.allows_service(&jira));
            prop_assert!(!(a.is_subset(&b) && more));
        }

        #[test]
        fn every_set_holds_itself_and_everything_holds_it(a in sets()) {
            prop_assert!(a.is_subset(&a) && a.is_subset(&ScopeSet::everything()));
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = text.parse::<ScopeSet>();
        }
    }

    #[test]
    fn unknown_scopes_are_named() {
        let error = "lease:create lease:fly".parse::<ScopeSet>();
        assert_eq!(error, Err(ParseScopeError("lease:fly".to_owned())));
        assert!("service:".parse::<ScopeSet>().is_err());
        assert!("mcp:*".parse::<ScopeSet>().is_err());
    }
}
