//! The interface, once: one table of operations, from which HTTP, gRPC, the API's description, `leasehold admin` and the
//! authorization test are made.
//!
//! Owns names, paths, RPCs, who may call, and, for administration, the shapes of requests and answers: an operation of
//! administration is one function from a request to an answer, and every way in translates to and from it by the fields'
//! names. It must know neither axum nor tonic; rules are the broker's. What needs more than that (leases and tokens, for
//! speed; OAuth, for its own shapes) has only its row here, and handlers of its own in each way in.

pub mod applications;
pub mod audit;
mod choices;
pub mod clients;
pub mod connect_links;
pub mod credential_views;
pub mod credentials;
mod handmade;
pub mod invitations;
pub mod keys;
pub mod leases;
pub mod members;
pub mod organizations;
pub mod own_credentials;
pub mod own_tokens;
mod pages;
pub mod read;
pub mod resources;
pub mod services;
pub mod shape;
mod texts;
pub mod tokens;
pub mod users;
pub mod withdrawals;

use std::{pin::Pin, sync::Arc};

use futures::{TryStreamExt as _, stream::BoxStream};
use http::Method;
use serde_json::{Value, json};

use crate::{
    broker::{Broker, Call, Code, Error},
    model::scope::Operation as Scope,
};

use pages::Walk;
use shape::Shape;

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// The stable name: in the description, the log, the metrics and the audit.
    pub name: &'static str,
    /// What it does; the first line stands for the whole.
    pub description: &'static str,
    /// The HTTP method; `GET` answers `HEAD` too.
    pub method: Method,
    /// The HTTP path, with `{names}` for what varies.
    pub path: &'static str,
    /// `Service/Method` within `leasehold.v1`; none where gRPC has no such call.
    pub rpc: Option<&'static str>,
    /// Who may call it, and on what.
    pub relation: Relation,
    /// The scope that the token needs.
    pub scope: Option<Scope>,
    /// The status of a success.
    pub status: u16,
    /// The words after `leasehold admin`.
    pub command: Option<&'static str>,
    /// The list in the answer that is empty when all is well: a command that is answered with more fails, though the call
    /// succeeded.
    pub faults: Option<&'static str>,
    /// How it is done, when the request and the answer say all.
    pub generic: Option<Generic>,
}

/// Who may call an operation. The broker enforces it; the table says it, and a test compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Everybody.
    Anonymous,
    /// A client that shows its id and secret (RFC 6749, section 2.3).
    Client,
    /// Whoever shows a token, on what is its own; everything else is not there.
    Own,
    /// An owner or admin of the organization, within the own role; operators too.
    Organization,
    /// Whoever works for the broker itself.
    Operator,
}

/// An operation that is one function from a request to an answer.
#[derive(Debug)]
pub struct Generic {
    /// The request: path parameters, query or body together.
    pub request: fn() -> Shape,
    /// The answer.
    pub answer: fn() -> Shape,
    run: Run,
}

/// How an operation answers; the request and each answer are JSON objects.
#[derive(Debug)]
enum Run {
    /// Once.
    Once(fn(Arc<Broker>, Call, Value) -> Running<Value>),
    /// With any number of lines, made as they are consumed.
    Lines(fn(Arc<Broker>, Call, Value) -> Running<Lines>),
}

/// The lines of an answer. An error ends them.
pub type Lines = BoxStream<'static, Result<Value, Error>>;
type Running<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// Every operation.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    let files = [
        handmade::OPERATIONS,
        users::OPERATIONS,
        organizations::OPERATIONS,
        members::OPERATIONS,
        invitations::OPERATIONS,
        credentials::OPERATIONS,
        own_credentials::OPERATIONS,
        connect_links::OPERATIONS,
        applications::OPERATIONS,
        services::OPERATIONS,
        clients::OPERATIONS,
        resources::OPERATIONS,
        tokens::OPERATIONS,
        own_tokens::OPERATIONS,
        leases::OPERATIONS,
        audit::OPERATIONS,
        audit::STREAMS,
        keys::OPERATIONS,
        withdrawals::OPERATIONS,
    ];
    files.into_iter().flatten()
}

/// The operation of a name.
#[must_use]
pub fn operation(name: &str) -> Option<&'static Operation> {
    operations().find(|operation| operation.name == name)
}

