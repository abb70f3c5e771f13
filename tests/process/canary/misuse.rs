//! Secrets where they don't belong, and bodies that cannot be read with secrets in them.

use leasehold_proto::v1::{CreateLeaseRequest, RenewLeaseRequest, lease_service_client::LeaseServiceClient};
use serde_json::json;

use crate::harness::LEASES;

use super::deeds::{Deeds, bearing};

impl Deeds<'_> {
    /// Secrets where they don't belong: in paths, in queries, in the wrong header, as the wrong kind of token.
    pub(super) async fn misplaced_secrets(&mut self) {
        let secrets = [
            self.mcp_token.clone(),
            self.admin_token.clone(),
            self.access_token.clone(),
            self.client.1.clone(),
        ];
        for secret in &secrets {
            for path in [
                format!("/{secret}"),
                format!("{LEASES}/{secret}"),
                format!("{LEASES}/{secret}/renew"),
                format!("{LEASES}?page_token={secret}"),
                format!("{LEASES}?status={secret}"),
                format!("/api/mcp/me?access_token={secret}"),
                format!("/docs/{secret}"),
            ] {
                self.open(self.http.get(self.at(&path)).bearer_auth(&self.mcp_token)).await;
            }
            self.open(self.http.get(self.at("/api/mcp/me")).header("authorization", secret)).await;
            self.open(
                self.http.get(self.at("/api/mcp/me")).header("authorization", format!("Token {secret}")),
            )
            .await;
            self.open(self.http.get(self.at("/api/mcp/me")).bearer_auth(format!("{secret}x"))).await;
            self.open(self.http.get(self.at("/api/mcp/me")).header("cookie", format!("token={secret}")))
                .await;
            let body = json!({ "services": [secret], "server_id": "misplaced" });
            self.open(self.http.post(self.at(LEASES)).bearer_auth(&self.mcp_token).json(&body)).await;
            let body = json!({ "services": ["todoist"], "server_id": "misplaced", "ttl": secret });
            self.open(self.http.post(self.at(LEASES)).bearer_auth(&self.mcp_token).json(&body)).await;
            for grant in
                [("grant_type", secret), ("scope", secret), ("resource", secret), ("client_id", secret)]
            {
                self.open(self.http.post(self.at("/oauth/token")).form(&[grant])).await;
            }
            let mut leases = LeaseServiceClient::new(self.channel.clone());
            let message = CreateLeaseRequest { services: vec![secret.clone()], ..Default::default() };
            let refused = leases.create_lease(bearing(message, &self.mcp_token)).await;
            self.status(refused);
            let message = RenewLeaseRequest { lease_id: secret.clone(), ..Default::default() };
            let refused = leases.renew_lease(bearing(message, &format!("{secret}x"))).await;
            self.status(refused);
        }
    }

    /// Bodies that cannot be read, with a secret in each.
    pub(super) async fn bad_bodies(&mut self) {
        let secret = self.client.1.clone();
        let large = format!("{{\"client_secret\":\"{secret}\",\"x\":\"{}\"}}", "y".repeat(1_100_000));
        let deep = format!("{}\"{secret}\"{}", "[".repeat(500), "]".repeat(500));
        let bodies = [
            format!("{{\"client_secret\": \"{secret}\", "),
            format!("{{\"client_secret\": {secret}}}"),
            format!("\"{secret}\""),
            format!("[\"{secret}\"]"),
            format!("{{\"ttl\": \"{secret}\"}}"),
            format!("{{\"services\": \"{secret}\"}}"),
            large,
            deep,
        ];
        for body in bodies {
            for path in ["/oauth/token", LEASES] {
                for content_type in ["application/json", "application/x-www-form-urlencoded", "text/plain"] {
                    let request = self.http.post(self.at(path)).header("content-type", content_type);
                    self.open(request.bearer_auth(&self.mcp_token).body(body.clone())).await;
                }
            }
        }
    }
}
