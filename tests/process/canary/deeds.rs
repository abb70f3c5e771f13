//! Everything that callers do, well and badly, over both protocols; what they are told that should hold no secret is
//! kept.

use leasehold_proto::v1::{
    CreateLeaseRequest, IntrospectTokenRequest, IssueTokenRequest, RenewLeaseRequest, RevokeTokenRequest,
    lease_service_client::LeaseServiceClient, token_service_client::TokenServiceClient,
};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tonic::{
    Request, Response, Status,
    transport::{Channel, Endpoint},
};

use crate::harness::{Broker, LEASES, Site, http_client};

use super::markers::Markers;

/// A caller that remembers.
pub(super) struct Deeds<'a> {
    markers: &'a mut Markers,
    pub(super) http: Client,
    url: String,
    pub(super) channel: Channel,
    pub(super) mcp_token: String,
    pub(super) admin_token: String,
    /// Id and secret.
    pub(super) client: (String, String),
    pub(super) access_token: String,
    told: String,
}

impl<'a> Deeds<'a> {
    pub(super) async fn new(broker: &Broker, site: &Site, markers: &'a mut Markers) -> Self {
        let env = site.env();
        let access_token = broker.access_token(&env).await;
        markers.add_access_token(&access_token);
        let endpoint = Endpoint::from_shared(format!("http://{}", broker.grpc)).expect("an address");
        Self {
            markers,
            http: http_client(),
            url: broker.url.clone(),
            channel: endpoint.connect().await.expect("the gRPC port"),
            mcp_token: env["MCP_TOKEN"].clone(),
            admin_token: env["ADMIN_TOKEN"].clone(),
            client: (env["OAUTH_CLIENT_ID"].clone(), env["OAUTH_CLIENT_SECRET"].clone()),
            access_token,
            told: String::new(),
        }
    }

    /// Everything that was told where no secret belongs: errors, statuses, headers, answers without secrets.
    pub(super) fn told(self) -> String {
        self.told
    }

    /// Tokens: issued, looked at, withdrawn, refused.
    pub(super) async fn tokens(&mut self) {
        let (id, secret) = self.client.clone();
        let body = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": secret });
        let issued = self.secret(self.http.post(self.at("/oauth/token")).json(&body)).await;
        let token = issued["access_token"].as_str().expect("a token").to_owned();
        self.markers.add_access_token(&token);
        let wrong = "lhs_wrong-secret-canary-AAAAAAAAAAAAAAAAAAAAAAAAAA";
        self.markers.add("a wrong client secret", wrong);
        let refused = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": wrong });
        self.open(self.http.post(self.at("/oauth/token")).json(&refused)).await;
        let form = [("grant_type", "client_credentials"), ("scope", "no:such")];
        self.open(self.http.post(self.at("/oauth/token")).basic_auth(&id, Some(wrong)).form(&form)).await;
        self.open(self.http.post(self.at("/oauth/token")).basic_auth(&id, Some(&secret)).form(&form)).await;
        let twice = [("client_secret", secret.as_str()), ("client_secret", secret.as_str())];
        self.open(self.http.post(self.at("/oauth/token")).form(&twice)).await;
        for path in ["/oauth/introspect", "/oauth/revoke", "/oauth/introspect"] {
            let request =
                self.http.post(self.at(path)).basic_auth(&id, Some(&secret)).form(&[("token", &token)]);
            self.open(request).await;
        }
        let mut tokens = TokenServiceClient::new(self.channel.clone());
        let issue = |client_secret: &str| IssueTokenRequest {
            client_id: id.clone(),
            client_secret: client_secret.to_owned(),
            ..Default::default()
        };
        let issued = tokens.issue_token(issue(&secret)).await.expect("a token").into_inner().access_token;
        self.markers.add_access_token(&issued);
        let refused = tokens.issue_token(issue(wrong)).await;
        self.status(refused);
        let (client_id, client_secret) = (id.clone(), secret.clone());
        let looked = IntrospectTokenRequest { token: issued.clone(), client_id, client_secret };
        let looked = tokens.introspect_token(looked).await.expect("an answer");
        self.tell(&format!("{looked:?}"));
        let revoke = RevokeTokenRequest { token: issued, client_id: id, client_secret: secret };
        tokens.revoke_token(revoke).await.expect("a revocation");
    }

