//! Grants: what an authorization server remembers. A grant is one consent; its access and refresh tokens form a family
//! that ends together.
//!
//! Owns rotation and what happens when a used refresh token comes again. It knows no wire format.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// What becomes of a refresh token that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// It is used up. When it comes again, the whole grant ends, as RFC 9700 has it.
    Strict,
    /// Used up too, but for so many seconds it gets the same new tokens again, unless these were used meanwhile.
    Grace(i64),
    /// It stays as it is, and no new one is issued.
    None,
}

/// Who consented to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) client: String,
    /// The account, user or store; `None` for a client's own tokens.
    pub(crate) account: Option<String>,
    pub(crate) scope: String,
}

/// How new tokens read, and how long they last in seconds.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) access_s: i64,
    pub(crate) refresh_s: i64,
}

/// An access token, and what came with it. Times are seconds since 1970.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) access_ends: i64,
    /// New, or the one that was used; none for a client's own tokens.
    pub(crate) refresh: Option<String>,
    pub(crate) refresh_ends: i64,
    pub(crate) grant: Grant,
}

/// A refresh that was granted.
#[derive(Debug)]
pub(crate) enum Refreshed {
    /// With new tokens.
    Anew(Pair),
    /// With the tokens of the time before.
    Again(Pair),
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Unknown,
    Expired,
    /// Used before; the grant has ended, if it had not.
    Reused,
}

/// Every grant of a stand-in.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    next: u64,
    families: HashMap<u64, Grant>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
}

#[derive(Debug)]
struct Access {
    family: u64,
    ends: i64,
}

#[derive(Debug)]
struct Refresh {
    family: u64,
    ends: i64,
    /// When it was used, and for what.
    used: Option<(i64, Pair)>,
}

impl Grants {
    /// A new grant with its first tokens.
    pub(crate) fn open(&mut self, grant: Grant, terms: Terms, now: i64) -> Pair {
        self.next += 1;
        self.families.insert(self.next, grant.clone());
        self.mint(self.next, grant, terms, now)
    }

    /// A client's own access token, without a refresh token.
    pub(crate) fn open_access(&mut self, grant: Grant, terms: Terms, now: i64) -> Pair {
        let mut pair = self.open(grant, terms, now);
        if let Some(refresh) = pair.refresh.take() {
            self.refresh.remove(&refresh);
        }
        pair
    }

    /// Uses a refresh token of this client.
    pub(crate) fn refresh(
        &mut self,
        token: &str,
        client: Option<&str>,
        rotation: Rotation,
        terms: Terms,
        now: i64,
    ) -> Result<Refreshed, Refused> {
        let found = self.refresh.get(token).ok_or(Refused::Unknown)?;
        let family = found.family;
        if let Some((at, pair)) = &found.used {
            if self.may_repeat(*at, pair, rotation, now) {
                return Ok(Refreshed::Again(pair.clone()));
            }
            self.end_family(family);
            return Err(Refused::Reused);
        }
        let ends = found.ends;
        let grant = self.families.get(&family).ok_or(Refused::Unknown)?.clone();
        if client.is_some_and(|client| client != grant.client) {
            return Err(Refused::Unknown);
        }
        if ends <= now {
            return Err(Refused::Expired);
        }
        if rotation == Rotation::None {
            let Terms { access, access_s, .. } = terms;
            let access_ends = now + access_s;
            self.access.insert(access.clone(), Access { family, ends: access_ends });
            let refresh = Some(token.to_owned());
            return Ok(Refreshed::Anew(Pair { access, access_ends, refresh, refresh_ends: ends, grant }));
        }
        let pair = self.mint(family, grant, terms, now);
        if let Some(found) = self.refresh.get_mut(token) {
            found.used = Some((now, pair.clone()));
        }
        Ok(Refreshed::Anew(pair))
    }

    /// The grant that an access token stands for, and when the token ends.
    pub(crate) fn accept(&self, token: &str, now: i64) -> Result<(&Grant, i64), Refused> {
        let access = self.access.get(token).ok_or(Refused::Unknown)?;
        let grant = self.families.get(&access.family).ok_or(Refused::Unknown)?;
        if access.ends <= now { Err(Refused::Expired) } else { Ok((grant, access.ends)) }
    }

    /// The grant of a refresh token that could be used now, and when it ends.
    pub(crate) fn peek_refresh(&self, token: &str, now: i64) -> Option<(&Grant, i64)> {
        let refresh = self.refresh.get(token)?;
        let grant = self.families.get(&refresh.family)?;
        (refresh.ends > now && refresh.used.is_none()).then_some((grant, refresh.ends))
    }

    /// Revokes a token of this client as RFC 7009 has it: with a refresh token goes its grant. Whether it was known.
    pub(crate) fn revoke(&mut self, token: &str, client: &str) -> bool {
        let owned = |family: &u64| self.families.get(family).is_some_and(|grant| grant.client == client);
        if self.access.get(token).is_some_and(|access| owned(&access.family)) {
            return self.access.remove(token).is_some();
        }
        let family = self.refresh.get(token).map(|refresh| refresh.family).filter(owned);
        family.is_some_and(|family| self.end_family(family))
    }

    /// Ends every grant like this.
    pub(crate) fn end_where(&mut self, mut ends: impl FnMut(&Grant) -> bool) {
        self.families.retain(|_, grant| !ends(grant));
        let Self { families, access, .. } = self;
        access.retain(|_, access| families.contains_key(&access.family));
    }

    /// Ends every access token; refresh tokens live on.
    pub(crate) fn end_access(&mut self) {
        self.access.clear();
    }

    /// Access tokens that would be accepted.
    pub(crate) fn live(&self, now: i64) -> usize {
        self.access.keys().filter(|token| self.accept(token, now).is_ok()).count()
    }

    fn mint(&mut self, family: u64, grant: Grant, terms: Terms, now: i64) -> Pair {
        let Terms { access, refresh, access_s, refresh_s } = terms;
        let (access_ends, refresh_ends) = (now + access_s, now + refresh_s);
        self.access.insert(access.clone(), Access { family, ends: access_ends });
        self.refresh.insert(refresh.clone(), Refresh { family, ends: refresh_ends, used: None });
        Pair { access, access_ends, refresh: Some(refresh), refresh_ends, grant }
    }

    fn may_repeat(&self, at: i64, pair: &Pair, rotation: Rotation, now: i64) -> bool {
        let Rotation::Grace(seconds) = rotation else { return false };
        let successor = pair.refresh.as_ref().and_then(|token| self.refresh.get(token));
        let untouched =
            successor.is_some_and(|next| next.used.is_none() && self.families.contains_key(&next.family));
        untouched && now <= at.saturating_add(seconds)
    }

    /// Used refresh tokens are kept, so that their coming again is seen.
    fn end_family(&mut self, family: u64) -> bool {
        self.access.retain(|_, access| access.family != family);
        self.families.remove(&family).is_some()
    }
}
