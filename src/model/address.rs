//! Public addresses: whether a URL that somebody deposits may be dialled at all.
//!
//! Owns the judgement of what is written: literal addresses in every spelling, and names that never lead outside. It
//! asks no DNS: a public name may still point at a private address, which whoever dials has to check on the address
//! that was resolved, with [`is_public`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Where a deposited URL may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Anywhere, plain HTTP and this machine included: development.
    Anywhere,
    /// Public hosts, by HTTPS alone.
    #[default]
    Public,
}

/// Why a URL is refused. The texts never repeat it: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Something follows `#`.
    #[error("must not have a fragment (`#…`)")]
    Fragment,
    /// It cannot be read, has no host, or a scheme other than `http` and `https`.
    #[error("not a URL: expected `https://host/path`")]
    Malformed,
    /// The host is this machine, this network, or something that no public name leads to.
    #[error("must lead to a public host, not to a private or reserved address or a local name")]
    NotPublic,
    /// Plain HTTP.
    #[error("must begin with `https://`")]
    Plain,
    /// A query would be lost, or would hold a secret.
    #[error("must not have a query (`?…`)")]
    Query,
    /// It is longer than 2,048 bytes.
    #[error("at most {MAX_URL_BYTES} bytes")]
    TooLong,
    /// A name or a password stands before the host.
    #[error("must not have a user or a password before the host")]
    UserInfo,
}

/// Checks a base URL as it was written. Any port is good: self-hosted services listen where they like, and HTTPS alone
/// is spoken there.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_url(text: &str, reach: Reach) -> Result<(), UrlError> {
    if text.len() > MAX_URL_BYTES {
        return Err(UrlError::TooLong);
    }
    // The parser drops tabs and line breaks, and spaces at the ends; what is stored must be what was judged.
    if text.bytes().any(|byte| byte.is_ascii_control() || byte == b' ' || byte == b'\\') {
        return Err(UrlError::Malformed);
    }
    let url = Url::parse(text).map_err(|_| UrlError::Malformed)?;
    if url.host().is_none() || !matches!(url.scheme(), "http" | "https") {
        return Err(UrlError::Malformed);
    }
    // An empty user shows in the text alone.
    if text.split(['/', '?', '#']).nth(2).is_some_and(|authority| authority.contains('@')) {
        return Err(UrlError::UserInfo);
    }
    if url.fragment().is_some() {
        return Err(UrlError::Fragment);
    }
    if url.query().is_some() {
        return Err(UrlError::Query);
    }
    check_host(&url, reach)
}

/// A base URL as it is kept when its path is known: with a scheme, and the path at its end once. Plain HTTP becomes HTTPS
/// where nothing else may be asked. What comes out is checked like any other.
#[must_use]
pub fn normal_url(text: &str, path: &str, reach: Reach) -> String {
    let text = text.trim();
    let text = match text.split_once("://") {
        None => format!("https://{text}"),
        Some((scheme, rest)) if reach == Reach::Public && scheme.eq_ignore_ascii_case("http") => {
            format!("https://{rest}")
        }
        Some(_) => text.to_owned(),
    };
    let mut base = text.trim_end_matches('/');
    while let Some(shorter) = base.strip_suffix(path) {
        base = shorter.trim_end_matches('/');
    }
    format!("{base}{path}")
}

/// Checks where a URL leads, whatever its path and its query.
///
/// # Errors
/// [`UrlError::Malformed`], [`UrlError::Plain`] or [`UrlError::NotPublic`].
pub fn check_host(url: &Url, reach: Reach) -> Result<(), UrlError> {
    let host = url.host().ok_or(UrlError::Malformed)?;
    match (reach, url.scheme()) {
        (Reach::Public, "http") => Err(UrlError::Plain),
        (Reach::Public, "https") if !is_public_host(&host) => Err(UrlError::NotPublic),
        (_, "http" | "https") => Ok(()),
        _ => Err(UrlError::Malformed),
    }
}

/// Whether an address is one of the public Internet: for literals, and for what a name resolved to.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !PRIVATE_V4.iter().any(|network| network.holds(address)),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_host(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => is_public_name(name),
        Host::Ipv4(address) => is_public(IpAddr::V4(*address)),
        Host::Ipv6(address) => is_public(IpAddr::V6(*address)),
    }
}

/// Whether a name can be one of the public Internet: it has a dot, and no ending that is reserved for local use.
fn is_public_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_local = |ending: &str| name.strip_suffix(ending).is_some_and(|rest| rest.ends_with('.'));
    name.contains('.') && !LOCAL_ENDINGS.iter().any(|ending| is_local(ending))
}

/// Global unicast alone (RFC 4291), without what the registry of special purposes takes from it. Everything that carries
/// an IPv4 address inside, or is mapped from one, lies outside.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let within = |network: u128, prefix: u32| bits >> (128 - prefix) == network >> (128 - prefix);
    within(0x2000 << 112, 3) && !SPECIAL_V6.iter().any(|(network, prefix)| within(*network, *prefix))
}

/// An IPv4 network.
struct Network(Ipv4Addr, u32);

impl Network {
    fn holds(&self, address: Ipv4Addr) -> bool {
        let Self(network, prefix) = self;
        address.to_bits() >> (32 - prefix) == network.to_bits() >> (32 - prefix)
    }
}

/// The longest URL that is kept.
const MAX_URL_BYTES: usize = 2_048;