    /// Leases: every verb with both tokens over both protocols, and the refusals that come with it.
    pub(super) async fn leases(&mut self) {
        for token in [self.mcp_token.clone(), self.access_token.clone()] {
            self.leases_over_http(&token).await;
            self.leases_over_grpc(&token).await;
            self.open(self.http.get(self.at("/api/mcp/me")).bearer_auth(&token)).await;
        }
    }

    /// What an operator does; with the operator's token and with one that may not.
    pub(super) async fn administration(&mut self) {
        let me = self.open(self.http.get(self.at("/api/mcp/me")).bearer_auth(&self.mcp_token)).await;
        let user = me["user_id"].as_str().expect("an id").to_owned();
        let organization = me["organizations"][1]["id"].as_str().expect("an id").to_owned();
        for (organization, token) in [
            (organization.clone(), self.mcp_token.clone()),
            ("nobody".to_owned(), self.admin_token.clone()),
            (self.mcp_token.clone(), self.admin_token.clone()),
            (organization, self.admin_token.clone()),
        ] {
            let path = format!("/api/admin/organizations/{organization}/members/{user}");
            self.open(self.http.delete(self.at(&path)).bearer_auth(token)).await;
        }
    }

    /// Invitations: made, sent again, refused, accepted by somebody who becomes a user by it.
    pub(super) async fn invitations(&mut self) {
        let admin = self.admin_token.clone();
        let listed = self.open(self.http.get(self.at("/api/admin/organizations")).bearer_auth(&admin)).await;
        let organization = listed["organizations"][0]["id"].as_str().expect("an id").to_owned();
        let path = format!("/api/admin/organizations/{organization}/invitations");
        let new =
            json!({ "email": "canary@example.org", "role": "guest", "registers_because": "the search" });
        let sent = self.secret(self.http.post(self.at(&path)).bearer_auth(&admin).json(&new)).await;
        let id = sent["invitation"]["id"].as_str().expect("an id").to_owned();
        let first = self.link(&sent);
        let again = format!("{path}/{id}/resend");
        let sent = self.secret(self.http.post(self.at(&again)).bearer_auth(&admin)).await;
        let second = self.link(&sent);
        self.open(self.http.get(self.at(&path)).bearer_auth(&admin)).await;
        let register = self.at("/api/invitations/register");
        for body in [
            json!({ "link": first, "name": "Canary" }),
            json!({ "link": second, "name": "" }),
            json!({ "link": second, "name": "Canary", "colour": first }),
            json!({ "link": [second], "name": "Canary" }),
        ] {
            self.open(self.http.post(&register).json(&body)).await;
        }
        let (accept, token) = (self.at("/api/invitations/accept"), self.mcp_token.clone());
        let body = json!({ "link": second });
        self.open(self.http.post(accept).bearer_auth(token).json(&body)).await;
        let body = json!({ "link": second, "name": "Canary" });
        let made = self.secret(self.http.post(&register).json(&body)).await;
        let token = made["token"].as_str().expect("a token").to_owned();
        self.markers.add("a first token", &token);
        let me = self.open(self.http.get(self.at("/api/mcp/me")).bearer_auth(token)).await;
        assert_eq!(me["email"], "canary@example.org");
        self.open(self.http.post(&register).json(&body)).await;
    }

    /// The link of an invitation, whose secret is one more to look for.
    fn link(&mut self, sent: &Value) -> String {
        let link = sent["link"].as_str().expect("a link").to_owned();
        let (_, secret) = link.split_once('#').expect("a secret");
        self.markers.add("an invitation", secret);
        link
    }

