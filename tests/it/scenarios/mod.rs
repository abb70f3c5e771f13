//! What must hold, theme by theme. Each scenario reads as what somebody does and what comes of it.

mod audit;
mod entitlement;
mod idempotency;
mod keys;
mod listing;
mod quota;
mod renewal;
mod resolution;
mod reuse;
mod revocation;
mod rotation;
mod tokens;
