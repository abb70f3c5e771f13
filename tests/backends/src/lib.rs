//! Stand-ins for the services that Leasehold lends credentials of, on 127.0.0.1 alone.
//!
//! Each is a folder of its own: [`tray`], [`orderdesk`], [`todo`], [`oauth`], [`anything`], [`todoist`], [`jira`] and
//! [`notion`]. They answer as the services do, with their limits and odd shapes, as far as programs that use them can
//! tell. `stage` is what they share: faults, a clock that tests move, counters, recorded requests, and `/__ctl/…`, which
//! offers all of that to tests of other processes. `grants` is what the authorization servers among them remember.
//!
//! Nothing here is a service to rely on: state is in memory, nothing is logged, and comparisons are plain.

pub mod anything;
pub mod jira;
pub mod notion;
pub mod oauth;
pub mod orderdesk;
pub mod todo;
pub mod todoist;
pub mod tray;

mod grants;
mod stage;

pub use grants::Rotation;
pub use stage::{
    Action, Clock, Counts, EchoFault, Ended, Fault, Faults, Listen, Match, Recorded, Running, StatusFault,
    Switches, outbox::signature, random::fingerprint, secrets::basic,
};
