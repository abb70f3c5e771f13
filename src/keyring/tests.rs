//! What the keyring promises: fixed bytes, nothing altered or moved opens, several root keys, nothing shown.
//!
//! The golden values were computed apart, with another implementation of AES-GCM and HMAC.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::{seal::SealingKey, *};
use crate::{
    entropy::SeededEntropy,
    model::{
        id::{Id, OrganizationId, RANDOM_BYTES, UserId},
        instant::Instant,
        secret::SecretText,
    },
};

/// The bytes `00 01 … 1f`.
const ROOT_1: &str = "root-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const ROOT_2: &str = "root-2://79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=";
const PLAINTEXT: &[u8] = b"hunter2";

fn keyring_of(roots: &str) -> Keyring {
    let roots = RootKeys::parse(&SecretText::new(roots.to_owned())).unwrap();
    Keyring::new(roots, Arc::new(SeededEntropy::new(1)))
}

fn keyring() -> Keyring {
    keyring_of(ROOT_1)
}

fn id<I: Id>(number: u8) -> I {
    let mut random = [0; RANDOM_BYTES];
    random[RANDOM_BYTES - 1] = number;
    I::from_parts(Instant::from_micros(0), random)
}

fn context() -> Context<'static> {
    Context { table: "credentials", owner: Owner::System, row: "crd_1", column: "secret", version: 3 }
}

fn sealed(hex: &str) -> Sealed {
    Sealed::from_envelope(HEXLOWER.decode(hex.as_bytes()).unwrap()).unwrap()
}

/// Every envelope that differs in one bit.
fn flipped(sealed: &Sealed) -> impl Iterator<Item = Vec<u8>> {
    let bytes = sealed.as_bytes().to_vec();
    (0..bytes.len() * 8).map(move |bit| {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    })
}

#[test]
fn an_envelope_of_known_key_and_nonce_is_fixed() {
    let key = SealingKey::new("root-1", &std::array::from_fn(|i| u8::try_from(i).unwrap()));
    let nonce = std::array::from_fn(|i| 0x40 + u8::try_from(i).unwrap());
    let expected = "0106726f6f742d31404142434445464748494a4b8accc057434eb53a9e98209540d96810e37a0caf1d8a8c";
    assert_eq!(HEXLOWER.encode(key.seal(&nonce, &context(), PLAINTEXT).as_bytes()), expected);
    assert_eq!(key.open(&context(), &sealed(expected)).unwrap().expose(), PLAINTEXT);
}

#[test]
fn a_data_key_and_its_envelopes_are_fixed_under_seeded_entropy() {
    let keyring = keyring();
    let (key, wrapped) = keyring.new_data_key(Owner::System, id(0));
    let expected = concat!(
        "0106726f6f742d315aa4d5cd5734c6dc57c7fd800e4abb83684f4fc310ad58e57f5727965dca94a9",
        "bba1a0c80c1ef6259d94a1596cf62d45a365c3cfb0307d132d6e1530"
    );
    assert_eq!(HEXLOWER.encode(wrapped.as_bytes()), expected);
    let value = keyring.seal(&key, &context(), PLAINTEXT);
    let expected = concat!(
        "011e646b795f303030303030303030316f303130303030303030303030303030",
        "c6082264c0f6a09f569cd03bd8a63c931ad444b6f9bdd3624f1146bca535db972cc73b"
    );
    assert_eq!(HEXLOWER.encode(value.as_bytes()), expected);
    assert_eq!(data_key_of(&value), Ok(key.id()));
}

#[test]
fn a_stored_data_key_opens_what_it_sealed() {
    let keyring = keyring();
    let (key, wrapped) = keyring.new_data_key(Owner::User(id(1)), id(1));
    let value = keyring.seal(&key, &context(), PLAINTEXT);
    let again = keyring.unwrap_data_key(id(1), Owner::User(id(1)), &wrapped).unwrap();
    assert_eq!(keyring.open(&again, &context(), &value).unwrap().expose(), PLAINTEXT);
}

