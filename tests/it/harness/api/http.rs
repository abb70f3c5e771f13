//! HTTP, as any client speaks it.

use async_trait::async_trait;
use leasehold::{api::Operation, broker::Code};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{
    Answer, Api, Ask, Failure, Grant, Introspected, Issued, ListAsk, Me, Page, Read, RenewAsk, Renewed,
    ReportSeen, Revoked, Shown, TokenAsk, known,
};

pub(crate) struct Http {
    client: Client,
    url: Url,
}

impl Http {
    pub(crate) fn new(url: &str) -> Self {
        Self { client: client(), url: url.parse().expect("the server's URL") }
    }

    /// A request to `/api/mcp/` and what follows; ids are encoded, whatever they hold.
    fn request(&self, method: Method, path: &[&str], authorization: Option<&str>) -> RequestBuilder {
        let mut url = self.url.clone();
        url.path_segments_mut().expect("a base").pop_if_empty().extend(["api", "mcp"]).extend(path);
        let request = self.client.request(method, url);
        match authorization {
            Some(value) => request.header(header::AUTHORIZATION, value),
            None => request,
        }
    }

    /// A client's request about a token; the client authenticates in the body, for a change.
    fn about(&self, ask: &TokenAsk, path: &str, token: &str) -> RequestBuilder {
        let form = [("token", token), ("client_id", &ask.client_id), ("client_secret", &ask.client_secret)];
        self.client.post(self.url.join(path).expect("a URL")).form(&form)
    }

    /// A request for an operation of the table: what the path names stands there, the rest in query, header or body.
    fn generic(&self, operation: &Operation, authorization: Option<&str>, request: Value) -> RequestBuilder {
        let Value::Object(mut fields) = request else { panic!("a request is an object") };
        let mut url = self.url.clone();
        {
            let mut path = url.path_segments_mut().expect("a base");
            path.clear();
            for part in operation.path.trim_start_matches('/').split('/') {
                match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                    Some(name) => path.push(&plain(&fields.remove(name).unwrap_or_default())),
                    None => path.push(part),
                };
            }
        }
        let mut sent = self.client.request(operation.method.clone(), url);
        if let Some(value) = authorization {
            sent = sent.header(header::AUTHORIZATION, value);
        }
        if operation.method == Method::GET {
            let query: Vec<(String, String)> =
                fields.into_iter().map(|(name, value)| (name, plain(&value))).collect();
            return sent.query(&query);
        }
        if let Some(tag) = fields.remove("etag") {
            sent = sent.header(header::IF_MATCH, format!("\"{}\"", plain(&tag)));
        }
        sent.json(&fields)
    }

    fn lease(&self, method: Method, rest: &[&str], authorization: Option<&str>) -> RequestBuilder {
        self.request(method, &[&["credentials", "lease"], rest].concat(), authorization)
    }
}

/// A value as text, lists separated by commas.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[async_trait]
impl Api for Http {
    async fn token(&self, ask: &TokenAsk) -> Answer<Issued> {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(ask.scope.as_deref().map(|scope| ("scope", scope)));
        form.extend(ask.resource.as_deref().map(|resource| ("resource", resource)));
        let url = self.url.join("oauth/token").expect("a URL");
        let request = self.client.post(url).basic_auth(&ask.client_id, Some(&ask.client_secret)).form(&form);
        secret(request).await
    }

    async fn introspect(&self, ask: &TokenAsk, token: &str) -> Answer<Introspected> {
        secret(self.about(ask, "oauth/introspect", token)).await
    }

    async fn withdraw(&self, ask: &TokenAsk, token: &str) -> Answer<()> {
        let response = sent(self.about(ask, "oauth/revoke", token)).await;
        if response.status().is_success() { Ok(()) } else { Err(failure(response).await) }
    }

    async fn me(&self, authorization: Option<&str>) -> Answer<Me> {
        answer(self.request(Method::GET, &["me"], authorization)).await
    }

    async fn create(&self, authorization: Option<&str>, ask: &Ask) -> Answer<Grant> {
        let mut request = self.lease(Method::POST, &[], authorization).json(&body(ask));
        if let Some(key) = &ask.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        let response = sent(request).await;
        let fresh = response.status() == StatusCode::CREATED;
        let grant: Grant = read(response).await?;
        Ok(Grant { fresh, ..grant })
    }

    async fn show(&self, authorization: Option<&str>, id: &str) -> Answer<Shown> {
        answer(self.lease(Method::GET, &[id], authorization)).await
    }

