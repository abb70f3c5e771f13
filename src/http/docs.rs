//! The API's description, browsable: Swagger UI (its files are part of the program; nothing is fetched) and the page
//! that each problem's `type` leads to.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    extract::{Path, State},
    http::header,
    response::{Html, IntoResponse, Redirect, Response},
};
use utoipa_swagger_ui::{Config, serve};

use crate::{
    broker::{Code, Error},
    wire::statuses,
};

use super::{App, errors::explain, problem::Problem};

/// This description
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operation",
    responses((status = 200, description = "An OpenAPI 3.1 document", content_type = "application/json"))
)]
pub(super) async fn openapi(State(app): State<Arc<App>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], app.openapi.clone()).into_response()
}

/// Leads to the page itself, whose files are named relative to it.
pub(super) async fn index() -> Redirect {
    Redirect::temporary("/docs/index.html")
}

/// One file of Swagger UI.
pub(super) async fn file(Path(name): Path<String>) -> Result<Response, Problem> {
    let config = Config::from("/openapi.json").validator_url("none").use_base_layout();
    let found = serve(&name, Arc::new(config)).map_err(|error| Problem::fault(error.to_string()))?;
    let file = found.ok_or_else(|| Error::not_found("page"))?;
    Ok(([(header::CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response())
}

/// Every error code, with an anchor each.
pub(super) async fn errors() -> Html<String> {
    let mut page = HEAD.to_owned();
    for code in Code::ALL {
        let (name, words) = (code.as_str(), explain(*code));
        let (status, _) = statuses(*code);
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "<section id=\"{name}\"><h2>{}</h2><p><code>{name}</code>, HTTP {}</p><p>{}</p></section>",
            words.title,
            status.as_u16(),
            words.meaning
        );
    }
    page.push_str("</main></body></html>\n");
    Html(page)
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Leasehold: errors</title>\
    <style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:45rem;padding:0 1rem}\
    section:target{outline:2px solid;outline-offset:.5rem}</style></head><body><main><h1>Errors</h1>\n\
    <p>What each <code>code</code> of an error answer means, and what to do. The API itself is described \
    <a href=\"/docs/index.html\">here</a>.</p>\n";
