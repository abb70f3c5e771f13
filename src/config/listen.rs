//! `[http]` and `[grpc]`: where the listeners listen.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use serde::{Deserialize, Deserializer};

use super::problem::Problem;

/// One listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenConfig {
    /// The address to bind; port 0 picks a free one.
    pub address: SocketAddr,
    /// Whether plain HTTP is meant on an address that other machines can reach, because something in front of the
    /// broker speaks TLS.
    pub plain_off_loopback: bool,
}

impl ListenConfig {
    /// A listener at this address, plain on loopback only.
    #[must_use]
    pub const fn at(address: SocketAddr) -> Self {
        Self { address, plain_off_loopback: false }
    }

    pub(super) fn check(&self, section: &str, has_tls: bool, problems: &mut Vec<Problem>) {
        if has_tls || self.plain_off_loopback || self.address.ip().to_canonical().is_loopback() {
            return;
        }
        let upper = section.to_ascii_uppercase();
        let message = format!(
            "is {}, which other machines can reach, without TLS; set `tls.certificate` and `tls.key`, or, if a proxy \
             in front speaks TLS, `{section}.plain_off_loopback = true` (LEASEHOLD_{upper}_PLAIN_OFF_LOOPBACK=true)",
            self.address
        );
        problems.push(Problem::setting(&format!("{section}.address"), message));
    }
}

/// Reads `[http]`.
pub(super) fn http<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ListenConfig, D::Error> {
    Section::deserialize(deserializer).map(|section| section.or(DEFAULT_HTTP))
}

/// Reads `[grpc]`.
pub(super) fn grpc<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ListenConfig, D::Error> {
    Section::deserialize(deserializer).map(|section| section.or(DEFAULT_GRPC))
}

/// The section as written; the two listeners differ in their default address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    address: Option<SocketAddr>,
    #[serde(default)]
    plain_off_loopback: bool,
}

impl Section {
    fn or(self, address: SocketAddr) -> ListenConfig {
        let Self { address: written, plain_off_loopback } = self;
        ListenConfig { address: written.unwrap_or(address), plain_off_loopback }
    }
}

/// Where HTTP is served unless something else is said.
pub(super) const DEFAULT_HTTP: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 3978));

/// Where gRPC is served unless something else is said.
pub(super) const DEFAULT_GRPC: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 3979));
