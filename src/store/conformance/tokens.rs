//! Tokens, clients, resource servers.

use super::{
    ground::Ground,
    world::{DAY, NOW, World, id},
};
use crate::{
    model::{
        client::{ClientFilter, SecretAge},
        id::TokenId,
        instant::Instant,
        organization::{OrganizationStatus, Role},
        owner::Owner,
        page::{ListQuery, Order, OrderKey, PageSize},
        scope::ScopeSet,
        token::{Token, TokenFacts},
    },
    store::{
        StoreError,
        admin::{Change, ClientPatch},
        backend::FoundClient,
    },
};

impl Ground {
    async fn issue(&self, tokens: &[Token]) -> Vec<TokenId> {
        let mut tx = self.backend.begin().await.expect("a transaction");
        let of_organization = |token: &Token| token.client_id == Some(id(4));
        let digest = |token: &Token| if of_organization(token) { "digest-2" } else { "digest-1" };
        let secret = |token: &Token| (token.clone(), digest(token).to_owned());
        let tokens: Vec<_> = tokens.iter().map(secret).collect();
        let issued = tx.insert_access_tokens(&tokens).await.expect("issued");
        tx.commit().await.expect("a commit");
        issued
    }

    pub(super) async fn token_facts(&self, id: TokenId) -> TokenFacts {
        let (mut read, _) = self.backend.read_uses(&[id], &[]).await.expect("facts");
        let mut tx = self.backend.begin().await.expect("a transaction");
        assert_eq!(tx.token_facts(&[id]).await.expect("facts"), read);
        read.pop().expect("the token is there")
    }
}

pub(super) async fn access_tokens_need_their_client_as_it_was_read(ground: &Ground) {
    let world = World::new(ground).await;
    let (good, mut stale, mut stranger) = (world.access(1), world.access(2), world.access(3));
    stale.epoch = 7;
    stranger.client_id = Some(id(99));
    assert_eq!(ground.issue(&[good.clone(), stale, stranger]).await, vec![good.id]);
    assert_eq!(ground.backend.find_token(good.id).await.expect("tokens"), Some(good));
    ground.apply(Change::SetClientActive(world.client, false)).await.expect("switched off");
    assert_eq!(ground.issue(&[Token { epoch: 1, ..world.access(4) }]).await, vec![]);
}

pub(super) async fn facts_follow_the_holder(ground: &Ground) {
    let world = World::new(ground).await;
    let mut of_organization = world.access(2);
    of_organization.client_id = Some(world.organization_client);
    of_organization.user_id = None;
    of_organization.owner = Owner::Organization(world.organization);
    ground.issue(&[world.access(1), of_organization.clone()]).await;
    let token = world.access(1).id;
    let fresh = TokenFacts {
        id: token,
        active: true,
        expires_at: Some(NOW.plus_seconds(3_600)),
        epoch: 0,
        holder_active: true,
        uses_left: None,
        previous: None,
        withdrawals: 0,
    };
    assert_eq!(ground.token_facts(token).await, fresh);
    assert!(ground.token_facts(of_organization.id).await.holder_active);
    assert!(ground.token_facts(world.mcp_token).await.holder_active);

    ground.apply(Change::SetClientActive(world.client, false)).await.expect("off");
    assert_eq!(ground.token_facts(token).await, TokenFacts { epoch: 1, holder_active: false, ..fresh });
    ground.apply(Change::SetClientActive(world.client, true)).await.expect("on");
    assert_eq!(ground.token_facts(token).await, TokenFacts { epoch: 2, ..fresh });
    ground.apply(Change::SetUserActive(world.user, false)).await.expect("off");
    assert!(!ground.token_facts(token).await.holder_active, "the client's owner");
    assert!(!ground.token_facts(world.mcp_token).await.holder_active);
    let suspend = Change::SetOrganizationStatus(world.organization, OrganizationStatus::Suspended);
    ground.apply(suspend).await.expect("suspended");
    assert!(!ground.token_facts(of_organization.id).await.holder_active);
    ground.apply(Change::SetTokenActive(world.mcp_token, false)).await.expect("off");
    let facts = ground.token_facts(world.mcp_token).await;
    assert_eq!((facts.active, facts.epoch, facts.expires_at), (false, 1, None));
}

pub(super) async fn revoking_answers_which_were_live(ground: &Ground) {
    let world = World::new(ground).await;
    let over = Token { expires_at: Some(NOW), ..world.access(3) };
    ground.issue(&[world.access(1), world.access(2), over]).await;
    let wanted = [
        (world.access(1).id, world.client),
        (world.access(2).id, world.organization_client),
        (world.access(3).id, world.client),
        (id(99), world.client),
    ];
    for expected in [vec![world.access(1).id], vec![]] {
        let mut tx = ground.backend.begin().await.expect("a transaction");
        assert_eq!(tx.revoke_tokens(&wanted, NOW).await.expect("revoked"), expected);
        tx.commit().await.expect("a commit");
    }
    assert!(!ground.token_facts(world.access(1).id).await.active);
    assert!(ground.token_facts(world.access(2).id).await.active, "of another client");
}

