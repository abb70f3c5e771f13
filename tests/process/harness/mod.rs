//! What the tests share: processes, the data they run on, and callers that tell apart what was answered, what was
//! refused and what was never answered.

mod broker;
mod caller;
mod postgres;
mod process;
mod random;
mod site;

use std::time::{Duration, Instant};

pub(crate) use self::{
    broker::Broker,
    caller::{Ask, Caller, Failure, LEASES, Way, http_client},
    postgres::Postgres,
    process::Process,
    random::Random,
    site::{Kind, Site, program},
};

/// Asks again and again until there is an answer; fails the test when time is up.
pub(crate) async fn until<T>(what: &str, within: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {within:?}");
        // Another process tells nobody when it is so far: ask again until the deadline.
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Long enough for a start on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
