//! MCP tokens: texts replaced with overlap, what a revocation takes along, lists.

use super::{
    ground::Ground,
    world::{NOW, World, id, minted},
};
use crate::{
    model::{
        id::TokenId,
        instant::Instant,
        mcp_token::{McpTokenFilter, McpTokenPatch, McpTokenStatus},
        owner::Owner,
        page::{Cursor, ListQuery, Order, OrderKey, PageSize},
        token::{Token, TokenReading, TokenRefusal},
    },
    store::{
        StoreError,
        admin::{Change, MintedToken, Minter, NewText},
    },
};

const fn read_at(epoch: i64) -> TokenReading {
    TokenReading { epoch, withdrawals: None }
}

fn new_text(id: TokenId, digest: &str, until: Instant) -> Change {
    Change::RotateMcpToken(NewText {
        id,
        digest: digest.to_owned(),
        hint: "mcp_new…".to_owned(),
        at: NOW,
        previous_until: until,
        minter: Minter { by: "tok_operator".to_owned(), reason: Some("lost".to_owned()) },
        minted_with: None,
    })
}

impl Ground {
    async fn mint(&self, minted: MintedToken) {
        self.apply(Change::CreateMcpToken(Box::new(minted))).await.expect("a token");
    }

    async fn epoch_by_text(&self, digest: &str) -> Option<i64> {
        self.backend.find_mcp_token(digest).await.expect("tokens").map(|token| token.epoch)
    }
}

pub(super) async fn they_are_found_by_digest(ground: &Ground) {
    let world = World::new(ground).await;
    assert_eq!(ground.backend.find_mcp_token("mcp-digest").await.expect("tokens"), Some(world.mcp()));
    assert_eq!(ground.backend.find_mcp_token("another").await.expect("tokens"), None);
    let twin = Token { id: id(77), ..world.mcp() };
    let conflict = ground.apply(Change::CreateMcpToken(Box::new(minted(twin.clone(), "mcp-digest")))).await;
    assert!(matches!(conflict, Err(StoreError::Conflict { .. })), "{conflict:?}");
    let stranger = Token { user_id: Some(id(99)), ..twin };
    let missing = ground.apply(Change::CreateMcpToken(Box::new(minted(stranger, "other")))).await;
    assert!(matches!(missing, Err(StoreError::Missing("the user"))), "{missing:?}");
}

pub(super) async fn the_text_before_is_good_for_a_while(ground: &Ground) {
    let world = World::new(ground).await;
    let token = world.mcp_token;
    let (until, later) = (NOW.plus_seconds(60), NOW.plus_seconds(600));
    ground.apply(new_text(token, "second", until)).await.expect("rotated");

    assert_eq!(ground.epoch_by_text("mcp-digest").await, Some(0), "read at the epoch it had");
    assert_eq!(ground.epoch_by_text("second").await, Some(1));
    let facts = ground.token_facts(token).await;
    assert_eq!(facts.stands(read_at(0), NOW), Ok(()));
    assert_eq!(facts.stands(read_at(0), until), Err(TokenRefusal::StaleEpoch));
    assert_eq!(facts.stands(read_at(1), until), Ok(()));
    assert_eq!(facts.stands(read_at(2), NOW), Err(TokenRefusal::StaleEpoch));

    ground.apply(new_text(token, "third", later)).await.expect("rotated");
    assert_eq!(ground.epoch_by_text("mcp-digest").await, None, "only one text before is good");
    let facts = ground.token_facts(token).await;
    assert_eq!(facts.stands(read_at(0), NOW), Err(TokenRefusal::StaleEpoch));
    assert_eq!((facts.stands(read_at(1), NOW), facts.stands(read_at(2), NOW)), (Ok(()), Ok(())));

    ground.lend(&[world.mcp_lease(1)]).await;
    assert_eq!(ground.flags(world.mcp_lease(1).lease.id).await, (false, false, false), "leases go on");
    ground.apply(Change::RevokeMcpToken(token, NOW)).await.expect("revoked");
    let over = ground.apply(new_text(token, "fourth", later)).await;
    assert!(matches!(over, Err(StoreError::Conflict { .. })), "{over:?}");
    let gone = ground.apply(new_text(id(99), "fifth", later)).await;
    assert!(matches!(gone, Err(StoreError::Missing(_))), "{gone:?}");
}