impl Operation {
    /// The first line of the description.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        self.description.trim().lines().next().unwrap_or_default().trim()
    }

    /// The names in the path, in order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Whether an answer tells that something is wrong with what was looked at.
    #[must_use]
    pub fn tells_faults(&self, answer: &Value) -> bool {
        let faults = self.faults.and_then(|name| answer.get(name)).and_then(Value::as_array);
        faults.is_some_and(|faults| !faults.is_empty())
    }

    /// Whether nothing need be shown.
    #[must_use]
    pub const fn is_anonymous(&self) -> bool {
        matches!(self.relation, Relation::Anonymous)
    }

    /// Whether workers, probes and browsers ask it all day long, so that its successes need no line in the log.
    #[must_use]
    pub fn is_routine(&self) -> bool {
        self.generic.is_none() && !self.path.starts_with("/api/admin/")
    }

    /// Whether a field of its request stands in the path.
    #[must_use]
    pub fn in_path(&self, field: &str) -> bool {
        self.path_parameters().any(|name| name == field)
    }

    /// Whether it answers with lines.
    #[must_use]
    pub const fn answers_lines(&self) -> bool {
        matches!(self.generic, Some(Generic { run: Run::Lines(_), .. }))
    }

    /// Runs it for a caller; lines are gathered in `lines`. A refusal is recorded.
    ///
    /// # Errors
    /// What the broker says; [`Code::Internal`] for an operation that is not [`Generic`].
    pub async fn run(&self, broker: Arc<Broker>, call: Call, request: Value) -> Result<Value, Error> {
        let Some(Generic { run: Run::Once(run), .. }) = &self.generic else {
            let lines: Vec<Value> = self.stream(broker, call, request).await?.try_collect().await?;
            return Ok(json!({ "lines": lines }));
        };
        let target = self.target(&request);
        let walk = Walk::of(self, &request);
        let outcome = match self.admitted(&walk, request) {
            Ok(request) => run(Arc::clone(&broker), call.clone(), request).await,
            Err(error) => Err(error),
        };
        broker.noted(&call, self.name, target.as_deref(), outcome).map(|answer| walk.seal(answer))
    }

    /// Runs it for a caller, line by line. A refusal is recorded.
    ///
    /// # Errors
    /// As [`Operation::run`]; [`Code::Internal`] for an operation that answers once.
    pub async fn stream(&self, broker: Arc<Broker>, call: Call, request: Value) -> Result<Lines, Error> {
        let Some(Generic { run: Run::Lines(run), .. }) = &self.generic else {
            return Err(Error::new(Code::Internal, "the operation has handlers of its own"));
        };
        let target = self.target(&request);
        let outcome = match self.admitted(&Walk::of(self, &request), request) {
            Ok(request) => run(Arc::clone(&broker), call.clone(), request).await,
            Err(error) => Err(error),
        };
        broker.noted(&call, self.name, target.as_deref(), outcome)
    }

    /// The request as the operation reads it, once what holds of every request was checked.
    fn admitted(&self, walk: &Walk, request: Value) -> Result<Value, Error> {
        texts::check(&request, self.path_parameters())?;
        walk.open(request)
    }

    /// What the request is about: the last of what its path names.
    fn target(&self, request: &Value) -> Option<String> {
        let name = self.path_parameters().last()?;
        request.get(name).and_then(Value::as_str).map(ToOwned::to_owned)
    }
}