#[test]
fn no_flipped_bit_opens() {
    let keyring = keyring();
    let (key, wrapped) = keyring.new_data_key(Owner::System, id(0));
    let value = keyring.seal(&key, &context(), PLAINTEXT);
    for bytes in flipped(&value) {
        let opened = Sealed::from_envelope(bytes).map(|changed| keyring.open(&key, &context(), &changed));
        assert!(!matches!(opened, Ok(Ok(_))), "{opened:?}");
    }
    for bytes in flipped(&wrapped) {
        let changed = Sealed::from_envelope(bytes);
        let opened = changed.map(|changed| keyring.unwrap_data_key(id(0), Owner::System, &changed));
        assert!(!matches!(opened, Ok(Ok(_))), "{opened:?}");
    }
}

#[test]
fn no_cut_or_lengthened_envelope_opens() {
    let keyring = keyring();
    let (key, _) = keyring.new_data_key(Owner::System, id(0));
    let whole = keyring.seal(&key, &context(), PLAINTEXT).as_bytes().to_vec();
    let longer = [whole.as_slice(), &[0]].concat();
    let cut = (0..whole.len()).map(|len| whole[..len].to_vec());
    for bytes in cut.chain([longer]) {
        let opened = Sealed::from_envelope(bytes).map(|changed| keyring.open(&key, &context(), &changed));
        assert!(!matches!(opened, Ok(Ok(_))), "{opened:?}");
    }
}

#[test]
fn a_value_moved_anywhere_does_not_open() {
    let keyring = keyring();
    let (key, _) = keyring.new_data_key(Owner::System, id(0));
    let value = keyring.seal(&key, &context(), PLAINTEXT);
    for moved in [
        Context { table: "signing_keys", ..context() },
        Context { owner: Owner::User(id::<UserId>(1)), ..context() },
        Context { owner: Owner::Organization(id::<OrganizationId>(1)), ..context() },
        Context { row: "crd_2", ..context() },
        Context { column: "refresh_token", ..context() },
        Context { version: 4, ..context() },
    ] {
        assert_eq!(keyring.open(&key, &moved, &value), Err(KeyringError::Tampered), "{moved:?}");
    }
    assert!(keyring.open(&key, &context(), &value).is_ok());
}

#[test]
fn a_wrapped_key_serves_its_owner_and_row_alone() {
    let keyring = keyring();
    let (_, wrapped) = keyring.new_data_key(Owner::System, id(0));
    for (row, owner) in [(0, Owner::User(id(0))), (1, Owner::System)] {
        let unwrapped = keyring.unwrap_data_key(id(row), owner, &wrapped);
        assert_eq!(unwrapped.err(), Some(KeyringError::Tampered));
    }
}

#[test]
fn another_data_key_does_not_open_a_value() {
    let keyring = keyring();
    let (first, _) = keyring.new_data_key(Owner::System, id(0));
    let (second, _) = keyring.new_data_key(Owner::System, id(1));
    let (namesake, _) = keyring.new_data_key(Owner::System, id(0));
    let value = keyring.seal(&first, &context(), PLAINTEXT);
    let unknown = KeyringError::UnknownKey { key_id: first.id().to_string() };
    assert_eq!(keyring.open(&second, &context(), &value), Err(unknown));
    assert_eq!(keyring.open(&namesake, &context(), &value), Err(KeyringError::Tampered));
}

#[test]
fn root_keys_rotate_with_overlap() {
    let (_, wrapped) = keyring().new_data_key(Owner::System, id(0));
    let both = keyring_of(&format!("{ROOT_2},{ROOT_1}"));
    let before = both.unwrap_data_key(id(0), Owner::System, &wrapped).unwrap();
    let value = both.seal(&before, &context(), PLAINTEXT);

    let rewrapped = both.rewrap_data_key(id(0), Owner::System, &wrapped).unwrap().unwrap();
    assert_eq!(rewrapped.envelope().unwrap().key_id, "root-2");
    assert_eq!(both.rewrap_data_key(id(0), Owner::System, &rewrapped), Ok(None));

    let only_new = keyring_of(ROOT_2);
    let after = only_new.unwrap_data_key(id(0), Owner::System, &rewrapped).unwrap();
    assert_eq!(only_new.open(&after, &context(), &value).unwrap().expose(), PLAINTEXT);
}