/// Not public (IANA's registry of special-purpose addresses, RFC 6890, and multicast).
const PRIVATE_V4: &[Network] = &[
    Network(Ipv4Addr::UNSPECIFIED, 8),
    Network(Ipv4Addr::new(10, 0, 0, 0), 8),
    Network(Ipv4Addr::new(100, 64, 0, 0), 10),
    Network(Ipv4Addr::new(127, 0, 0, 0), 8),
    // Metadata services of clouds are here.
    Network(Ipv4Addr::new(169, 254, 0, 0), 16),
    // And the one that Azure keeps among public addresses.
    Network(Ipv4Addr::new(168, 63, 129, 16), 32),
    Network(Ipv4Addr::new(172, 16, 0, 0), 12),
    Network(Ipv4Addr::new(192, 0, 0, 0), 24),
    Network(Ipv4Addr::new(192, 0, 2, 0), 24),
    Network(Ipv4Addr::new(192, 88, 99, 0), 24),
    Network(Ipv4Addr::new(192, 168, 0, 0), 16),
    Network(Ipv4Addr::new(198, 18, 0, 0), 15),
    Network(Ipv4Addr::new(198, 51, 100, 0), 24),
    Network(Ipv4Addr::new(203, 0, 113, 0), 24),
    Network(Ipv4Addr::new(224, 0, 0, 0), 4),
    Network(Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Parts of `2000::/3` that are not public: protocol assignments with Teredo, documentation, 6to4.
const SPECIAL_V6: &[(u128, u32)] =
    &[(0x2001 << 112, 23), (0x2001_0db8 << 96, 32), (0x2002 << 112, 16), (0x3fff << 112, 20)];

/// Endings of names that don't lead outside (RFC 6761, 6762, 8375, 9476, and what private networks use).
const LOCAL_ENDINGS: &[&str] = &[
    "alt",
    "arpa",
    "corp",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
];

#[cfg(test)]
mod tests {
    #[test]
    fn a_known_path_stands_at_the_end_once() {
        const WANTED: &str = "https://loja.example/web_api";
        for text in [
            "loja.example/web_api/",
            "https://loja.example",
            "https://loja.example/web_api/web_api",
            "https://loja.example/web_api//",
            "http://loja.example/web_api",
        ] {
            assert_eq!(normal_url(text, "/web_api", Reach::Public), WANTED, "{text}");
        }
        let plain = "http://127.0.0.1:9/s/1/web_api";
        assert_eq!(normal_url(plain, "/web_api", Reach::Anywhere), plain);
    }

    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) -> Result<(), UrlError> {
        check_url(text, Reach::Public)
    }

    #[test]
    fn public_urls_are_good() {
        for text in [
            "https://dev-team.atlassian.net",
            "https://loja.example/web_api",
            "https://jira.example.com:8443/jira/",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
            "https://müller.example/",
            "https://local.example.com",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_leads_inside_is_refused_in_every_spelling() {
        for text in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://017700000001/",
            "https://127.1",
            "https://10.1.2.3",
            "https://172.31.0.1",
            "https://192.168.0.1",
            "https://100.64.0.1",
            "https://169.254.169.254/latest/meta-data/",
            "https://168.63.129.16/",
            "https://0.0.0.0",
            "https://255.255.255.255",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:8.8.8.8]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[2001:0:1::]/",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1]/",
            "https://[ff02::1]/",
            "https://localhost",
            "https://LOCALHOST.",
            "https://api.localhost/",
            "https://jira.local",
            "https://metadata.google.internal/",
            "https://router.home.arpa",
            "https://intranet/",
            "https://１２７.0.0.1/",
        ] {
            assert_eq!(check(text), Err(UrlError::NotPublic), "{text}");
            assert_eq!(check_url(text, Reach::Anywhere), Ok(()), "{text}");
        }
    }

    #[test]
    fn each_other_fault_has_its_name() {
        for (text, error) in [
            ("http://api.example.com", UrlError::Plain),
            ("https://ann:secret@api.example.com", UrlError::UserInfo),
            ("https://@api.example.com", UrlError::UserInfo),
            ("https://api.example.com/#top", UrlError::Fragment),
            ("https://api.example.com/?token=x", UrlError::Query),
            ("https://api.example.com/?", UrlError::Query),
            ("ftp://api.example.com", UrlError::Malformed),
            ("https://", UrlError::Malformed),
            ("api.example.com", UrlError::Malformed),
            ("javascript:alert(1)", UrlError::Malformed),
            ("https://api.example.com\r\nHost: x", UrlError::Malformed),
            (" https://api.example.com", UrlError::Malformed),
            ("https:\\\\api.example.com", UrlError::Malformed),
            ("", UrlError::Malformed),
        ] {
            assert_eq!(check(text), Err(error), "{text:?}");
        }
        let long = format!("https://api.example.com/{}", "a".repeat(MAX_URL_BYTES));
        assert_eq!(check(&long), Err(UrlError::TooLong));
        assert_eq!(check_url("http://127.0.0.1:3000/", Reach::Anywhere), Ok(()));
        assert_eq!(check_url("file:///etc/passwd", Reach::Anywhere), Err(UrlError::Malformed));
    }

    proptest! {
        #[test]
        fn no_spelling_of_an_address_hides_it(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let public = is_public(IpAddr::V4(address));
            for host in [address.to_string(), bits.to_string(), format!("{bits:#x}"), format!("0{bits:o}")] {
                prop_assert_eq!(check(&format!("https://{host}/")).is_ok(), public, "{}", host);
            }
            let mapped = format!("https://[{}]/", address.to_ipv6_mapped());
            prop_assert!(check(&mapped).is_err());
        }

        #[test]
        fn what_the_standard_library_calls_special_is_not_public(bits: u32, high: u64, low: u64) {
            let v4 = Ipv4Addr::from_bits(bits);
            if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_documentation() {
                prop_assert!(!is_public(v4.into()));
            }
            let v6 = Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low));
            if v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_multicast() {
                prop_assert!(!is_public(v6.into()));
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let _ = check(&text);
            let _ = check(&format!("https://{text}"));
        }
    }
}
