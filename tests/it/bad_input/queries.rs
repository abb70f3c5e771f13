//! Queries of operations with handlers of their own, which read them as strictly as all others.

use reqwest::{Method, RequestBuilder, header};
use serde_json::{Value, json};

use super::http_requests::{Front, good};

#[tokio::test]
async fn a_query_that_nobody_reads_is_named() {
    let front = Front::opens().await;
    let lease = front.ann.borrows(["jira"]).await.lease_id;
    let leases = "/api/mcp/credentials/lease";
    for (method, path, body) in [
        (Method::GET, "/api/mcp/me".to_owned(), None),
        (Method::POST, leases.to_owned(), Some(good())),
        (Method::GET, format!("{leases}/{lease}"), None),
        (Method::GET, format!("{leases}/{lease}/credentials"), None),
        (Method::POST, format!("{leases}/{lease}/renew"), None),
        (Method::DELETE, format!("{leases}/{lease}"), None),
        (Method::POST, "/api/invitations/register".to_owned(), Some(json!({"link": "lhi_x", "name": "A"}))),
    ] {
        let asked = |query: &str| {
            let authorization = front.ann.authorization.clone().expect("a header");
            let request = front.client.request(method.clone(), format!("{}{path}?{query}", front.world.url));
            let request = request.header(header::AUTHORIZATION, authorization);
            body.iter().fold(request, RequestBuilder::json)
        };
        assert_eq!(front.refused(asked("ttl=60"), 422).await.fields, ["ttl"], "{method} {path}");
        assert_eq!(front.refused(asked("a=%ff"), 400).await.code, "malformed_request", "{method} {path}");
    }
    front.closes().await;
}

#[tokio::test]
async fn a_revocation_says_its_reason_in_body_or_query() {
    let front = Front::opens().await;
    let lease = front.ann.borrows(["jira"]).await.lease_id;
    let revoke = |query: &str| front.lease(Method::DELETE, &format!("/{lease}{query}"));
    let twice = revoke("?reason=done").json(&json!({"reason": "done"}));
    assert_eq!(front.refused(twice, 422).await.fields, ["reason"]);
    assert_eq!(revoke("?reason=all%20done").send().await.unwrap().status(), 200);
    let shown = front.lease(Method::GET, &format!("/{lease}")).send().await.unwrap();
    let shown: Value = shown.json().await.unwrap();
    assert_eq!(shown["revocation_reason"], "all done", "{shown}");
    front.closes().await;
}