pub(super) async fn a_revocation_takes_along_what_was_minted(ground: &Ground) {
    let world = World::new(ground).await;
    let token = |number, with: Option<TokenId>| {
        let token = Token { id: id(number), ..world.mcp() };
        MintedToken { minted_with: with, ..minted(token, &format!("digest-{number}")) }
    };
    ground.mint(token(71, Some(world.mcp_token))).await;
    ground.mint(token(72, Some(id(71)))).await;
    ground.mint(token(73, None)).await;
    let mut lease = world.mcp_lease(1);
    lease.lease.token_id = id(72);
    ground.lend(&[lease.clone()]).await;

    assert_eq!(ground.apply(Change::RevokeMcpToken(world.mcp_token, NOW)).await.expect("revoked"), 3);
    for (number, stands) in [(71, false), (72, false), (73, true)] {
        assert_eq!(ground.token_facts(id(number)).await.active, stands, "{number}");
    }
    assert!(ground.facts(lease.lease.id).await.holder_gone);
    assert_eq!(ground.apply(Change::RevokeMcpToken(world.mcp_token, NOW)).await.expect("again"), 0);
    let gone = ground.apply(Change::RevokeMcpToken(id(99), NOW)).await;
    assert!(matches!(gone, Err(StoreError::Missing(_))), "{gone:?}");
}

pub(super) async fn what_is_told_reads_back(ground: &Ground) {
    let world = World::new(ground).await;
    let show = async || ground.backend.show_mcp_token(world.mcp_token).await.expect("tokens").expect("it");
    let fresh = show().await;
    assert_eq!(fresh.token, world.mcp());
    assert_eq!((fresh.minted_by.as_str(), fresh.hint.as_str(), fresh.revision), ("system", "mcp_abc…", 1));

    ground.apply(new_text(world.mcp_token, "second", NOW.plus_seconds(9))).await.expect("rotated");
    let patch = McpTokenPatch { name: Some("desk".to_owned()), active: Some(false) };
    ground.apply(Change::UpdateMcpToken(world.mcp_token, patch)).await.expect("updated");
    let changed = show().await;
    assert_eq!((changed.token.name.as_str(), changed.active), ("desk", false));
    assert_eq!((changed.minted_by.as_str(), changed.mint_reason.as_deref()), ("tok_operator", Some("lost")));
    assert_eq!((changed.rotated_at, changed.previous_until), (Some(NOW), Some(NOW.plus_seconds(9))));
    assert!(changed.revision > fresh.revision);
    let uses = Change::RecordUsage(vec![(world.mcp_token, 4, NOW, Some("192.0.2.7".to_owned()))]);
    ground.apply(uses).await.expect("recorded");
    let counted = show().await;
    assert_eq!(
        (counted.usages, counted.last_used_at, counted.last_address.as_deref()),
        (4, Some(NOW), Some("192.0.2.7"))
    );
    assert_eq!(counted.revision, changed.revision, "uses change nothing of it");
    assert_eq!(ground.backend.show_mcp_token(world.access(0).id).await.expect("tokens"), None);
}

pub(super) async fn lists_filter_as_the_model_judges(ground: &Ground) {
    let world = World::new(ground).await;
    let more = [(71, Some(NOW.plus_seconds(5))), (72, None), (73, Some(NOW)), (74, None)];
    for (number, expires_at) in more {
        let token = Token { id: id(number), name: format!("n{}", 80 - number), expires_at, ..world.mcp() };
        ground.mint(minted(token, &format!("digest-{number}"))).await;
    }
    let operator = Token { id: id(75), user_id: None, owner: Owner::System, ..world.mcp() };
    ground.mint(minted(operator, "digest-75")).await;
    ground.apply(Change::SetTokenActive(id(72), false)).await.expect("off");
    ground.apply(Change::RevokeMcpToken(id(74), NOW)).await.expect("revoked");

    let own = Some(Owner::User(world.user));
    let list = async |owner, status, order, after: Option<Cursor>, size| {
        let filter = McpTokenFilter { owner, status, now: NOW };
        let size = PageSize::from_number(size).expect("a size");
        let query = ListQuery { filter, order, after, size };
        ground.backend.list_mcp_tokens(&query).await.expect("a page")
    };
    let newest = Order { key: OrderKey::CreatedAt, descending: true };
    let all = list(None, None, newest, None, 0).await;
    assert_eq!(all.items.len(), 6);
    for status in
        [McpTokenStatus::Active, McpTokenStatus::Expired, McpTokenStatus::Inactive, McpTokenStatus::Revoked]
    {
        let expected: Vec<_> =
            all.items.iter().filter(|token| token.status(NOW) == status).cloned().collect();
        assert!(!expected.is_empty(), "{status}");
        assert_eq!(list(None, Some(status), newest, None, 0).await.items, expected, "{status}");
    }
    let operators = list(Some(Owner::System), None, newest, None, 0).await;
    assert_eq!(operators.items.iter().map(|token| token.token.id).collect::<Vec<_>>(), vec![id(75)]);

    let by_name = Order { key: OrderKey::Name, descending: false };
    let first = list(own, None, by_name, None, 3).await;
    let second = list(own, None, by_name, first.next.clone(), 3).await;
    let names: Vec<_> =
        first.items.iter().chain(&second.items).map(|token| token.token.name.as_str()).collect();
    assert_eq!(names, vec!["laptop", "n6", "n7", "n8", "n9"]);
    assert_eq!(second.next, None);
    assert_eq!(ground.backend.count_mcp_tokens(Owner::User(world.user), NOW).await.expect("a number"), 2);
}
