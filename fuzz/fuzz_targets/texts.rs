//! The other texts that are read: scopes, ids, owners, instants, roles, digests, tokens' kinds, keys, addresses. What
//! is read and written again reads as the same.
#![no_main]

use std::{
    fmt::{Debug, Display},
    str::FromStr,
};

use leasehold::{
    config::{DatabaseUrl, PublicUrl},
    keyring::{
        digest::TokenDigest,
        machine_secret::{SecretKind, mask},
        root::RootKeys,
    },
    model::{
        id::{LeaseId, UserId},
        instant::Instant,
        organization::{Role, SharingEntry},
        owner::Owner,
        principal::Principal,
        scope::{Scope, ScopeSet},
        secret::SecretText,
    },
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    let Some(first) = data.bytes().next() else { return };
    let Some(text) = data.get(1..) else { return };
    match first {
        b's' => survives::<ScopeSet>(text),
        b'S' => survives::<Scope>(text),
        b'i' => survives::<LeaseId>(text),
        b'u' => survives::<UserId>(text),
        b'o' => survives::<Owner>(text),
        b'p' => survives::<Principal>(text),
        b't' => survives::<Instant>(text),
        b'r' => survives::<Role>(text),
        b'R' => survives::<SharingEntry>(text),
        b'd' => survives::<TokenDigest>(text),
        b'D' => drop(text.parse::<DatabaseUrl>()),
        b'U' => survives::<PublicUrl>(text),
        b'k' => drop(RootKeys::parse(&SecretText::new(text.to_owned()))),
        _ => {
            let kind = SecretKind::of(text);
            assert!(kind.is_none_or(|kind| text.starts_with(kind.prefix())));
            let masked = mask(text);
            assert!(text.len() < 16 || !masked.contains(text), "a masked token shows the whole");
            let _ = TokenDigest::of(text);
        }
    }
});

fn survives<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    let Ok(read) = text.parse::<T>() else { return };
    let again = read.to_string().parse::<T>().ok();
    assert_eq!(again.as_ref(), Some(&read), "{text:?}");
}
