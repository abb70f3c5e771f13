//! Tokens that the broker makes, when several processes want them at once and when the one that makes them dies.
//!
//! The service is a stand-in within the test, whose time moves together with the brokers'. Of every case it is counted
//! how often the service was asked: a refresh token that works once must not be tried for ever.

mod canary;
mod crowd;
mod frozen;
mod kills;
mod minted;
mod outcome;
mod relay;
mod scene;
mod steps;
mod unreachable;
