//! What must be refused, and how: nothing panics, nothing leaks, nothing is guessed at, and the refusal says what was
//! wrong. What depends on the life of a lease (renewed too late or too often, revoked twice, somebody else's) is among
//! the scenarios.

mod described;
mod generic_requests;
mod grpc_messages;
mod http_requests;
mod oauth_requests;
mod queries;
mod storage;
mod texts;
mod tokens;
mod values;