#[test]
fn a_missing_or_wrong_root_key_is_told_apart() {
    let (_, wrapped) = keyring().new_data_key(Owner::System, id(0));
    let missing = keyring_of(ROOT_2).unwrap_data_key(id(0), Owner::System, &wrapped).unwrap_err();
    assert_eq!(missing, KeyringError::UnknownKey { key_id: "root-1".to_owned() });
    assert_eq!(missing.to_string(), r#"sealed under the key "root-1", which is not at hand"#);
    let namesake = keyring_of(&ROOT_2.replace("root-2", "root-1"));
    let wrong = namesake.unwrap_data_key(id(0), Owner::System, &wrapped);
    assert_eq!(wrong.err(), Some(KeyringError::Tampered));
    let rewrapped = keyring_of(ROOT_2).rewrap_data_key(id(0), Owner::System, &wrapped);
    assert_eq!(rewrapped, Err(missing));
}

#[test]
fn something_else_in_a_key_s_place_is_no_key() {
    let keyring = keyring();
    let short = keyring.wrap(id(0), Owner::System, &[1; 31]);
    let unwrapped = keyring.unwrap_data_key(id(0), Owner::System, &short);
    assert_eq!(unwrapped.err(), Some(KeyringError::Malformed));
    let value = keyring.root_keys().first().seal(&[0; 12], &context(), b"");
    assert_eq!(data_key_of(&value), Err(KeyringError::UnknownKey { key_id: "root-1".to_owned() }));
}

#[test]
fn rewrapping_changes_the_key_and_keeps_the_place() {
    let keyring = keyring();
    let (from, _) = keyring.new_data_key(Owner::System, id(0));
    let (to, _) = keyring.new_data_key(Owner::System, id(1));
    let old = keyring.seal(&from, &context(), PLAINTEXT);
    let new = keyring.rewrap(&from, &to, &context(), &old).unwrap();
    assert_eq!(keyring.open(&to, &context(), &new).unwrap().expose(), PLAINTEXT);
    assert!(keyring.open(&from, &context(), &new).is_err());
    let moved = Context { row: "crd_2", ..context() };
    assert_eq!(keyring.rewrap(&from, &to, &moved, &old), Err(KeyringError::Tampered));
}

#[test]
fn debug_shows_ids_alone() {
    let keyring = keyring();
    let (key, _) = keyring.new_data_key(Owner::System, id(0));
    assert_eq!(format!("{keyring:?}"), r#"Keyring { root: RootKeys["root-1"], .. }"#);
    assert_eq!(format!("{key:?}"), "DataKey(dky_0000000001o010000000000000)");
    assert_eq!(format!("{:?}", key.sealing()), "SealingKey(dky_0000000001o010000000000000)");
}

proptest! {
    #[test]
    fn every_value_opens_as_it_was(value: Vec<u8>, row in ".{0,20}", version: i64) {
        let keyring = keyring();
        let (key, _) = keyring.new_data_key(Owner::System, id(0));
        let context = Context { row: &row, version, ..context() };
        let sealed = keyring.seal(&key, &context, &value);
        let sealed = Sealed::from_envelope(sealed.as_bytes().to_vec()).unwrap();
        let opened = keyring.open(&key, &context, &sealed).unwrap();
        prop_assert_eq!(opened.expose(), value.as_slice());
        let again = keyring.seal(&key, &context, &value);
        prop_assert_ne!(again.as_bytes(), sealed.as_bytes());
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let keyring = keyring();
        if let Ok(sealed) = Sealed::from_envelope(bytes) {
            prop_assert!(keyring.unwrap_data_key(id(0), Owner::System, &sealed).is_err());
        }
    }
}
