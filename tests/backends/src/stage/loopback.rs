//! Whether an address is this machine's own. Stand-ins send nobody, and nothing, anywhere else.

use url::{Host, Url};

/// Whether the URL's host is a loopback address, or `localhost`.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
