//! `[egress]`: where the broker, and the URLs of credentials, may lead.

use serde::Deserialize;

/// Where calls to other services may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EgressConfig {
    /// Whether URLs of credentials may be plain HTTP and lead to private addresses.
    pub allow_private: bool,
}
