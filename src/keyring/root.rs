//! Root keys: given by the operator, kept out of the database, wrapping the data keys.
//!
//! Owns their text format and the order among them (the first seals, all open). It must not know where the text
//! comes from: the environment or a mounted file.
//!
//! The text is `id:key` entries, separated by commas or line breaks; blanks around an entry, its id or its key and
//! empty entries are ignored. An id is 1 to 32 characters of `A-Z a-z 0-9 . _ -`; a key is the standard base64 of 32
//! bytes, with or without its `=`.

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD};
use zeroize::Zeroizing;

use super::seal::{KEY_LEN, SealingKey};
use crate::{entropy::Entropy, model::secret::SecretText};

/// At least one root key, in the operator's order. `Debug` shows ids; key material is wiped on drop.
pub struct RootKeys {
    first: SealingKey,
    others: Vec<SealingKey>,
}

/// The text of root keys is wrong. Entries are told by their number alone: what stands there may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RootKeysError {
    /// There is no entry.
    #[error("no root key is given: expected `id:base64`")]
    Empty,
    /// An entry has no colon.
    #[error("root key {entry}: expected `id:base64`, found no colon")]
    NoColon {
        /// Its number, from 1.
        entry: usize,
    },
    /// An id has the wrong form.
    #[error("root key {entry}: the id before the colon must be 1 to 32 characters of A-Z a-z 0-9 . _ -")]
    Id {
        /// Its number, from 1.
        entry: usize,
    },
    /// A key has the wrong form.
    #[error("root key {entry}: what follows the colon must be the base64 of exactly 32 bytes")]
    Key {
        /// Its number, from 1.
        entry: usize,
    },
    /// Two entries have the same id.
    #[error("root key {entry}: its id is that of an earlier entry")]
    DuplicateId {
        /// The number of the later one, from 1.
        entry: usize,
    },
}

