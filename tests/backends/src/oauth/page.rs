//! The page that asks for consent.

use axum::response::Response;
use http::StatusCode;

use super::Account;
use crate::stage::{answer, call::Pairs};

/// A form that repeats the request, with an account to choose and two buttons.
pub(crate) fn consent(client: &str, accounts: &[Account], request: &Pairs) -> Response {
    let hidden: Vec<String> = request
        .iter()
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value))
        })
        .collect();
    let choices: Vec<String> = accounts
        .iter()
        .enumerate()
        .map(|(index, account)| {
            let checked = if index == 0 { " checked" } else { "" };
            let (id, email) = (escaped(&account.id), escaped(&account.email));
            format!("<p><label><input type=\"radio\" name=\"account\" value=\"{id}\"{checked}> {email}</label></p>")
        })
        .collect();
    let (hidden, choices) = (hidden.concat(), choices.concat());
    let client = escaped(client);
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Stand-in: consent</title>\
         <h1>{client} asks for access</h1><form method=\"post\" action=\"/authorize\">{hidden}{choices}\
         <button name=\"decision\" value=\"approve\">Allow</button> \
         <button name=\"decision\" value=\"deny\">Deny</button></form></html>"
    );
    answer::html(StatusCode::OK, page)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
