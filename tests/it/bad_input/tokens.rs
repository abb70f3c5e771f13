//! Tokens that prove nothing. All are answered alike: 401, `UNAUTHENTICATED`.

use data_encoding::BASE64URL_NOPAD;
use leasehold::{
    keyring::{jwt::ACCESS_TOKEN_TYPE, signing::SigningKey},
    model::{audit::EventName, organization::Role},
    store::admin::Change,
};
use serde_json::{Value, json};

use crate::harness::{Borrower, ListAsk, Refused as _, TokenAsk, api::part, ask, scenarios};

scenarios! {
    async fn no_token(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        assert_eq!(every_operation(&scene.stranger(None), &lease).await, REFUSED);
        assert!(ann.renew(&lease).await.is_ok());
    }

    async fn a_malformed_header(scene) {
        let ann = scene.person().await;
        let header = ann.authorization.clone().expect("a header");
        let token = header.trim_start_matches("Bearer ");
        let long = format!("Bearer {}", "a".repeat(5_000));
        for wrong in ["Bearer", "Bearer ", token, "Basic YTpi", &format!("Token {token}"), &format!("Bearer{token}"), &long] {
            assert_eq!(scene.stranger(Some(wrong)).me().await.refusal(), "unauthenticated", "{wrong}");
        }
        assert!(scene.stranger(Some(&format!("bearer {token}"))).me().await.is_ok(), "the scheme has no case");
    }

    async fn a_malformed_token(scene) {
        let good = scene.person().await.client().await.token(None).await.unwrap().access_token;
        let unknown = format!("mcp_{}", "A".repeat(43));
        let (cut, longer) = (&good[..good.len() - 1], format!("{good}.e30"));
        for wrong in ["x", "a.b.c", "..", "mcp_short", &unknown, "lhs_", cut, &longer, &good.replace('.', "..")] {
            assert_eq!(scene.bearer(wrong).me().await.refusal(), "unauthenticated", "{wrong}");
        }
    }

    async fn an_expired_token(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let program = ann.client().await.enters().await;
        let lease = program.borrows(["jira"]).await.lease_id;
        scene.passes(3_600);

        assert_eq!(every_operation(&program, &lease).await, REFUSED);
    }

    async fn a_token_for_another_audience(scene) {
        let client = scene.person().await.client().await;
        let uri = format!("https://elsewhere-{:?}.example", scene.via);
        scene.change(EventName::ResourceCreated, &uri, Change::CreateResource(uri.parse().expect("a URI"), scene.now())).await;
        let ask = TokenAsk { resource: Some(uri), ..client.ask() };

        let token = scene.way_in().token(&ask).await.unwrap().access_token;

        assert_eq!(every_operation(&scene.bearer(&token), "lse_1").await, REFUSED);
    }

    async fn a_token_signed_by_somebody_else(scene) {
        let genuine = scene.person().await.client().await.token(None).await.unwrap().access_token;
        let kid = part(&genuine, 0)["kid"].as_str().expect("an id").parse().expect("an id");
        let (stranger, _) = SigningKey::generate(kid).expect("a key");

        let forged = stranger.sign_jwt(ACCESS_TOKEN_TYPE, &part(&genuine, 1)).expect("a token");

        assert_eq!(scene.bearer(forged.expose()).me().await.refusal(), "unauthenticated");
        assert!(scene.bearer(&genuine).me().await.is_ok());
    }

    async fn a_token_whose_claims_were_changed(scene) {
        let genuine = scene.person().await.client().await.token(Some("lease:read")).await.unwrap().access_token;
        let mut claims = part(&genuine, 1);
        claims["scope"] = json!("lease:create lease:read service:*");

        let forged = with_part(&genuine, 1, &claims);

        assert_eq!(scene.bearer(&forged).me().await.refusal(), "unauthenticated");
    }

    async fn a_token_of_algorithm_none(scene) {
        let genuine = scene.person().await.client().await.token(None).await.unwrap().access_token;
        for alg in ["none", "None", "HS256", "ES384", ""] {
            let mut header = part(&genuine, 0);
            header["alg"] = json!(alg);
            let forged = with_part(&genuine, 0, &header);
            let unsigned = forged.rsplit_once('.').map(|(signed, _)| format!("{signed}.")).expect("parts");
            for token in [forged, unsigned] {
                assert_eq!(scene.bearer(&token).me().await.refusal(), "unauthenticated", "{alg}");
            }
        }
    }

    async fn a_token_of_an_unknown_key(scene) {
        let genuine = scene.person().await.client().await.token(None).await.unwrap().access_token;
        for kid in [json!("sig_069bq1c8m5vk3f5k9t4m2s6g8c"), json!("../../etc/passwd"), json!(7), Value::Null] {
            let mut header = part(&genuine, 0);
            header["kid"] = kid;
            assert_eq!(scene.bearer(&with_part(&genuine, 0, &header)).me().await.refusal(), "unauthenticated");
        }
    }

    async fn a_token_of_a_stale_epoch(scene) {
        let team = scene.team().await;
        let client = team.client(Role::Member).await;
        let program = client.enters().await;
        assert!(program.me().await.is_ok());

        scene.change(EventName::ClientUpdated, client.id, Change::SetClientRole(client.id, Role::Admin)).await;

        assert_eq!(every_operation(&program, "lse_069bq1c8m5vk3f5k9t4m2s6g8c").await, REFUSED);
    }

    async fn a_client_secret_is_no_bearer_token(scene) {
        let client = scene.person().await.client().await;
        assert_eq!(scene.bearer(&client.secret).me().await.refusal(), "unauthenticated");
    }
}

/// How each operation is refused.
async fn every_operation(borrower: &Borrower, lease: &str) -> [String; 7] {
    [
        borrower.me().await.refusal(),
        borrower.create(&ask(["jira"])).await.refusal(),
        borrower.list(&ListAsk::default()).await.refusal(),
        borrower.show(lease).await.refusal(),
        borrower.renew(lease).await.refusal(),
        borrower.read(lease).await.refusal(),
        borrower.revoke(lease).await.refusal(),
    ]
}

/// The token with one part replaced, its signature left as it was.
fn with_part(token: &str, number: usize, part: &Value) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts[number] = BASE64URL_NOPAD.encode(part.to_string().as_bytes());
    parts.join(".")
}

const REFUSED: [&str; 7] = ["unauthenticated"; 7];
