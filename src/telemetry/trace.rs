//! What is learned of a call on its way down: who it was, and where its time went.
//!
//! The way in opens a [`CallTrace`] around the call; the floors below leave notes in it without being handed anything.
//! Notes are for logs and figures alone: nothing decides by them. Outside a call they go nowhere.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::model::principal::Principal;

tokio::task_local! {
    static CURRENT: Arc<CallTrace>;
}

/// Notes about one call.
#[derive(Debug)]
pub struct CallTrace {
    request_id: Arc<str>,
    principal: OnceLock<Principal>,
    unproven: OnceLock<&'static str>,
    queue_us: AtomicU64,
    commit_us: AtomicU64,
    read_us: AtomicU64,
}

/// Where a call's time went, in microseconds. What is left was spent elsewhere: on the wire, in cryptography.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Waiting for the batch before.
    pub queue_us: u64,
    /// In the batch that wrote it, up to its commit.
    pub commit_us: u64,
    /// Waiting for the database's word on a token or a lease.
    pub read_us: u64,
}

impl CallTrace {
    /// Of a call of this id.
    #[must_use]
    pub const fn new(request_id: Arc<str>) -> Self {
        Self {
            request_id,
            principal: OnceLock::new(),
            unproven: OnceLock::new(),
            queue_us: AtomicU64::new(0),
            commit_us: AtomicU64::new(0),
            read_us: AtomicU64::new(0),
        }
    }

    /// Runs the call: what is noted within is noted here.
    pub async fn around<F: Future>(self: Arc<Self>, call: F) -> F::Output {
        CURRENT.scope(self, call).await
    }

    /// The trace of the call under way in this task.
    #[must_use]
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// The call's id.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Who called, once known.
    #[must_use]
    pub fn principal(&self) -> Option<Principal> {
        self.principal.get().copied()
    }

    /// Why the caller was not believed, if it was not.
    #[must_use]
    pub fn unproven(&self) -> Option<&'static str> {
        self.unproven.get().copied()
    }

    /// Where the time went.
    #[must_use]
    pub fn spent(&self) -> Spent {
        let of = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Spent { queue_us: of(&self.queue_us), commit_us: of(&self.commit_us), read_us: of(&self.read_us) }
    }

    /// A write took this long from being handed in to its answer, and its batch this long of that.
    pub fn wrote(&self, waited: Duration, commit: Duration) {
        self.queue_us.fetch_add(micros(waited.saturating_sub(commit)), Ordering::Relaxed);
        self.commit_us.fetch_add(micros(commit), Ordering::Relaxed);
    }

    /// A reading took this long.
    pub fn read(&self, waited: Duration) {
        self.read_us.fetch_add(micros(waited), Ordering::Relaxed);
    }
}

/// The id of the call under way in this task, for a log line of a floor that is not handed it.
#[must_use]
pub fn current_request_id() -> Option<Arc<str>> {
    CURRENT.try_with(|trace| Arc::clone(&trace.request_id)).ok()
}

/// The caller proved to be this one.
pub fn note_principal(principal: Principal) {
    // A call has one caller: the first note is the only one.
    let _ = CURRENT.try_with(|trace| trace.principal.set(principal));
}

/// The caller was not believed, for this reason.
pub fn note_unproven(reason: &'static str) {
    let _ = CURRENT.try_with(|trace| trace.unproven.set(reason));
}

/// A duration in whole microseconds.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn notes_reach_the_call_they_are_made_in() {
        let user = Principal::User("usr_06gvo2ifslr5b5ig8j0302g4kk".parse().unwrap());
        let trace = Arc::new(CallTrace::new("r-1".into()));
        Arc::clone(&trace)
            .around(async {
                tokio::task::yield_now().await;
                note_principal(user);
                note_unproven("expired");
                let current = CallTrace::current().unwrap();
                current.wrote(Duration::from_micros(70), Duration::from_micros(40));
                current.wrote(Duration::from_micros(1), Duration::from_micros(2));
                current.read(Duration::from_micros(5));
                assert_eq!(current_request_id().as_deref(), Some("r-1"));
            })
            .await;
        assert_eq!(trace.spent(), Spent { queue_us: 30, commit_us: 42, read_us: 5 });
        assert_eq!((trace.principal(), trace.unproven()), (Some(user), Some("expired")));
        // Outside of a call nothing is noted and nothing breaks.
        note_unproven("again");
        assert!(CallTrace::current().is_none() && current_request_id().is_none());
    }
}