    async fn list(&self, authorization: Option<&str>, ask: &ListAsk) -> Answer<Page> {
        let mut query: Vec<(&str, String)> = Vec::new();
        query.extend(ask.status.map(|status| ("status", status.to_owned())));
        query.extend(ask.service.map(|service| ("service", service.to_owned())));
        query.extend(ask.server_id.map(|server_id| ("server_id", server_id.to_owned())));
        query.extend(ask.page_size.map(|size| ("page_size", size.to_string())));
        query.extend(ask.page_token.clone().map(|token| ("page_token", token)));
        answer(self.lease(Method::GET, &[], authorization).query(&query)).await
    }

    async fn renew(&self, authorization: Option<&str>, id: &str, ask: &RenewAsk) -> Answer<Renewed> {
        let mut request = self.lease(Method::POST, &[id, "renew"], authorization);
        if ask.with_credentials {
            request = request.query(&[("include", "credentials")]);
        }
        if let Some(ttl) = ask.ttl {
            request = request.json(&json!({ "ttl": ttl }));
        }
        answer(request).await
    }

    async fn read(&self, authorization: Option<&str>, id: &str) -> Answer<Read> {
        secret(self.lease(Method::GET, &[id, "credentials"], authorization)).await
    }

    async fn report(
        &self,
        authorization: Option<&str>,
        id: &str,
        service: &str,
        version: i64,
    ) -> Answer<ReportSeen> {
        let body = json!({ "service": service, "credential_version": version });
        secret(self.lease(Method::POST, &[id, "unauthorized"], authorization).json(&body)).await
    }

    async fn revoke(&self, authorization: Option<&str>, id: &str, reason: Option<&str>) -> Answer<Revoked> {
        let request = self.lease(Method::DELETE, &[id], authorization);
        answer(match reason {
            Some(reason) => request.json(&json!({ "reason": reason })),
            None => request,
        })
        .await
    }

    async fn run(&self, authorization: Option<&str>, operation: &str, request: Value) -> Answer<Value> {
        let operation = known(operation);
        let request = self.generic(operation, authorization, request);
        if operation.answers_lines() {
            let response = sent(request).await;
            if !response.status().is_success() {
                return Err(failure(response).await);
            }
            let text = response.text().await.expect("lines");
            let lines: Vec<Value> =
                text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            return Ok(json!({ "lines": lines }));
        }
        answer(request).await
    }
}

/// A client that follows nothing and asks no proxy.
pub(crate) fn client() -> Client {
    // An earlier test of the same process may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().expect("a client")
}

/// What a response refuses, in the words of every way in.
pub(crate) async fn failure(response: Response) -> Failure {
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.expect("a body");
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} without JSON: {text}"));
    let retry_after = headers.get(header::RETRY_AFTER).map(|value| value.to_str().expect("text"));
    let texts = |name: &str| -> Vec<String> {
        let list = body[name].as_array().into_iter().flatten();
        list.map(|item| item.as_str().expect("a text").to_owned()).collect()
    };
    let fields = body["errors"].as_array().into_iter().flatten();
    let failure = Failure {
        code: body["code"].as_str().or_else(|| body["error"].as_str()).expect("a code").to_owned(),
        fields: fields.map(|error| error["field"].as_str().expect("a field").to_owned()).collect(),
        missing: texts("missing_services"),
        available: texts("available_services"),
        retry_after: retry_after.map(|seconds| seconds.parse().expect("seconds")),
    };
    if let Some(code) = Code::ALL.iter().find(|code| body["code"] == code.as_str()) {
        assert_eq!(status, leasehold::wire::statuses(*code).0, "{text}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
    }
    failure
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Answer<T> {
    read(sent(request).await).await
}

/// An answer that must not be kept by anybody on the way.
async fn secret<T: DeserializeOwned>(request: RequestBuilder) -> Answer<T> {
    let response = sent(request).await;
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    read(response).await
}

async fn sent(request: RequestBuilder) -> Response {
    let response = request.send().await.expect("an answer");
    assert!(response.headers().contains_key("x-request-id"), "every answer has its id");
    response
}

async fn read<T: DeserializeOwned>(response: Response) -> Answer<T> {
    if !response.status().is_success() {
        return Err(failure(response).await);
    }
    let text = response.text().await.expect("a body");
    Ok(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

/// Says only what is unusual, as a client would.
fn body(ask: &Ask) -> Value {
    let mut body = Map::new();
    body.insert("services".to_owned(), json!(ask.services));
    body.insert("server_id".to_owned(), json!(ask.server_id));
    body.extend(ask.ttl.map(|ttl| ("ttl".to_owned(), json!(ttl))));
    body.extend(ask.organization_id.as_ref().map(|id| ("organization_id".to_owned(), json!(id))));
    body.extend(ask.client_info.as_ref().map(|info| ("client_info".to_owned(), json!(info))));
    body.extend(ask.allow_partial.then(|| ("allow_partial".to_owned(), json!(true))));
    body.extend(ask.reuse.then(|| ("reuse".to_owned(), json!(true))));
    Value::Object(body)
}