pub(super) async fn uses_are_counted_up_to_the_limit(ground: &Ground) {
    let world = World::new(ground).await;
    let limited = Token { max_usages: Some(3), ..world.access(1) };
    ground.issue(&[limited.clone(), world.access(2)]).await;
    let mut tx = ground.backend.begin().await.expect("a transaction");
    tx.count_uses(&[(limited.id, 1), (world.access(2).id, 5), (limited.id, 1)], NOW).await.expect("counted");
    tx.commit().await.expect("a commit");
    assert_eq!(ground.token_facts(limited.id).await.uses_left, Some(1));
    assert_eq!(ground.token_facts(world.access(2).id).await.uses_left, None);
    let mut tx = ground.backend.begin().await.expect("a transaction");
    let beyond = tx.count_uses(&[(limited.id, 2)], NOW).await;
    assert!(matches!(beyond, Err(StoreError::Serialization(_))), "{beyond:?}");
    drop(tx);
    let later = NOW.plus_seconds(5);
    let uses = vec![(limited.id, 1, later, Some("192.0.2.1".to_owned())), (id(99), 1, later, None)];
    assert_eq!(ground.apply(Change::RecordUsage(uses)).await.expect("recorded"), 1);
    assert_eq!(
        ground.apply(Change::RecordUsage(vec![(limited.id, 1, NOW, None)])).await.expect("recorded"),
        1
    );
    assert_eq!(ground.number("SELECT max(last_used_at) FROM tokens").await, later.micros());
    assert_eq!(ground.number("SELECT count(*) FROM tokens WHERE last_address = '192.0.2.1'").await, 1);
}

pub(super) async fn clients_keep_digests_until_they_run_out(ground: &Ground) {
    let world = World::new(ground).await;
    let digests = async |now: Instant| {
        let found = ground.backend.find_client(world.client, now).await.expect("clients");
        let FoundClient { client, owner_stands, secrets } = found.expect("the client");
        assert_eq!((client.owner, owner_stands), (Owner::User(world.user), true));
        let digests = secrets;
        assert!(digests.iter().all(|(_, until)| until.is_none_or(|at| at > now)));
        let mut digests: Vec<String> = digests.into_iter().map(|(digest, _)| digest).collect();
        digests.sort();
        digests
    };
    assert_eq!(digests(NOW).await, vec!["digest-1"]);
    let rotate = |digest: &str, until| Change::RotateClientSecret {
        id: world.client,
        digest: digest.to_owned(),
        at: NOW,
        until,
    };
    ground.apply(rotate("digest-b", NOW.plus_seconds(10))).await.expect("rotated");
    ground.apply(rotate("digest-c", NOW.plus_seconds(20))).await.expect("rotated");
    assert_eq!(digests(NOW).await, vec!["digest-1", "digest-b", "digest-c"]);
    assert_eq!(digests(NOW.plus_seconds(10)).await, vec!["digest-b", "digest-c"]);
    assert_eq!(digests(NOW.plus_seconds(20)).await, vec!["digest-c"]);
    assert!(ground.backend.find_client(id(99), NOW).await.expect("clients").is_none());
}

pub(super) async fn a_secret_that_ran_out_gets_no_token(ground: &Ground) {
    let world = World::new(ground).await;
    let rotate = Change::RotateClientSecret {
        id: world.client,
        digest: "digest-b".to_owned(),
        at: NOW,
        until: NOW.plus_seconds(10),
    };
    ground.apply(rotate).await.expect("rotated");
    let later = Token { issued_at: NOW.plus_seconds(10), ..world.access(2) };
    assert_eq!(ground.issue(&[world.access(1), later.clone()]).await, vec![world.access(1).id]);
    let mut tx = ground.backend.begin().await.expect("a transaction");
    let issued = tx.insert_access_tokens(&[(later.clone(), "digest-b".to_owned())]).await.expect("issued");
    assert_eq!(issued, vec![later.id]);
}

pub(super) async fn old_tokens_are_pruned(ground: &Ground) {
    let world = World::new(ground).await;
    let tokens: Vec<Token> = (0..5).map(|number| world.access(number)).collect();
    ground.issue(&tokens).await;
    let at = NOW.plus_seconds(3_600 + DAY);
    assert_eq!(ground.apply(Change::Prune(at, 10)).await.expect("pruned"), 0);
    assert_eq!(ground.apply(Change::Prune(at.plus_micros(1), 3)).await.expect("pruned"), 3);
    assert_eq!(ground.apply(Change::Prune(at.plus_micros(1), 3)).await.expect("pruned"), 2);
    assert!(ground.backend.find_token(world.mcp_token).await.expect("tokens").is_some());
}

