//! Names to addresses, and among them only those that may be dialled.

use std::{io, net::SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::model::address::{Reach, is_public};

/// The system's resolver, judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolver {
    reach: Reach,
}

impl Resolver {
    pub(super) const fn new(reach: Reach) -> Self {
        Self { reach }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let judged: Vec<SocketAddr> =
                found.filter(|address| reach == Reach::Anywhere || is_public(address.ip())).collect();
            if judged.is_empty() {
                return Err(io::Error::from(io::ErrorKind::AddrNotAvailable).into());
            }
            let addresses: Addrs = Box::new(judged.into_iter());
            Ok(addresses)
        })
    }
}
