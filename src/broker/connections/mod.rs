//! Connecting an account: somebody asks for a link, a person opens it and consents at the service, whoever asked confirms
//! which account was reached.
//!
//! Owns who may ask and confirm ([`links`]), what happens in the browser ([`flow`]), and what is kept of an account that
//! was reached ([`reached`]). It must know neither pages nor cookies: a way in hands over what the browser brought.
//!
//! Nobody is made to deposit an account unknowingly: the first page says who asks, for whom and for which service; a link
//! belongs to the browser that opened it first; what comes back is bound to that browser; and the account that was reached
//! can be borrowed only once whoever asked has confirmed it.

mod check;
mod flow;
mod links;
mod reached;

pub use flow::{Arrived, Browser, Opened};
pub use links::{LinkSeen, MadeLink, NewLink};

/// What it is called where it is not found.
const LINK: &str = "link to connect an account";
