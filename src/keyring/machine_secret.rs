//! Secrets of machines: tokens and client secrets, as the broker makes them.
//!
//! Owns their text form: a prefix that tells the kind, to people and to scanners for leaked secrets, and 256 random
//! bits in base64url (RFC 4648, section 5, unpadded: 43 characters). It must not know to whom one belongs.

use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::{entropy::Entropy, model::secret::SecretText};

/// The kinds of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// An OAuth client's secret, `lhs_…`.
    ClientSecret,
    /// What a link to connect an account carries, `lhc_…`.
    ConnectLink,
    /// An MCP token made by `leasehold dev`, `mcp_dev_…`.
    DevelopmentMcpToken,
    /// What an invitation's link carries, `lhi_…`.
    Invitation,
    /// An MCP token, `mcp_…`.
    McpToken,
}

impl SecretKind {
    /// What every secret of the kind begins with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::ClientSecret => "lhs_",
            Self::ConnectLink => "lhc_",
            Self::DevelopmentMcpToken => "mcp_dev_",
            Self::Invitation => "lhi_",
            Self::McpToken => "mcp_",
        }
    }

    /// Makes a new secret.
    #[must_use]
    pub fn generate(self, entropy: &dyn Entropy) -> SecretText {
        let bytes = Zeroizing::new(entropy.bytes::<RANDOM_BYTES>());
        // At full size from the start, so that growing leaves no copy behind.
        let mut text = String::with_capacity(self.prefix().len() + BODY_LEN);
        text.push_str(self.prefix());
        BASE64URL_NOPAD.encode_append(bytes.as_slice(), &mut text);
        SecretText::new(text)
    }

    /// The kind that a text has the form of. Tells nothing of whether such a secret exists.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        [Self::DevelopmentMcpToken, Self::McpToken, Self::ClientSecret, Self::ConnectLink, Self::Invitation]
            .into_iter()
            .find(|kind| text.strip_prefix(kind.prefix()).is_some_and(is_body))
    }
}

/// A secret, as lists show it: its prefix, six characters (36 of its 256 bits) and `…`. A text of no known form may
/// be anything, so that nothing of it is shown.
#[must_use]
pub fn mask(text: &str) -> String {
    let shown = SecretKind::of(text).and_then(|kind| text.get(..kind.prefix().len() + SHOWN_LEN));
    format!("{}…", shown.unwrap_or_default())
}

fn is_body(text: &str) -> bool {
    text.len() == BODY_LEN && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// 256 bits.
const RANDOM_BYTES: usize = 32;
/// 256 bits in base64url, unpadded.
const BODY_LEN: usize = 43;
const SHOWN_LEN: usize = 6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::SeededEntropy;

    const KINDS: [SecretKind; 4] = [
        SecretKind::ClientSecret,
        SecretKind::DevelopmentMcpToken,
        SecretKind::Invitation,
        SecretKind::McpToken,
    ];

    #[test]
    fn every_kind_is_known_by_its_form() {
        let entropy = SeededEntropy::new(1);
        for kind in KINDS {
            let secret = kind.generate(&entropy);
            assert_eq!(secret.expose().len(), kind.prefix().len() + BODY_LEN);
            assert_eq!(SecretKind::of(secret.expose()), Some(kind));
            assert_ne!(kind.generate(&entropy), secret);
        }
    }

    #[test]
    fn other_texts_are_of_no_kind() {
        let token = SecretKind::McpToken.generate(&SeededEntropy::new(1));
        let token = token.expose();
        for text in ["", "mcp_", "mcp_dev_", &token[1..], &token[..token.len() - 1], &format!("{token}A")] {
            assert_eq!(SecretKind::of(text), None, "{text}");
        }
        assert_eq!(SecretKind::of(&token.replacen("mcp_", "abc_", 1)), None);
        assert_eq!(SecretKind::of(&format!("mcp_{}", "+".repeat(BODY_LEN))), None);
    }

    #[test]
    fn masks_show_a_prefix_and_little_more() {
        for kind in KINDS {
            let secret = kind.generate(&SeededEntropy::new(1));
            let shown = &secret.expose()[..kind.prefix().len() + 6];
            assert_eq!(mask(secret.expose()), format!("{shown}…"));
        }
        assert_eq!(mask("hunter2"), "…");
        assert_eq!(mask("mcp_short"), "…");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(mcp_|mcp_dev_|lhs_)?.{0,60}") {
            let _ = mask(&text);
        }
    }
}
