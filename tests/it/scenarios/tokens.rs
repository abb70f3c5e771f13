//! Tokens: who gets one, what it lets its bearer do, and when no longer.

use futures::future::join_all;
use leasehold::{
    entropy::OsEntropy,
    keyring::{digest::TokenDigest, machine_secret::SecretKind},
    model::{audit::EventName, organization::Role, scope::ScopeSet},
    store::admin::Change,
};
use serde_json::json;

use crate::harness::{
    Ask, ListAsk, Refused as _, TokenAsk,
    api::{Introspected, RenewAsk, part},
    ask, scenarios,
};

scenarios! {
    async fn a_client_gets_a_token_of_all_its_scopes(scene) {
        let client = scene.person().await.client().await;

        let token = client.token(None).await.unwrap();

        assert_eq!(token.expires_in, 3_600);
        assert_eq!(token.scope, "lease:create lease:read lease:renew lease:revoke service:*");
        let me = scene.bearer(&token.access_token).me().await.unwrap();
        assert_eq!((me.client_id, me.token_scopes.join(" ")), (Some(client.id.to_string()), token.scope));
    }

    /// RFC 9068, section 2.2.
    async fn its_claims_are_those_of_a_jwt_access_token(scene) {
        let ann = scene.person().await;
        let client = ann.client().await;
        let token = client.token(Some("lease:read")).await.unwrap().access_token;

        let (header, claims) = (part(&token, 0), part(&token, 1));

        assert_eq!((&header["typ"], &header["alg"]), (&"at+jwt".into(), &"ES256".into()));
        assert!(header["kid"].as_str().is_some_and(|kid| kid.starts_with("sig_")), "{header}");
        let now = scene.now().unix_seconds();
        assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(now), Some(now + 3_600)));
        for (claim, expected) in [
            ("iss", scene.url.clone()),
            ("aud", scene.url.clone()),
            ("sub", client.id.to_string()),
            ("client_id", client.id.to_string()),
            ("scope", "lease:read".to_owned()),
            ("owner", ann.id.to_string()),
        ] {
            assert_eq!(claims[claim], expected, "{claim}");
        }
        assert!(claims["jti"].as_str().is_some_and(|jti| jti.starts_with("tok_")), "{claims}");
    }

    async fn a_token_may_be_asked_to_do_less(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        ann.deposits("todoist", "hers").await;
        let client = ann.client().await;

        let token = client.token(Some("service:jira lease:create")).await.unwrap();

        assert_eq!(token.scope, "lease:create service:jira");
        let program = scene.bearer(&token.access_token);
        assert!(program.create(&ask(["jira"])).await.is_ok());
        assert_eq!(program.create(&ask(["todoist"])).await.refusal(), "missing_credentials");
        assert_eq!(program.list(&ListAsk::default()).await.refusal(), "insufficient_scope");
    }

    async fn no_token_does_more_than_its_client_may(scene) {
        let client = scene.person().await.client().await;
        for beyond in ["admin:read", "lease:create admin:write", "lease:fly", "service:", "mcp:*"] {
            assert_eq!(client.token(Some(beyond)).await.refusal(), "invalid_scope", "{beyond}");
        }
    }

    async fn an_unknown_client_and_a_wrong_secret_look_alike(scene) {
        let (client, off) = (scene.person().await.client().await, scene.person().await.client().await);
        off.is_active(false).await;
        let unknown = client.id.to_string().replace(|c: char| c.is_ascii_digit(), "7");

        let expected = scene.way_in().token(&TokenAsk { client_secret: "wrong".to_owned(), ..client.ask() }).await;
        for wrong in [
            TokenAsk { client_id: unknown, ..client.ask() },
            TokenAsk { client_id: "nobody".to_owned(), ..client.ask() },
            TokenAsk { client_secret: off.secret.clone(), ..client.ask() },
            off.ask(),
        ] {
            assert_eq!(scene.way_in().token(&wrong).await, expected);
        }
        assert_eq!(expected.refusal(), "invalid_client");
    }

    async fn a_token_may_be_for_another_resource_server(scene) {
        let client = scene.person().await.client().await;
        let uri = format!("https://{:?}.example", scene.via);
        let ask = TokenAsk { resource: Some(uri.clone()), ..client.ask() };
        assert_eq!(scene.way_in().token(&ask).await.refusal(), "invalid_target");

        scene.change(EventName::ResourceCreated, &uri, Change::CreateResource(uri.parse().expect("a URI"), scene.now())).await;
        let token = scene.way_in().token(&ask).await.unwrap().access_token;

        assert_eq!(part(&token, 1)["aud"], uri);
        assert_eq!(scene.bearer(&token).me().await.refusal(), "unauthenticated", "it is not for the broker");
        let own = TokenAsk { resource: Some(scene.url.clone()), ..client.ask() };
        assert!(scene.way_in().token(&own).await.is_ok());
    }

    async fn an_access_token_runs_out_and_its_leases_do_not(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let client = ann.client().await;
        let program = client.enters().await;
        let lease = program.create(&Ask { ttl: Some(7_200), ..ask(["jira"]) }).await.unwrap().lease_id;
        scene.passes(3_599);
        assert!(program.show(&lease).await.is_ok());
        scene.passes(1);

        assert_eq!(program.show(&lease).await.refusal(), "unauthenticated");
        assert_eq!(client.enters().await.renew(&lease).await.unwrap().renewal_count, 1);
    }

    async fn a_withdrawn_access_token_works_no_more_and_its_leases_go_on(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let client = ann.client().await;
        let token = client.token(None).await.unwrap().access_token;
        let program = scene.bearer(&token);
        let lease = program.borrows(["jira"]).await.lease_id;

        client.withdraw(&token).await;
        client.withdraw(&token).await;

        assert_eq!(program.renew(&lease).await.refusal(), "unauthenticated");
        assert_eq!(program.me().await.refusal(), "unauthenticated");
        assert_eq!(client.introspect(&token).await, Introspected::default());
        assert!(client.enters().await.renew(&lease).await.is_ok());
    }

    async fn nobody_withdraws_or_looks_into_a_token_of_somebody_else(scene) {
        let (client, other) = (scene.person().await.client().await, scene.person().await.client().await);
        let token = client.token(None).await.unwrap().access_token;

        other.withdraw(&token).await;

        assert!(scene.bearer(&token).me().await.is_ok());
        assert_eq!(other.introspect(&token).await, Introspected::default());
        assert_eq!(client.introspect("no token at all").await, Introspected::default());
    }

    async fn a_token_is_introspected(scene) {
        let ann = scene.person().await;
        let client = ann.client().await;
        let token = client.token(Some("lease:read")).await.unwrap().access_token;

        let found = client.introspect(&token).await;

        let now = scene.now().unix_seconds();
        assert!(found.active);
        assert_eq!((found.scope.as_deref(), found.client_id), (Some("lease:read"), Some(client.id.to_string())));
        assert_eq!((found.iat, found.exp), (Some(now), Some(now + 3_600)));
        assert_eq!((&found.aud, &found.iss), (&Some(scene.url.clone()), &Some(scene.url.clone())));
        assert_eq!(found.owner, Some(ann.id.to_string()));
        scene.passes(3_600);
        assert_eq!(client.introspect(&token).await, Introspected::default());
    }

    async fn a_changed_client_needs_a_new_token(scene) {
        let team = scene.team().await;
        let client = team.client(Role::Member).await;
        let program = client.enters().await;

        scene.change(EventName::ClientUpdated, client.id, Change::SetClientRole(client.id, Role::Admin)).await;

        assert_eq!(program.me().await.refusal(), "unauthenticated");
        assert_eq!(client.enters().await.me().await.unwrap().organizations[0].role, "admin");
    }

    async fn a_secret_is_rotated_with_overlap(scene) {
        let client = scene.person().await.client().await;
        let new = SecretKind::ClientSecret.generate(&OsEntropy);
        let digest = TokenDigest::of(new.expose()).to_string();
        let until = scene.now().plus_seconds(600);

        let rotate = Change::RotateClientSecret { id: client.id, digest, at: scene.now(), until };
        scene.change(EventName::ClientUpdated, client.id, rotate).await;

        let with_new = TokenAsk { client_secret: new.expose().to_owned(), ..client.ask() };
        assert!(client.token(None).await.is_ok());
        assert!(scene.way_in().token(&with_new).await.is_ok());
        scene.passes(600);
        assert_eq!(client.token(None).await.refusal(), "invalid_client");
        assert!(scene.way_in().token(&with_new).await.is_ok());
    }

    async fn a_client_gets_no_token_while_its_owner_does_not_stand(scene) {
        let (ann, team, operator) = (scene.person().await, scene.team().await, scene.operator("admin:write").await);
        let (program, own) = (team.client(Role::Member).await, ann.client().await);
        let of_team = |status: &str| json!({ "organization_id": team.id.to_string(), "status": status });
        let of_ann = |active: bool| json!({ "id": ann.id.to_string(), "active": active });
        assert!(program.token(None).await.is_ok() && own.token(None).await.is_ok());

        operator.does("update_organization", of_team("suspended")).await;
        operator.does("update_user", of_ann(false)).await;

        // What is signed would be good at every resource server that asks nobody.
        assert_eq!(program.token(None).await.refusal(), "invalid_client");
        assert_eq!(own.token(None).await.refusal(), "invalid_client");
        operator.does("update_organization", of_team("active")).await;
        operator.does("update_user", of_ann(true)).await;
        assert!(program.token(None).await.is_ok() && own.token(None).await.is_ok());
    }

    async fn an_mcp_token_runs_out(scene) {
        let at = scene.now().plus_seconds(60);
        let ann = scene.person().await.with_token(ScopeSet::worker(), Some(at), None).await;
        ann.deposits("jira", "hers").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        scene.passes(60);

        assert_eq!(ann.me().await.refusal(), "unauthenticated");
        assert_eq!(ann.renew(&lease).await.refusal(), "unauthenticated");
    }

    async fn an_mcp_token_switched_off_works_no_more(scene) {
        let ann = scene.person().await;
        assert!(ann.me().await.is_ok());

        let off = Change::SetTokenActive(ann.token_id, false);
        scene.change(EventName::TokenRevoked, ann.token_id, off).await;

        assert_eq!(ann.me().await.refusal(), "unauthenticated");
        assert_eq!(ann.create(&ask(["jira"])).await.refusal(), "unauthenticated");
        assert_eq!(ann.list(&ListAsk::default()).await.refusal(), "unauthenticated");
    }

    async fn an_mcp_token_may_be_good_for_so_many_uses(scene) {
        let ann = scene.person().await.with_token(ScopeSet::worker(), None, Some(3)).await;
        ann.deposits("jira", "hers").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        ann.show(&lease).await.unwrap();
        ann.me().await.unwrap();

        assert_eq!(ann.show(&lease).await.refusal(), "unauthenticated");
        assert_eq!(ann.me().await.refusal(), "unauthenticated");
    }

    async fn uses_at_once_are_counted_one_by_one(scene) {
        let ann = scene.person().await.with_token(ScopeSet::worker(), None, Some(5)).await;

        let answers = join_all((0..20).map(|_| ann.me())).await;

        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 5);
    }

    async fn each_operation_needs_its_scope(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        let operations = ["lease:create", "lease:read", "lease:renew", "lease:revoke"];
        for held in operations {
            let token = ann.with_scopes(&format!("{held} service:*")).await;
            let with_values = RenewAsk { with_credentials: true, ..RenewAsk::default() };
            for (needed, refused) in [
                ("lease:create", token.create(&ask(["jira"])).await.err()),
                ("lease:create", token.read(&lease).await.err()),
                ("lease:read", token.show(&lease).await.err()),
                ("lease:read", token.list(&ListAsk::default()).await.err()),
                ("lease:renew", token.renew(&lease).await.err()),
            ] {
                let expected = (held != needed).then(|| "insufficient_scope".to_owned());
                assert_eq!(refused.map(|refused| refused.code), expected, "{needed} with {held}");
            }
            assert_eq!(token.renew_with(&lease, with_values).await.refusal(), "insufficient_scope");
            if held != "lease:revoke" {
                assert_eq!(token.revoke(&lease).await.refusal(), "insufficient_scope");
            }
            assert!(token.me().await.is_ok(), "who one is needs no scope");
        }
        assert!(ann.with_scopes("lease:revoke service:*").await.revoke(&lease).await.is_ok());
    }
}
