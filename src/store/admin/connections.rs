//! What happens to links by which people connect accounts. Each step is taken once: it touches nothing when another one was
//! first.

use crate::model::{
    connection::ConnectLink,
    id::{ConnectLinkId, CredentialId},
    instant::Instant,
};

/// One step of a link.
#[derive(Debug, Clone)]
pub enum LinkChange {
    /// A new one, with the digest of its handle.
    Create(Box<ConnectLink>, String),
    /// It belongs to this browser from now on (the digest of its cookie), if to none before.
    Bind(ConnectLinkId, String),
    /// The browser (digest) goes on to the service, with this state (digest), at this moment. Again and again, until it
    /// comes back.
    Begin(ConnectLinkId, String, String, Instant),
    /// It came back.
    Exchange(ConnectLinkId),
    /// An account was reached: the credential, and the account as the service names it.
    Connect(ConnectLinkId, CredentialId, Option<String>),
    /// Whoever asked confirms.
    Confirm(ConnectLinkId),
    /// Nothing comes of it, for this reason; not once it is confirmed.
    Fail(ConnectLinkId, String),
}
