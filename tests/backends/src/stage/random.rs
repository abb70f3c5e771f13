//! Random texts: tokens, codes, ids.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};

/// `2 N` hexadecimal digits.
pub(crate) fn hex<const N: usize>() -> String {
    HEXLOWER.encode(&bytes::<N>())
}

/// `N` bytes as Python's `token_urlsafe(N)` writes them.
pub(crate) fn url_safe<const N: usize>() -> String {
    BASE64URL_NOPAD.encode(&bytes::<N>())
}

/// In the form of a UUID of version 4.
pub(crate) fn uuid() -> String {
    let digits = hex::<16>();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// What stands for a secret where the secret itself must not: equal secrets have equal fingerprints.
#[must_use]
pub fn fingerprint(secret: &str) -> String {
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    let short = digest.as_ref().get(..8).unwrap_or_default();
    format!("sha256:{}", HEXLOWER.encode(short))
}

#[expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "this file is where randomness enters, and the kernel's generator does not fail"
)]
fn bytes<const N: usize>() -> [u8; N] {
    let mut buffer = [0; N];
    SystemRandom::new().fill(&mut buffer).expect("the operating system gives random bytes");
    buffer
}
