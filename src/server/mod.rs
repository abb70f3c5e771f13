//! The server: listeners, their TLS, and the composition of a broker behind them.
//!
//! `listen` and `tls` know sockets and HTTP; they know nothing of leases.

pub mod listen;
mod preface;
pub mod tls;

#[cfg(test)]
mod tests;
