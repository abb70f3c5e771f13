//! Operations that the table does by itself: the request is gathered from path, query and body, the answer is its JSON.

use std::{collections::BTreeSet, sync::Arc};

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
    fields::Fields,
    parameters::{Parameters, SAID_TWICE},
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
    let tag = if_match(request.headers(), shape)?;
    let mut fields = match operation.method {
        Method::GET => typed(shape, query),
        // Some on the way drop the body of a deletion.
        Method::DELETE => both(typed(shape, query), body(request).await?)?,
        _ if !query.is_empty() => {
            let unknown =
                query.iter().map(|(name, _)| Violation::new(shown(name), "is not a known query parameter"));
            return Err(Problem::invalid(unknown.collect()));
        }
        _ => body(request).await?,
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

fn typed(shape: Option<&Shape>, query: Vec<(String, String)>) -> Map<String, Value> {
    shape.map(|shape| shape.typed(query)).unwrap_or_default()
}

/// The fields of query and body, each in one of them.
fn both(mut query: Map<String, Value>, body: Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let twice: Vec<Violation> = body
        .keys()
        .filter(|name| query.contains_key(*name))
        .map(|name| Violation::new(shown(name), SAID_TWICE))
        .collect();
    if !twice.is_empty() {
        return Err(Problem::invalid(twice));
    }
    query.extend(body);
    Ok(query)
}

/// The fields in the body. Without a body there are none: which of them are missing is said by name.
async fn body(request: Request) -> Result<Map<String, Value>, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = read_body(&parts, body).await?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    let request = Request::from_parts(parts, Body::from(bytes));
    Ok(JsonBody::<Fields>::from_request(request, &()).await?.0.0)
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

/// The entity tag of `If-Match` (RFC 9110, section 13.1.1), which a row must have; none for `*`. Weak tags never match
/// (section 8.8.3.2): when there is nothing else, it is a tag that no row has.
fn if_match(headers: &HeaderMap, shape: Option<&Shape>) -> Result<Option<String>, Problem> {
    let refused = |reason| Problem::invalid(vec![Violation::new("If-Match", reason)]);
    let values: Vec<&str> =
        headers.get_all(header::IF_MATCH).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    let text = values.join(",");
    if values.is_empty() || text.trim() == "*" {
        return Ok(None);
    }
    if shape.is_some_and(|shape| shape.fields().iter().all(|field| field.name != "etag")) {
        return Err(refused("this operation knows no entity tags"));
    }
    let tags = entity_tags(&text).ok_or_else(|| refused("must be quoted entity tags, or *"))?;
    let strong: BTreeSet<&str> = tags.iter().filter(|(weak, _)| !weak).map(|(_, tag)| *tag).collect();
    if strong.len() > 1 {
        return Err(refused("names several states: name the one that was read"));
    }
    Ok(Some(strong.first().map(ToString::to_string).unwrap_or_default()))
}

/// The entity tags of a list, each with whether it is weak; none when it is no such list.
fn entity_tags(text: &str) -> Option<Vec<(bool, &str)>> {
    let mut tags = Vec::new();
    let mut rest = text.trim();
    loop {
        let weak = rest.strip_prefix("W/");
        let (tag, after) = weak.unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
        tags.push((weak.is_some(), tag));
        let after = after.trim_start();
        if after.is_empty() {
            return Some(tags);
        }
        rest = after.strip_prefix(',')?.trim_start();
    }
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
    fn an_entity_tag_that_a_row_must_have() {
        let read = |values: &[&str]| {
            let lines = values.iter().map(|value| (header::IF_MATCH, value.parse().unwrap()));
            if_match(&lines.collect(), None)
        };
        for (values, tag) in [
            (&["\"7\""][..], Some("7")),
            (&[" \"7\" , \"7\""], Some("7")),
            (&["W/\"6\", \"7\""], Some("7")),
            (&["\"a,b\""], Some("a,b")),
            (&["*"], None),
            (&[], None),
            // No row has the empty tag.
            (&["\"\""], Some("")),
            (&["W/\"7\""], Some("")),
        ] {
            assert_eq!(read(values).unwrap().as_deref(), tag, "{values:?}");
        }
        for wrong in
            [&["7"][..], &["\"7"], &[""], &["\""], &["*, \"7\""], &["\"7\" \"8\""], &["\"7\",", "w/\"7\""]]
        {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        assert!(read(&["\"7\", \"8\""]).is_err());
        assert!(read(&["\"7\"", "\"8\""]).is_err(), "lines of a field are one list");
    }
}