    async fn leases_over_http(&mut self, token: &str) {
        let all = ["todoist", "openai", "gmail", "jira", "notion", "sentry", "nowhere"];
        let body = json!({ "services": all, "server_id": "canary", "allow_partial": true, "ttl": 600 });
        let (http, url) = (self.http.clone(), self.at(LEASES));
        let key = format!("canary-of-{}", self.url);
        let create = || http.post(&url).bearer_auth(token).header("idempotency-key", &key);
        let granted = self.secret(create().json(&body)).await;
        assert!(granted.to_string().contains("dev-todoist-token"), "the values are the right ones");
        self.secret(create().json(&body)).await;
        let other = json!({ "services": ["todoist"], "server_id": "canary" });
        self.open(create().json(&other)).await;
        let missing = json!({ "services": all, "server_id": "canary" });
        self.open(self.http.post(self.at(LEASES)).bearer_auth(token).json(&missing)).await;
        let reuse = json!({ "services": ["todoist"], "server_id": "reuse", "reuse": true });
        for _ in 0..2 {
            self.secret(self.http.post(self.at(LEASES)).bearer_auth(token).json(&reuse)).await;
        }
        let id = granted["lease_id"].as_str().expect("an id");
        let lease = self.at(&format!("{LEASES}/{id}"));
        self.secret(self.http.post(format!("{lease}/renew?include=credentials")).bearer_auth(token)).await;
        self.secret(self.http.get(format!("{lease}/credentials")).bearer_auth(token)).await;
        self.open(self.http.post(format!("{lease}/renew")).bearer_auth(token)).await;
        self.open(self.http.get(&lease).bearer_auth(token)).await;
        self.open(self.http.get(self.at(LEASES)).bearer_auth(token)).await;
        self.open(self.http.delete(&lease).bearer_auth(token).json(&json!({ "reason": "over" }))).await;
        for request in [
            self.http.get(format!("{lease}/credentials")),
            self.http.post(format!("{lease}/renew")),
            self.http.get(&lease),
            self.http.request(Method::PATCH, &lease),
        ] {
            self.open(request.bearer_auth(token)).await;
        }
        self.open(create().json(&body)).await;
    }

    async fn leases_over_grpc(&mut self, token: &str) {
        let mut leases = LeaseServiceClient::new(self.channel.clone());
        let services = vec!["todoist".to_owned(), "jira".to_owned()];
        let message = CreateLeaseRequest { services, server_id: "canary".to_owned(), ..Default::default() };
        let granted =
            leases.create_lease(bearing(message.clone(), token)).await.expect("a lease").into_inner();
        assert!(!granted.credentials.is_empty());
        self.tell(&format!("{granted:?}{message:?}"));
        let message =
            RenewLeaseRequest { lease_id: granted.lease_id, include_credentials: true, ..Default::default() };
        let renewed = leases.renew_lease(bearing(message.clone(), token)).await.expect("a renewal");
        self.tell(&format!("{:?}{:?}", renewed.metadata(), renewed.get_ref()));
        let refused = leases.renew_lease(bearing(message, &token[..token.len() - 4])).await;
        self.status(refused);
        let message = CreateLeaseRequest { services: vec!["nowhere".to_owned()], ..Default::default() };
        let refused = leases.create_lease(bearing(message, token)).await;
        self.status(refused);
    }

    /// A request whose answer holds a secret; only its headers may be kept.
    async fn secret(&mut self, request: RequestBuilder) -> Value {
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        self.tell(&format!("{:?}\n", answer.headers()));
        answer.json().await.expect("JSON")
    }

    /// A request whose answer must not.
    pub(super) async fn open(&mut self, request: RequestBuilder) -> Value {
        let answer = request.send().await.expect("an answer");
        assert_ne!(answer.status().as_u16(), 500, "{}", answer.url().path());
        self.tell(&format!("{} {:?}\n", answer.status(), answer.headers()));
        let body = answer.text().await.expect("a body");
        self.tell(&body);
        serde_json::from_str(&body).unwrap_or_default()
    }

    pub(super) fn status<T>(&mut self, outcome: Result<Response<T>, Status>) {
        let status = outcome.map(drop).expect_err("a refusal");
        self.tell(&format!("{status:?} {}", String::from_utf8_lossy(status.details())));
    }

    fn tell(&mut self, text: &str) {
        self.told.push_str(text);
        self.told.push('\n');
    }

    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// A request with a token.
pub(super) fn bearing<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a token"));
    request
}
