//! What must hold, theme by theme. Each scenario reads as what somebody does and what comes of it.

mod audit;
mod clients;
mod credentials;
mod described;
mod entitlement;
mod idempotency;
mod invitations;
mod keys;
mod lease_administration;
mod listing;
mod mcp_tokens;
mod members;
mod organizations;
mod own_credentials;
mod quota;
mod renewal;
mod resolution;
mod restore;
mod reuse;
mod revocation;
mod rotation;
mod tampering;
mod tokens;
mod users;
mod validation;