pub(super) async fn resources_are_registered(ground: &Ground) {
    let uri = "https://api.example/";
    assert!(!ground.backend.is_resource(uri).await.expect("resources"));
    ground.apply(Change::CreateResource(uri.parse().expect("a URI"), NOW)).await.expect("registered");
    assert!(ground.backend.is_resource(uri).await.expect("resources"));
    let twice = ground.apply(Change::CreateResource(uri.parse().expect("a URI"), NOW)).await;
    assert!(matches!(twice, Err(StoreError::Conflict { .. })), "{twice:?}");
    let other = "https://a.example/".parse::<crate::model::resource::ResourceUri>().expect("a URI");
    ground.apply(Change::CreateResource(other.clone(), NOW)).await.expect("registered");
    let order = Order { key: OrderKey::Uri, descending: true };
    let mut query =
        ListQuery { filter: (), order, after: None, size: PageSize::from_number(1).expect("a size") };
    let mut found = Vec::new();
    loop {
        let page = ground.backend.list_resources(&query).await.expect("a page");
        found.extend(page.items.iter().map(|resource| resource.uri.to_string()));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(found, [uri, other.as_str()]);
    ground.apply(Change::DeleteResource(other.clone())).await.expect("forgotten");
    assert!(!ground.backend.is_resource(other.as_str()).await.expect("resources"));
}

pub(super) async fn clients_are_updated_and_deleted(ground: &Ground) {
    let world = World::new(ground).await;
    let find =
        async |id| ground.backend.find_client(id, NOW).await.expect("clients").map(|found| found.client);
    let scopes: ScopeSet = "lease:create service:jira".parse().expect("scopes");
    let patch = ClientPatch { name: Some("other".to_owned()), ..ClientPatch::default() };
    ground.apply(Change::UpdateClient(world.organization_client, patch)).await.expect("changed");
    let renamed = find(world.organization_client).await.expect("the client");
    assert_eq!((renamed.name.as_str(), renamed.epoch, renamed.revision), ("other", 0, 2));
    let patch =
        ClientPatch { scopes: Some(scopes.clone()), role: Some(Role::Guest), ..ClientPatch::default() };
    ground.apply(Change::UpdateClient(world.organization_client, patch)).await.expect("changed");
    let changed = find(world.organization_client).await.expect("the client");
    assert_eq!((changed.scopes, changed.role, changed.epoch), (scopes, Some(Role::Guest), 2));

    let lease = world.organization_lease(1);
    ground.lend(std::slice::from_ref(&lease)).await;
    ground.apply(Change::DeleteClient(world.organization_client)).await.expect("deleted");
    assert_eq!(find(world.organization_client).await, None);
    assert!(ground.flags(lease.lease.id).await.1, "its holder is gone");
    let secrets =
        format!("SELECT count(*) FROM client_secrets WHERE client_id = '{}'", world.organization_client);
    assert_eq!(ground.number(&secrets).await, 0);

    let filter = ClientFilter { owner: Some(Owner::User(world.user)), active: Some(true) };
    let order = Order { key: OrderKey::Name, descending: true };
    let query = ListQuery { filter, order, after: None, size: PageSize::default() };
    let page = ground.backend.list_clients(&query).await.expect("a page");
    assert_eq!(page.items.iter().map(|client| client.id).collect::<Vec<_>>(), [world.client]);
    let query = ListQuery { filter: ClientFilter { active: Some(false), owner: None }, ..query };
    assert!(ground.backend.list_clients(&query).await.expect("a page").items.is_empty());
}

pub(super) async fn a_client_keeps_few_secrets(ground: &Ground) {
    let world = World::new(ground).await;
    let ages = async |now| {
        let ages = ground.backend.list_secret_ages(&[world.client], now).await.expect("ages");
        ages.into_iter().map(|(_, age)| age).collect::<Vec<_>>()
    };
    for number in 1..=10 {
        let (at, until) = (NOW.plus_seconds(number), NOW.plus_seconds(1_000 + number));
        let digest = format!("rotated-{number}");
        ground
            .apply(Change::RotateClientSecret { id: world.client, digest, at, until })
            .await
            .expect("rotated");
    }
    let kept = ages(NOW.plus_seconds(10)).await;
    assert_eq!(kept.len(), 8);
    assert_eq!(kept[0], SecretAge { created_at: NOW.plus_seconds(10), expires_at: None });
    assert!(kept[1..].iter().all(|age| age.expires_at.is_some()));
    assert_eq!(ages(NOW.plus_seconds(2_000)).await.len(), 1);
    let at = NOW.plus_seconds(2_000);
    let last = Change::RotateClientSecret { id: world.client, digest: "last".to_owned(), at, until: at };
    ground.apply(last).await.expect("rotated");
    let text = format!("SELECT count(*) FROM client_secrets WHERE client_id = '{}'", world.client);
    assert_eq!(ground.number(&text).await, 1, "what ran out is gone");
}
