//! Envelopes: parsing them, opening values, unwrapping data keys. Nothing opens but what was sealed.
#![no_main]

use std::sync::{Arc, LazyLock};

use leasehold::{
    entropy::SeededEntropy,
    keyring::{
        Keyring,
        context::Context,
        data_key::DataKey,
        data_key_of,
        root::{RootKeys, generate},
    },
    model::{
        id::{DataKeyId, Id as _, RANDOM_BYTES},
        instant::Instant,
        owner::Owner,
        sealed::Sealed,
    },
};
use leasehold_fuzz::choose;
use libfuzzer_sys::fuzz_target;

struct Safe {
    keyring: Keyring,
    key: DataKey,
    wrapped: Vec<u8>,
    sealed: Vec<u8>,
}

static SAFE: LazyLock<Safe> = LazyLock::new(|| {
    let entropy = Arc::new(SeededEntropy::new(1));
    let roots = RootKeys::parse(&generate("fuzz", &*entropy).expect("a root key")).expect("a root key");
    let keyring = Keyring::new(roots, entropy);
    let (key, wrapped) = keyring.new_data_key(OWNER, key_id());
    let sealed = keyring.seal(&key, &CONTEXT, b"plaintext");
    Safe { key, wrapped: wrapped.as_bytes().to_vec(), sealed: sealed.as_bytes().to_vec(), keyring }
});

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = choose(data, 4) else { return };
    let safe = &*SAFE;
    match mode {
        0 => open(safe, rest),
        1 => unwrap(safe, rest),
        2 => open(safe, &changed(&safe.sealed, rest)),
        _ => unwrap(safe, &changed(&safe.wrapped, rest)),
    }
});

fn open(safe: &Safe, bytes: &[u8]) {
    let Ok(sealed) = Sealed::from_envelope(bytes.to_vec()) else { return };
    assert_eq!(sealed.as_bytes(), bytes);
    let envelope = sealed.envelope().expect("what became a sealed value parses");
    assert!(bytes.ends_with(envelope.ciphertext));
    let _ = data_key_of(&sealed);
    let opened = safe.keyring.open(&safe.key, &CONTEXT, &sealed);
    assert_eq!(opened.is_ok(), bytes == safe.sealed);
}

fn unwrap(safe: &Safe, bytes: &[u8]) {
    let Ok(sealed) = Sealed::from_envelope(bytes.to_vec()) else { return };
    let unwrapped = safe.keyring.unwrap_data_key(key_id(), OWNER, &sealed);
    assert_eq!(unwrapped.is_ok(), bytes == safe.wrapped);
    let _ = safe.keyring.rewrap_data_key(key_id(), OWNER, &sealed);
}

/// Each pair of bytes changes one byte of the whole: where, and what is laid over it. An odd byte cuts the end.
fn changed(whole: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for pair in changes.chunks(2) {
        match pair {
            [at, over] => {
                let at = usize::from(*at) % bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= over;
                }
            }
            [cut] => bytes.truncate(bytes.len().saturating_sub(usize::from(*cut))),
            _ => {}
        }
    }
    bytes
}

fn key_id() -> DataKeyId {
    DataKeyId::from_parts(Instant::from_micros(1_772_323_200_000_000), [7; RANDOM_BYTES])
}

const OWNER: Owner = Owner::System;
const CONTEXT: Context<'static> =
    Context { table: "credentials", owner: OWNER, row: "crd_1", column: "values", version: 1 };
