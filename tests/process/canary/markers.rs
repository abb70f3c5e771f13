//! The secrets, and all the forms in which each would give itself away.

use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER, HEXUPPER};

use crate::harness::Site;

/// Everything that must not be found.
pub(super) struct Markers(Vec<Marker>);

struct Marker {
    name: String,
    /// Bytes, any of which tells the secret.
    forms: Vec<Vec<u8>>,
}

impl Markers {
    /// What a development site begins with: credentials, tokens, root key.
    pub(super) fn of(site: &Site) -> Self {
        let mut markers = Self(Vec::new());
        for value in CREDENTIALS {
            markers.add(value, value);
        }
        let env = site.env();
        for name in ["MCP_TOKEN", "ADMIN_TOKEN", "OAUTH_CLIENT_SECRET"] {
            markers.add(name, &env[name]);
        }
        let basic = format!("{}:{}", env["OAUTH_CLIENT_ID"], env["OAUTH_CLIENT_SECRET"]);
        markers.add("the header of HTTP Basic", &BASE64.encode(basic.as_bytes()));
        let keys = site.root_keys();
        let (_, key) = keys.split_once(':').expect("id:key");
        markers.add("root key, as text", key.trim_end_matches('='));
        let bytes = BASE64.decode(key.as_bytes()).expect("base64");
        markers.0.push(Marker { name: "root key, as bytes".to_owned(), forms: forms(&bytes) });
        markers
    }

    /// One more secret.
    pub(super) fn add(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= 12, "{name} is too short to be told from chance");
        self.0.push(Marker { name: name.to_owned(), forms: forms(secret.as_bytes()) });
    }

    /// An access token: its signature is what makes it one. The parts before it are a header and claims, which are no
    /// secrets, but have no business anywhere either.
    pub(super) fn add_access_token(&mut self, token: &str) {
        let (signed, signature) = token.rsplit_once('.').expect("a JWT");
        self.add("an access token's signature", signature);
        self.add("an access token's claims", signed);
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// What of it is in the bytes, with what stands around it.
    pub(super) fn found_in(&self, place: &str, bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for marker in &self.0 {
            for form in &marker.forms {
                if let Some(at) = position(bytes, form) {
                    let around = &bytes[at.saturating_sub(120)..(at + form.len() + 40).min(bytes.len())];
                    found.push(format!("{place}: {}: …{}…", marker.name, String::from_utf8_lossy(around)));
                    break;
                }
            }
        }
        found
    }

    /// A search that finds nothing anywhere would prove nothing.
    pub(super) fn check_that_the_search_finds(&self) {
        for marker in &self.0 {
            for form in &marker.forms {
                let text = [b"something before ".as_slice(), form, b" and after"].concat();
                assert!(!self.found_in("here", &text).is_empty(), "{} is not found", marker.name);
            }
        }
    }
}

fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let base64 = BASE64_NOPAD.encode(secret);
    let mut forms = vec![
        secret.to_vec(),
        HEXLOWER.encode(secret).into_bytes(),
        HEXUPPER.encode(secret).into_bytes(),
        // The last character depends on what follows.
        base64.as_bytes()[..base64.len() - 2].to_vec(),
    ];
    if let Ok(text) = std::str::from_utf8(secret) {
        // As `Debug` writes bytes.
        let numbers: Vec<String> = text.bytes().take(8).map(|byte| byte.to_string()).collect();
        forms.push(numbers.join(", ").into_bytes());
    }
    forms
}

fn position(bytes: &[u8], form: &[u8]) -> Option<usize> {
    let (first, rest) = form.split_first()?;
    let starts = bytes.iter().enumerate().filter(|(_, byte)| *byte == first);
    starts.map(|(at, _)| at).find(|at| bytes[at + 1..].starts_with(rest))
}

/// As `leasehold dev` deposits them.
const CREDENTIALS: [&str; 6] = [
    "dev-todoist-token",
    "dev-openai-key",
    "dev-gmail-token",
    "dev-jira-token",
    "dev-notion-token",
    "dev-sentry-token",
];