/// A file's operations, as rows of the table. Each names its function, which has the operation's name.
macro_rules! table {
    ($($(#[doc = $doc:literal])+ $name:ident($request:ty) -> $answer:ty:
        $method:ident $path:literal $status:literal, rpc $rpc:literal, $relation:ident $scope:ident, cli $command:literal
        $(, fails with $faults:literal)?;)*) => {
        /// The rows.
        pub(super) static OPERATIONS: &[$crate::api::Operation] = &[$($crate::api::Operation {
            name: stringify!($name),
            description: concat!($($doc, "\n"),+),
            method: ::http::Method::$method,
            path: $path,
            rpc: Some($rpc),
            relation: $crate::api::Relation::$relation,
            scope: $crate::api::scope!($scope),
            status: $status,
            command: Some($command),
            faults: $crate::api::maybe!($($faults)?),
            generic: Some($crate::api::Generic {
                request: $crate::api::shape::Shape::of::<$request>,
                answer: $crate::api::shape::Shape::of::<$answer>,
                run: $crate::api::Run::Once(|broker, call, request| Box::pin(async move {
                    let request: $request = $crate::api::read::from_value(&request)?;
                    let answer: $answer = $name(&broker, &call, request).await?;
                    $crate::api::read::to_value(&answer)
                })),
            }),
        }),*];
    };
}
use table;

/// As [`table`], for operations that answer with lines: each names its function, which answers a stream of them.
macro_rules! streams {
    ($($(#[doc = $doc:literal])+ $name:ident($request:ty) -> $line:ty:
        $method:ident $path:literal $status:literal, rpc $rpc:literal, $relation:ident $scope:ident, cli $command:literal;)*) => {
        /// The rows of operations that answer with lines.
        pub(super) static STREAMS: &[$crate::api::Operation] = &[$($crate::api::Operation {
            name: stringify!($name),
            description: concat!($($doc, "\n"),+),
            method: ::http::Method::$method,
            path: $path,
            rpc: Some($rpc),
            relation: $crate::api::Relation::$relation,
            scope: Some($crate::model::scope::Operation::$scope),
            status: $status,
            command: Some($command),
            faults: None,
            generic: Some($crate::api::Generic {
                request: $crate::api::shape::Shape::of::<$request>,
                answer: $crate::api::shape::Shape::of::<$line>,
                run: $crate::api::Run::Lines(|broker, call, request| Box::pin(async move {
                    let request: $request = $crate::api::read::from_value(&request)?;
                    let lines = $name(broker, &call, request).await?;
                    let lines: $crate::api::Lines = Box::pin(::futures::StreamExt::map(lines, |line| {
                        line.and_then(|line: $line| $crate::api::read::to_value(&line))
                    }));
                    Ok(lines)
                })),
            }),
        }),*];
    };
}
use streams;

/// What a row may leave out.
macro_rules! maybe {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}
use maybe;

/// The scope of a row; `Any` stands for none.
macro_rules! scope {
    (Any) => {
        None
    };
    ($scope:ident) => {
        Some($crate::model::scope::Operation::$scope)
    };
}
use scope;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use leasehold_proto::DESCRIPTORS;
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn names_routes_commands_and_rpcs_are_unique() {
        let mut seen = BTreeSet::new();
        for operation in operations() {
            let route = format!("{} {}", operation.method, operation.path);
            let root = if operation.relation == Relation::Own { "me" } else { "admin" };
            let command = operation.command.map(|words| format!("{root} {words}"));
            let texts = [Some(operation.name), Some(&*route), operation.rpc, command.as_deref()];
            for text in texts.into_iter().flatten() {
                assert!(seen.insert(text.to_owned()), "{text}");
            }
            assert!(!operation.summary().is_empty(), "{}", operation.name);
        }
    }

    #[test]
    fn what_tells_faults_is_in_the_answer() {
        let telling: Vec<&Operation> = operations().filter(|operation| operation.faults.is_some()).collect();
        assert!(!telling.is_empty());
        for operation in telling {
            let fields = (operation.generic.as_ref().expect("generic").answer)().fields();
            assert!(fields.iter().any(|field| Some(&*field.name) == operation.faults), "{}", operation.name);
        }
        let verify = operation("verify_audit").expect("an operation");
        let told = |faults: &[&str]| verify.tells_faults(&json!({ "chains": 1, "faults": faults }));
        assert!(told(&["aud_1: record 3 was changed"]) && !told(&[]) && !verify.tells_faults(&json!({})));
    }

    #[test]
    fn the_table_has_every_rpc() {
        let set = FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors");
        let ours = set.file.iter().filter(|file| file.package() == "leasehold.v1");
        let services = ours.flat_map(|file| &file.service);
        let described: BTreeSet<String> = services
            .flat_map(|service| service.method.iter().map(|m| format!("{}/{}", service.name(), m.name())))
            .collect();
        let table: BTreeSet<String> = operations().filter_map(|o| o.rpc).map(ToOwned::to_owned).collect();
        assert_eq!(table, described);
    }

    #[test]
    fn administration_needs_a_scope() {
        for operation in operations().filter(|operation| operation.path.starts_with("/api/admin/")) {
            assert!(operation.scope.is_some(), "{}", operation.name);
            let relation = operation.relation;
            assert!(matches!(relation, Relation::Operator | Relation::Organization), "{}", operation.name);
        }
    }
}
