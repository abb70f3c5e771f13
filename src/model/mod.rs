//! Floor 1: the vocabulary of the house.
//!
//! Owns the words of the product as types: ids, instants, owners, scopes, services, leases and their transitions,
//! and the pure rules over them (resolution, standing, renewal). It must know neither I/O nor a clock nor
//! randomness: `now` and random bytes are parameters.

pub mod address;
pub mod application;
pub mod audit;
pub mod catalog;
pub mod client;
pub mod connection;
pub mod credential;
pub mod grant;
pub mod header;
pub mod holdings;
pub mod id;
pub mod instant;
pub mod invitation;
pub mod lease;
pub mod mcp_token;
pub mod minted;
pub mod named;
pub mod organization;
pub mod owner;
pub mod page;
pub mod principal;
pub mod renewal;
pub mod resolution;
pub mod resource;
pub mod scope;
pub mod sealed;
pub mod secret;
pub mod service;
pub mod standing;
pub mod text;
pub mod token;
pub mod ttl;
pub mod user;
pub mod words;
