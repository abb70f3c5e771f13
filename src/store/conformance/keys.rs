//! Data keys and signing keys.

use super::{
    committing::{batch, refusal},
    ground::Ground,
    world::{NOW, World, id, sealed},
};
use crate::{
    model::{
        id::DataKeyId,
        owner::Owner,
        token::{TokenReading, TokenRefusal},
    },
    store::{
        StoreError,
        admin::{AdminChange, Change, Precondition, StoredSigningKey, WrappedDataKey},
        mutation::{Mutation, Refusal},
    },
};

pub(super) async fn data_keys_are_unique_by_version(ground: &Ground) {
    let world = World::new(ground).await;
    let owner = Owner::User(world.user);
    let key = |number, version| WrappedDataKey {
        id: id(number),
        owner,
        version,
        wrapped: sealed("root", 1),
        created_at: NOW,
    };
    for (number, version) in [(1, 1), (2, 2)] {
        ground.apply(Change::CreateDataKey(key(number, version))).await.expect("a key");
    }
    let race = ground.apply(Change::CreateDataKey(key(3, 2))).await;
    assert!(matches!(race, Err(StoreError::Conflict { .. })), "{race:?}");
    let stranger = WrappedDataKey { owner: Owner::User(id(99)), ..key(4, 1) };
    let missing = ground.apply(Change::CreateDataKey(stranger)).await;
    assert!(matches!(missing, Err(StoreError::Missing("the owner"))), "{missing:?}");

    let keys = ground.backend.list_data_keys(owner).await.expect("keys");
    assert_eq!(keys, vec![key(2, 2), key(1, 1)]);
    let all = ground.backend.list_all_data_keys(Some(id(1)), 10).await.expect("keys");
    assert_eq!(all, vec![key(2, 2)]);

    let rewrap = |id: DataKeyId, from| Change::RewrapDataKey { id, from, to: sealed("root2", 2) };
    assert_eq!(ground.apply(rewrap(id(1), sealed("root", 1))).await.expect("rewrapped"), 1);
    assert_eq!(ground.apply(rewrap(id(1), sealed("root", 1))).await.expect("done before"), 0);
    assert!(matches!(ground.apply(rewrap(id(9), sealed("root", 1))).await, Err(StoreError::Missing(_))));
    let keys = ground.backend.list_data_keys(owner).await.expect("keys");
    assert_eq!(keys.last().map(|key| key.wrapped.clone()), Some(sealed("root2", 2)));
}

pub(super) async fn signing_keys_retire(ground: &Ground) {
    let key = |number| StoredSigningKey {
        id: id(number),
        sealed: sealed("dky", 1),
        public_jwk: "{\"kty\":\"EC\"}".to_owned(),
        created_at: NOW.plus_seconds(number.into()),
        signs_from: NOW.plus_seconds(100),
        retires_at: None,
    };
    for number in [2, 1] {
        ground.apply(Change::CreateSigningKey(key(number))).await.expect("a key");
    }
    assert_eq!(ground.backend.list_signing_keys(NOW).await.expect("keys"), vec![key(1), key(2)]);
    let retire = Change::RetireSigningKey(id(1), NOW.plus_seconds(5));
    assert_eq!(ground.apply(retire).await.expect("retired"), 1);
    assert_eq!(ground.backend.list_signing_keys(NOW).await.expect("keys").len(), 2);
    assert_eq!(ground.backend.list_signing_keys(NOW.plus_seconds(5)).await.expect("keys"), vec![key(2)]);
    let reseal = |from| Change::ResealSigningKey { id: id(2), from, to: sealed("dky", 2) };
    assert_eq!(ground.apply(reseal(sealed("dky", 1))).await.expect("resealed"), 1);
    assert_eq!(ground.apply(reseal(sealed("dky", 1))).await.expect("done before"), 0);
    assert!(matches!(ground.apply(Change::RetireSigningKey(id(9), NOW)).await, Err(StoreError::Missing(_))));
}

pub(super) async fn the_last_key_that_signs_is_not_withdrawn(ground: &Ground) {
    let key = |number, signs_from, retires_at| StoredSigningKey {
        id: id(number),
        sealed: sealed("dky", 1),
        public_jwk: "{}".to_owned(),
        created_at: NOW,
        signs_from,
        retires_at,
    };
    let later = NOW.plus_seconds(60);
    for key in [key(1, NOW, Some(later)), key(2, NOW, None), key(3, later, None)] {
        ground.apply(Change::CreateSigningKey(key)).await.expect("a key");
    }
    let withdraw = async |number| {
        let change = AdminChange::of(Change::WithdrawSigningKey(id(number), NOW), Vec::new());
        let preconditions = vec![Precondition::AnotherKeySigns(id(number), NOW)];
        let mutation = Mutation::Administer(Box::new(AdminChange { preconditions, ..change }));
        refusal(&batch(ground, vec![mutation]).await[0])
    };
    assert_eq!(withdraw(2).await, Some(Refusal::LastSigningKey), "one ends, one has not begun");
    assert_eq!(withdraw(1).await, None);
    assert_eq!(withdraw(3).await, None);
    assert_eq!(withdraw(2).await, Some(Refusal::LastSigningKey));
}

pub(super) async fn a_withdrawal_is_counted(ground: &Ground) {
    let world = World::new(ground).await;
    let key = StoredSigningKey {
        id: id(1),
        sealed: sealed("dky", 1),
        public_jwk: "{}".to_owned(),
        created_at: NOW,
        signs_from: NOW,
        retires_at: None,
    };
    ground.apply(Change::CreateSigningKey(key)).await.expect("a key");
    let before = ground.token_facts(world.mcp_token).await;
    ground.apply(Change::WithdrawSigningKey(id(1), NOW)).await.expect("withdrawn");
    assert_eq!(ground.backend.list_signing_keys(NOW).await.expect("keys"), vec![]);
    assert_eq!(ground.backend.count_withdrawals().await.expect("a number"), before.withdrawals + 1);
    let after = ground.token_facts(world.mcp_token).await;
    let read = TokenReading { epoch: before.epoch, withdrawals: Some(before.withdrawals) };
    assert_eq!(after.stands(read, NOW), Err(TokenRefusal::StaleSignature));
    assert_eq!(after.stands(TokenReading { withdrawals: None, ..read }, NOW), Ok(()), "no signature");
    let gone = ground.apply(Change::WithdrawSigningKey(id(9), NOW)).await;
    assert!(matches!(gone, Err(StoreError::Missing(_))), "{gone:?}");
}
