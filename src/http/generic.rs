//! Operations that the table does by itself: the request is gathered from path, query and body, the answer is its JSON.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{FromRequest, RawPathParams, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on},
};
use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::{Map, Value};

use crate::{
    api::{Lines, Operation, read::shown, shape::Shape},
    broker::{Code, Error, Violation},
};

use super::{
    App,
    caller::Authenticated,
    extract::{JsonBody, read_body},
    parameters::Parameters,
    problem::Problem,
};

/// The operation's one route.
pub(super) fn handler(operation: &'static Operation) -> MethodRouter<Arc<App>> {
    let shape = operation.generic.as_ref().map(|generic| Arc::new((generic.request)()));
    let filter = MethodFilter::try_from(operation.method.clone()).unwrap_or(MethodFilter::POST);
    on(
        filter,
        move |State(app): State<Arc<App>>,
              Authenticated(call): Authenticated,
              path: RawPathParams,
              request: Request| async move {
            let gathered = gather(operation, shape.as_deref(), &path, request).await;
            let gathered = gathered.map_err(|problem| *problem.0);
            let fields = app.broker.noted(&call, operation.name, None, gathered)?;
            let (broker, asked) = (Arc::clone(&app.broker), Value::Object(fields));
            if operation.answers_lines() {
                return Ok(lines(operation.stream(broker, call, asked).await?));
            }
            Ok::<_, Problem>(respond(operation, operation.run(broker, call, asked).await?))
        },
    )
}

/// The request's fields, wherever they stand.
async fn gather(
    operation: &Operation,
    shape: Option<&Shape>,
    path: &RawPathParams,
    request: Request,
) -> Result<Map<String, Value>, Problem> {
    let query = query(&request)?;
    let tag = if_match(request.headers())?;
    let mut fields = match operation.method {
        Method::GET => shape.map(|shape| shape.typed(query)).unwrap_or_default(),
        _ if !query.is_empty() => {
            let unknown =
                query.iter().map(|(name, _)| Violation::new(shown(name), "is not a known query parameter"));
            return Err(Problem::invalid(unknown.collect()));
        }
        _ => body(request, takes_body(operation, shape)).await?,
    };
    for (name, value) in path {
        if fields.insert(name.to_owned(), Value::from(value)).is_some() {
            return Err(Problem::invalid(vec![Violation::new(name, "stands in the path, and only there")]));
        }
    }
    if let Some(tag) = tag
        && fields.insert("etag".to_owned(), Value::from(tag)).is_some()
    {
        let reason = "stands in If-Match already; name the entity tag once";
        return Err(Problem::invalid(vec![Violation::new("etag", reason)]));
    }
    Ok(fields)
}

/// The fields in the body, which may be left out when none must be there.
async fn body(request: Request, required: bool) -> Result<Map<String, Value>, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = read_body(&parts, body).await?;
    if bytes.is_empty() && !required {
        return Ok(Map::new());
    }
    let request = Request::from_parts(parts, Body::from(bytes));
    Ok(JsonBody::<Map<String, Value>>::from_request(request, &()).await?.0)
}

/// Whether anything of the request must stand in a body.
fn takes_body(operation: &Operation, shape: Option<&Shape>) -> bool {
    let in_path = |name: &str| operation.path_parameters().any(|parameter| parameter == name);
    let fields = shape.map(Shape::fields).unwrap_or_default();
    fields.iter().any(|field| field.required && !in_path(&field.name))
}

fn query(request: &Request) -> Result<Vec<(String, String)>, Problem> {
    let text = request.uri().query().unwrap_or_default();
    let parsed = Parameters::parse(text.as_bytes());
    let Parameters(pairs) =
        parsed.map_err(|_| Problem::new(Code::MalformedRequest, "the query is not UTF-8"))?;
    let repeated =
        pairs.iter().enumerate().find(|(at, (name, _))| pairs.iter().take(*at).any(|(n, _)| n == name));
    if let Some((_, (name, _))) = repeated {
        return Err(Problem::invalid(vec![Violation::new(shown(name), "is given more than once")]));
    }
    // A parameter without a value counts as omitted (RFC 6749, section 3.1), here as everywhere.
    Ok(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect())
}

/// The entity tag of `If-Match` (RFC 9110, section 13.1.1); one at most, since a row has one state.
fn if_match(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let one = text == "*"
        || (text.len() >= 2 && text.starts_with('"') && text.ends_with('"') && !text.contains(','));
    if !one {
        return Err(Problem::invalid(vec![Violation::new(
            "If-Match",
            "must be one quoted entity tag, or *",
        )]));
    }
    Ok((text != "*").then(|| text.trim_matches('"').to_owned()))
}

/// JSON lines, sent as they are made. An error cuts the answer off, so that it never looks complete.
fn lines(lines: Lines) -> Response {
    let lines = lines.map(|line| {
        let line =
            line.inspect_err(|error| tracing::error!(%error, cause = ?error.cause, "an answer was cut off"))?;
        Ok::<_, Error>(Bytes::from(format!("{line}\n")))
    });
    ([(header::CONTENT_TYPE, "application/jsonl")], Body::from_stream(lines)).into_response()
}

fn respond(operation: &Operation, answer: Value) -> Response {
    let status = StatusCode::from_u16(operation.status).unwrap_or(StatusCode::OK);
    let tag = answer.get("etag").and_then(Value::as_str).map(|tag| format!("\"{tag}\""));
    let mut response = (status, Json(answer)).into_response();
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&tag).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_entity_tag_at_most() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, value.parse().unwrap());
            if_match(&headers)
        };
        assert_eq!(read("\"7\"").unwrap().as_deref(), Some("7"));
        assert_eq!(read("*").unwrap(), None);
        for wrong in ["7", "\"7", "\"7\", \"8\"", "", "\""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
    }
}
