//! A client that follows nothing, and answers read in full.

use std::{collections::HashMap, time::Duration};

use leasehold_backends::{Clock, Listen};
use reqwest::{Client, RequestBuilder, StatusCode, header::HeaderMap, redirect::Policy};
use serde_json::Value;
use url::Url;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// A text in the JSON.
    pub(crate) fn text_of(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.text)).to_owned()
    }

    /// Where it redirects to, and that URL's parameters.
    pub(crate) fn location(&self) -> (String, HashMap<String, String>) {
        assert_eq!(self.status, StatusCode::FOUND, "{}", self.text);
        let mut url: Url = self.header("location").parse().unwrap();
        let parameters = url.query_pairs().into_owned().collect();
        url.set_query(None);
        (url.to_string(), parameters)
    }
}

pub(crate) fn client() -> Client {
    // Unless another test of this process was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(Policy::none()).no_proxy().build().unwrap()
}

/// The answer; it is an error if none comes.
pub(crate) async fn tried(request: RequestBuilder) -> reqwest::Result<Answer> {
    let answer = request.send().await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Ok(Answer { status, headers, text: answer.text().await? })
}

pub(crate) async fn sent(request: RequestBuilder) -> Answer {
    tried(request).await.unwrap()
}

pub(crate) async fn get(url: &str) -> Answer {
    sent(client().get(url)).await
}

/// On a clock that stands still.
pub(crate) fn frozen() -> Listen {
    Listen { port: 0, clock: Some(Clock::frozen()) }
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
