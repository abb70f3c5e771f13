//! The way to tokens: the store's consent, which redirects with a code; the code's exchange; refreshing.

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::json;
use time::macros::format_description;
use url::Url;

use super::{
    App, Envelope, Tray,
    answers::{self, Refusal},
};
use crate::{
    grants::{Pair, Refreshed, Refused},
    stage::{
        answer,
        call::{Call, find},
        clock::date_time,
        random,
    },
};

/// A code that was not exchanged yet.
#[derive(Debug)]
pub(crate) struct Code {
    store: String,
    consumer_key: String,
    ends: i64,
}

impl Tray {
    /// `GET /auth.php`: consents without asking, as the real one does after the first time.
    pub(super) fn authorize(&self, call: &Call, store: &str) -> Response {
        let known = call.query("consumer_key").and_then(|key| self.app(key));
        let callback = call.query("callback").and_then(|callback| Url::parse(callback).ok());
        let (Some(app), Some(mut callback), Some("code")) = (known, callback, call.query("response_type"))
        else {
            return answer::text(
                StatusCode::BAD_REQUEST,
                "consumer_key, callback or response_type is wrong".to_owned(),
            );
        };
        let code = random::hex::<32>();
        let ends = self.stage.clock.now() + CODE_S;
        let issued = Code { store: store.to_owned(), consumer_key: app.consumer_key.clone(), ends };
        self.state().codes.insert(code.clone(), issued);
        let slash = if self.switches.now().slash_at_end { "/" } else { "" };
        callback
            .query_pairs_mut()
            .append_pair("adm_user", "1")
            .append_pair("code", &code)
            .append_pair("api_address", &format!("{}{slash}", self.api_address(store)))
            .append_pair("store", store)
            .append_pair("store_host", &self.store_host(store));
        answer::redirect(StatusCode::FOUND, callback.as_str())
    }

    /// `POST /auth` exchanges a code, `GET /auth` refreshes. Both count as calls.
    pub(super) fn auth(&self, call: &Call, store: &str) -> Response {
        if call.method == Method::GET {
            self.stage.counters.count(|counts| &mut counts.refresh_calls);
        }
        if let Some(refusal) = self.count_call(store) {
            return refusal;
        }
        if let Some(refusal) = self.store_refusal(store) {
            return answers::refused(call, refusal);
        }
        match call.method {
            Method::POST => self.exchange(call, store),
            Method::GET => self.refresh(call, store),
            _ => answers::method_not_allowed(call),
        }
    }

    fn exchange(&self, call: &Call, store: &str) -> Response {
        let now = self.stage.clock.now();
        let parameters = call.parameters();
        let code = find(&parameters, "code").and_then(|code| self.state().codes.remove(code));
        let app = find(&parameters, "consumer_key").and_then(|key| self.app(key));
        let secret = find(&parameters, "consumer_secret");
        let app = app.filter(|app| Some(app.consumer_secret.as_str()) == secret);
        let code = code.filter(|code| code.store == store && code.ends > now);
        let (Some(app), Some(code)) = (app, code) else { return self.bad_code(call) };
        if code.consumer_key != app.consumer_key {
            return self.bad_code(call);
        }
        let pair = self.open_grant(store, app.consumer_key.clone(), app.app_code);
        self.tokens(&pair, store, "Created tokens", true)
    }

    fn refresh(&self, call: &Call, store: &str) -> Response {
        let switches = self.switches.now();
        if switches.keys_to_refresh {
            let app = call.query("consumer_key").and_then(|key| self.app(key));
            if app.is_none_or(|app| Some(app.consumer_secret.as_str()) != call.query("consumer_secret")) {
                return answers::refused(call, Refusal::Invalid);
            }
        }
        let (now, token) = (self.stage.clock.now(), call.query("refresh_token").unwrap_or_default());
        let mut state = self.state();
        let grant = state.grants.peek_refresh(token, now).map(|(grant, _)| grant);
        if grant.is_some_and(|grant| grant.account.as_deref() != Some(store)) {
            return answers::refused(call, Refusal::Invalid);
        }
        let app_code = grant.and_then(|grant| self.app(&grant.client)).map_or(0, |app| app.app_code);
        let terms = self.terms(store, app_code);
        let refreshed = state.grants.refresh(token, None, switches.rotation, terms, now);
        drop(state);
        self.count_refresh(refreshed.as_ref());
        match refreshed {
            Ok(Refreshed::Anew(pair) | Refreshed::Again(pair)) => {
                self.tokens(&pair, store, "Refreshed tokens", false)
            }
            Err(_) => answers::refused(call, Refusal::Invalid),
        }
    }

    fn count_refresh(&self, refreshed: Result<&Refreshed, &Refused>) {
        let counters = &self.stage.counters;
        match refreshed {
            Ok(Refreshed::Anew(_)) => {
                counters.count(|counts| &mut counts.refreshes);
                counters.count(|counts| &mut counts.tokens_issued);
            }
            Ok(Refreshed::Again(_)) => counters.count(|counts| &mut counts.refresh_repeats),
            Err(Refused::Reused) => counters.count(|counts| &mut counts.refresh_reuses),
            Err(Refused::Unknown | Refused::Expired) => {}
        }
    }

    /// The envelope of tokens, in the form that the switches ask for.
    fn tokens(&self, pair: &Pair, store: &str, message: &str, first: bool) -> Response {
        let switches = self.switches.now();
        let date = |seconds| if switches.zero_dates { ZERO_DATE.to_owned() } else { brasilia(seconds) };
        let (status, code) = match (first, switches.envelope) {
            (true, Envelope::Created) => (StatusCode::CREATED, json!(201)),
            (false, Envelope::Created) => (StatusCode::OK, json!(200)),
            (_, Envelope::Okay) => (StatusCode::OK, json!("200")),
        };
        let mut body = json!({
            "message": message, "code": code,
            "access_token": pair.access, "refresh_token": pair.refresh,
            "date_expiration_access_token": date(pair.access_ends),
            "date_expiration_refresh_token": date(pair.refresh_ends),
            "date_activated": brasilia(self.stage.clock.now()),
        });
        if let Some(fields) = body.as_object_mut() {
            if first || !switches.omit_api_host {
                fields.insert("api_host".to_owned(), json!(self.api_address(store)));
            }
            if !switches.omit_store_id {
                fields.insert("store_id".to_owned(), json!(store));
            }
        }
        answer::json(status, body)
    }

    fn bad_code(&self, call: &Call) -> Response {
        let status =
            StatusCode::from_u16(self.switches.now().bad_code_status).unwrap_or(StatusCode::UNAUTHORIZED);
        answers::refused_with(status, call, Refusal::Invalid, "Code inválido ou já utilizado")
    }

    fn app(&self, consumer_key: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.consumer_key == consumer_key)
    }
}

/// Local time in Brasília, three hours behind UTC all year, and no zone in the text.
fn brasilia(seconds: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    date_time(seconds - 3 * 3_600).format(format).unwrap_or_default()
}

const ZERO_DATE: &str = "0000-00-00 00:00:00";
/// How long a code is good for; the real one does not say.
const CODE_S: i64 = 600;

#[cfg(test)]
mod tests {
    #[test]
    fn dates_are_those_of_brasilia() {
        assert_eq!(super::brasilia(1_614_707_901), "2021-03-02 14:58:21");
    }
}
