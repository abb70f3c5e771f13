//! The first operator's token: made at the database itself, since there is nobody yet whom a broker would believe.

use crate::{
    broker::{Code, Error},
    clock::Clock,
    entropy::Entropy,
    keyring::machine_secret::SecretKind,
    model::{
        audit::{Actor, AuditRecord, EventName},
        id::TokenId,
        owner::Owner,
        scope::ScopeSet,
        secret::SecretText,
        token::{Token, TokenKind},
    },
    store::{
        Store,
        admin::{AdminChange, Minter, Precondition},
    },
};

use super::minted;
use crate::broker::admin::users::name_violation;

/// How to make it.
#[derive(Debug, Clone)]
pub struct FirstToken {
    /// 1 to 100 characters, for people.
    pub name: String,
    /// Whether to make another although there is a good one.
    pub force: bool,
    /// The broker's own URL, as tokens carry it.
    pub issuer_url: String,
}

/// Makes an operator's token with every `admin:` scope; its text is shown this once.
///
/// # Errors
/// [`Code::Conflict`] when an operator's token is good and `force` is not given; [`Code::InvalidRequest`].
pub async fn make_first_token(
    store: &Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    first: FirstToken,
) -> Result<(TokenId, SecretText), Error> {
    let FirstToken { name, force, issuer_url } = first;
    if let Some(violation) = name_violation("name", &name) {
        return Err(Error::invalid(vec![violation]));
    }
    let now = clock.now();
    let others = store.rows().count_mcp_tokens(Owner::System, now).await?;
    let token = Token {
        id: entropy.id(now),
        kind: TokenKind::Mcp,
        client_id: None,
        user_id: None,
        owner: Owner::System,
        name,
        scopes: ScopeSet::administration(),
        audience: issuer_url,
        epoch: 1,
        issued_at: now,
        expires_at: None,
        max_usages: None,
    };
    let text = SecretKind::McpToken.generate(entropy);
    let actor = Actor { owner: Some(Owner::System), ..Actor::system() };
    let record = AuditRecord::success(EventName::TokenCreated, &actor, token.id, now)
        .with("scope", token.scopes.to_string())
        .with("kind", "bootstrap")
        .with("others", others);
    let minter = Minter { by: actor.id.clone(), reason: None };
    let first = Precondition::FewerTokens(Owner::System, 1, now);
    let change = AdminChange {
        records: vec![record],
        preconditions: if force { Vec::new() } else { vec![first] },
        change: minted(&token, &text, minter, None),
    };
    store.administer_if(change).await?.map_err(|_| {
        let message =
            "an operator's token is good already: mint others with it, or use --force when it is lost";
        Error::new(Code::Conflict, message)
    })?;
    Ok((token.id, text))
}