impl RootKeys {
    /// Reads the text of root keys.
    ///
    /// # Errors
    /// [`RootKeysError`], naming the first entry that is wrong.
    pub fn parse(text: &SecretText) -> Result<Self, RootKeysError> {
        let mut keys: Vec<SealingKey> = Vec::new();
        let entries = text.expose().split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
        for (index, text) in entries.enumerate() {
            let entry = index + 1;
            let key = parse_entry(entry, text)?;
            if keys.iter().any(|earlier| earlier.id() == key.id()) {
                return Err(RootKeysError::DuplicateId { entry });
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(RootKeysError::Empty)?;
        Ok(Self { first, others: keys.collect() })
    }

    /// The ids, in the operator's order: the first is the one that seals.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.all().map(SealingKey::id)
    }

    pub(super) const fn first(&self) -> &SealingKey {
        &self.first
    }

    pub(super) fn find(&self, id: &str) -> Option<&SealingKey> {
        self.all().find(|key| key.id() == id)
    }

    fn all(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl fmt::Debug for RootKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKeys")?;
        f.debug_list().entries(self.ids()).finish()
    }
}

/// Makes a fresh root key and gives its text, `id:base64`, to stand alone or before the older entries.
///
/// # Errors
/// [`RootKeysError::Id`] when the id has the wrong form.
pub fn generate(id: &str, entropy: &dyn Entropy) -> Result<SecretText, RootKeysError> {
    if !is_id(id) {
        return Err(RootKeysError::Id { entry: 1 });
    }
    let bytes = Zeroizing::new(entropy.bytes::<KEY_LEN>());
    // At full size from the start, so that growing leaves no copy behind.
    let mut text = String::with_capacity(id.len() + 1 + BASE64.encode_len(KEY_LEN));
    text.push_str(id);
    text.push(':');
    BASE64.encode_append(bytes.as_slice(), &mut text);
    Ok(SecretText::new(text))
}

fn parse_entry(entry: usize, text: &str) -> Result<SealingKey, RootKeysError> {
    let (id, key) = text.split_once(':').ok_or(RootKeysError::NoColon { entry })?;
    let (id, key) = (id.trim_end(), key.trim_start());
    if !is_id(id) {
        return Err(RootKeysError::Id { entry });
    }
    let bytes = decode_key(key).ok_or(RootKeysError::Key { entry })?;
    Ok(SealingKey::new(id, &bytes))
}

fn is_id(text: &str) -> bool {
    (1..=ID_MAX_LEN).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn decode_key(text: &str) -> Option<Zeroizing<[u8; KEY_LEN]>> {
    let text = text.strip_suffix('=').unwrap_or(text);
    if BASE64_NOPAD.decode_len(text.len()) != Ok(KEY_LEN) {
        return None;
    }
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    BASE64_NOPAD.decode_mut(text.as_bytes(), bytes.as_mut_slice()).ok()?;
    Some(bytes)
}

const ID_MAX_LEN: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    const A: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const B: &str = "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=";

    fn parse(text: &str) -> Result<RootKeys, RootKeysError> {
        RootKeys::parse(&SecretText::new(text.to_owned()))
    }

    #[test]
    fn the_first_seals_and_all_are_found() {
        let keys = parse(&format!("new-1:{A},old.0:{B}")).unwrap();
        assert_eq!(keys.ids().collect::<Vec<_>>(), ["new-1", "old.0"]);
        assert_eq!(keys.first().id(), "new-1");
        assert!(keys.find("old.0").is_some() && keys.find("other").is_none());
    }

    #[test]
    fn a_mounted_file_may_break_lines() {
        let unpadded = B.trim_end_matches('=');
        for text in
            [format!("a:{A}\n"), format!("a:{A}\r\nb:{B}\r\n"), format!("\n a : {A} ,\n\tb:{unpadded},\n\n")]
        {
            let keys = parse(&text).unwrap();
            assert_eq!(keys.first().id(), "a", "{text}");
        }
    }

    #[test]
    fn wrong_texts_are_told_apart() {
        let long = "x".repeat(33);
        for (text, error) in [
            (String::new(), RootKeysError::Empty),
            (" ,\n".to_owned(), RootKeysError::Empty),
            (A.to_owned(), RootKeysError::NoColon { entry: 1 }),
            (format!(":{A}"), RootKeysError::Id { entry: 1 }),
            (format!("a b:{A}"), RootKeysError::Id { entry: 1 }),
            (format!("{long}:{A}"), RootKeysError::Id { entry: 1 }),
            (format!("{A}:a"), RootKeysError::Id { entry: 1 }),
            (format!("a:{A},b:"), RootKeysError::Key { entry: 2 }),
            (format!("a:{A}="), RootKeysError::Key { entry: 1 }),
            (format!("a:{}", &A[4..]), RootKeysError::Key { entry: 1 }),
            (format!("a:AAAA{A}"), RootKeysError::Key { entry: 1 }),
            (format!("a:{}", A.replace("8=", "9=")), RootKeysError::Key { entry: 1 }),
            (format!("a:{A} x"), RootKeysError::Key { entry: 1 }),
            (format!("a:{}", B.replace('/', "_")), RootKeysError::Key { entry: 1 }),
            (format!("a:{A},a:{B}"), RootKeysError::DuplicateId { entry: 2 }),
        ] {
            assert_eq!(parse(&text).err(), Some(error), "{text}");
        }
    }

    #[test]
    fn neither_errors_nor_debug_show_a_key() {
        let error = parse(&format!("{A}:a")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("AAEC"));
        assert_eq!(format!("{:?}", parse(&format!("a:{A},b:{B}")).unwrap()), r#"RootKeys["a", "b"]"#);
    }

    #[test]
    fn a_generated_key_parses_and_is_new_each_time() {
        let entropy = SeededEntropy::new(1);
        let first = generate("dev", &entropy).unwrap();
        assert_eq!(RootKeys::parse(&first).unwrap().ids().collect::<Vec<_>>(), ["dev"]);
        assert_ne!(generate("dev", &entropy).unwrap(), first);
        assert_eq!(generate("a:b", &entropy), Err(RootKeysError::Id { entry: 1 }));
    }
}
