//! The record of a call: one line in the log and its figures, in the same words for every way in.
//!
//! Successes of what workers do all day are told at `debug`, since their rows, audit records and figures tell the same
//! and the line would cost more than the call; what else succeeds, and every refusal, at `info`; what was slow or
//! failed at `warn`; a fault of the broker at `error`.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use tracing::Level;

use super::{
    Stopwatch,
    metrics::{Metrics, Outcome, RequestFigures, Transport},
    trace::{CallTrace, Spent, micros},
};

/// Where the calls of one way in are recorded. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    figures: RequestFigures,
    /// By operation: whether its successes go untold.
    routine: Box<[bool]>,
    slow: Option<Duration>,
}

/// A call under way. Dropped unfinished, because the caller left, it is recorded as cancelled.
pub struct Observation {
    access: Access,
    operation: usize,
    trace: Arc<CallTrace>,
    since: Stopwatch,
    finished: bool,
}

/// How a call was answered.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The place of the status in the list of the transport.
    pub status: usize,
    /// What that means.
    pub outcome: Outcome,
    /// The stable code of the error, if it is one.
    pub code: Option<&'static str>,
    /// What the caller was not told about it.
    pub cause: Option<&'a (dyn Error + 'static)>,
}

impl Access {
    /// Records in these metrics. Each operation comes with whether it is routine, which leaves its successes untold. A
    /// call is slow that takes as long as `slow`, none where that is none.
    pub fn new(
        metrics: &Metrics,
        transport: &'static Transport,
        operations: impl Iterator<Item = (&'static str, bool)>,
        slow: Option<Duration>,
    ) -> Self {
        let (names, routine): (Vec<_>, Vec<_>) = operations.unzip();
        let figures = metrics.requests(transport, names.into_iter());
        let routine = routine.into_boxed_slice();
        Self(Arc::new(Inner { figures, routine, slow }))
    }

    /// Begins to observe a call; `operation` is its place in the list of operations, none for what is not on it.
    #[must_use]
    pub fn begin(&self, operation: Option<usize>, trace: Arc<CallTrace>) -> Observation {
        let operation = operation.unwrap_or(usize::MAX);
        Observation { access: self.clone(), operation, trace, since: Stopwatch::start(), finished: false }
    }
}

impl Observation {
    /// Records the answer.
    pub fn finish(mut self, answer: Answer<'_>) {
        self.finished = true;
        self.record(answer);
    }

    fn record(&self, answer: Answer<'_>) {
        let took = self.since.elapsed();
        let figures = &self.access.0.figures;
        figures.answered(self.operation, answer.status, answer.outcome, took);
        if let Some(code) = answer.code {
            figures.refused(code);
        }
        if let Some(reason) = self.trace.unproven() {
            figures.unproven(reason);
        }
        self.log(answer, took);
    }

    fn log(&self, answer: Answer<'_>, took: Duration) {
        let Inner { figures, routine, slow } = &*self.access.0;
        let slow = slow.is_some_and(|limit| took >= limit);
        let routine = routine.get(self.operation).copied().unwrap_or(false);
        let line = Line { figures, observation: self, answer, took, slow };
        match level(answer, slow, routine) {
            Level::ERROR => line.error(),
            Level::WARN => line.warn(),
            Level::INFO => line.info(),
            _ => line.debug(),
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        if !self.finished {
            let status = self.access.0.figures.transport().cancelled;
            self.record(Answer { status, outcome: Outcome::Cancelled, code: None, cause: None });
        }
    }
}

fn level(answer: Answer<'_>, slow: bool, routine: bool) -> Level {
    match answer.outcome {
        // What passes with time, such as a database that is away, has a code of its own.
        Outcome::Failed if matches!(answer.code, Some("internal" | "server_error")) => Level::ERROR,
        Outcome::Failed => Level::WARN,
        _ if slow => Level::WARN,
        Outcome::Ok if routine => Level::DEBUG,
        Outcome::Ok | Outcome::Refused | Outcome::Cancelled => Level::INFO,
    }
}

/// One line of the log.
struct Line<'a> {
    figures: &'a RequestFigures,
    observation: &'a Observation,
    answer: Answer<'a>,
    took: Duration,
    slow: bool,
}

/// A level is part of a place in the code, so each has its own.
macro_rules! told_at {
    ($($function:ident),*) => {
        $(fn $function(&self) {
            let Self { figures, observation: Observation { operation, trace, .. }, answer, .. } = self;
            let Spent { queue_us, commit_us, read_us } = trace.spent();
            tracing::$function!(
                target: "leasehold::access",
                transport = figures.transport().name,
                operation = figures.operation(*operation),
                status = figures.status(answer.status),
                code = answer.code,
                reason = trace.unproven(),
                request_id = trace.request_id(),
                principal = trace.principal().map(tracing::field::display),
                duration_us = micros(self.took),
                queue_us,
                commit_us,
                read_us,
                slow = self.slow,
                cause = answer.cause.map(|cause| tracing::field::display(Chain(cause))),
                "answered"
            );
        })*
    };
}

impl Line<'_> {
    told_at!(error, warn, info, debug);
}

/// An error with all its causes, in one line.
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use serde_json::Value;

    use super::{
        super::{metrics::UNMATCHED, testing::logged, trace::note_unproven},
        *,
    };
    use crate::config::LogFormat;

    static TESTED: Transport =
        Transport { name: "http", statuses: &["200", "404", "500", "gone"], cancelled: 3 };
    const DONE: Answer<'static> = Answer { status: 0, outcome: Outcome::Ok, code: None, cause: None };

    fn access(slow: Option<Duration>) -> Access {
        let operations = [("show_lease", true), ("create_user", false)].into_iter();
        Access::new(&Metrics::new(), &TESTED, operations, slow)
    }

    fn begin(access: &Access, operation: Option<usize>) -> Observation {
        access.begin(operation, Arc::new(CallTrace::new("r-1".into())))
    }

    fn lines(filter: &str, work: impl FnOnce()) -> Vec<Value> {
        let text = logged(LogFormat::Json, filter, work);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn what_is_routine_is_told_at_debug_and_all_else_louder() {
        let calm = access(Some(Duration::from_mins(1)));
        let answer = |operation, answer: Answer<'_>| begin(&calm, operation).finish(answer);
        let refused = Answer { status: 1, outcome: Outcome::Refused, code: Some("not_found"), cause: None };
        let failed = |code| Answer { status: 2, outcome: Outcome::Failed, code: Some(code), cause: None };
        let told = lines("debug", || {
            answer(Some(0), DONE);
            answer(Some(1), DONE);
            answer(None, DONE);
            answer(Some(0), refused);
            answer(Some(0), failed("unavailable"));
            answer(Some(0), failed("internal"));
            drop(begin(&calm, Some(0)));
            begin(&access(Some(Duration::ZERO)), Some(0)).finish(DONE);
            begin(&access(None), Some(0)).finish(DONE);
        });
        let told: Vec<_> = told
            .iter()
            .map(|line| ["level", "operation", "status"].map(|field| line[field].as_str().unwrap()))
            .collect();
        let expected = [
            ["DEBUG", "show_lease", "200"],
            ["INFO", "create_user", "200"],
            ["INFO", UNMATCHED, "200"],
            ["INFO", "show_lease", "404"],
            ["WARN", "show_lease", "500"],
            ["ERROR", "show_lease", "500"],
            ["INFO", "show_lease", "gone"],
            ["WARN", "show_lease", "200"],
            ["DEBUG", "show_lease", "200"],
        ];
        assert_eq!(told, expected);
        assert_eq!(lines("info", || begin(&calm, Some(0)).finish(DONE)), Vec::<Value>::new());
    }

    #[test]
    fn a_slow_call_says_who_it_was_and_where_its_time_went() {
        let trace = Arc::new(CallTrace::new("r-2".into()));
        let observation = access(Some(Duration::ZERO)).begin(Some(0), Arc::clone(&trace));
        trace.wrote(Duration::from_micros(900), Duration::from_micros(600));
        trace.read(Duration::from_micros(50));
        let cause = io::Error::other("disk gone");
        let answer = Answer { cause: Some(&cause), code: Some("unavailable"), ..DONE };
        let line = lines("info", || observation.finish(answer)).pop().unwrap();
        for (field, value) in [
            ("message", Value::from("answered")),
            ("target", "leasehold::access".into()),
            ("transport", "http".into()),
            ("request_id", "r-2".into()),
            ("slow", true.into()),
            ("queue_us", 300.into()),
            ("commit_us", 600.into()),
            ("read_us", 50.into()),
            ("code", "unavailable".into()),
            ("cause", "disk gone".into()),
        ] {
            assert_eq!(line[field], value, "{line}");
        }
        assert!(
            line["duration_us"].is_u64() && line.get("reason").is_none() && line.get("principal").is_none()
        );
    }

    #[tokio::test]
    async fn who_was_not_believed_is_counted_by_the_reason() {
        let metrics = Metrics::new();
        let access = Access::new(&metrics, &TESTED, [("show_lease", true)].into_iter(), None);
        let trace = Arc::new(CallTrace::new("r-3".into()));
        let observation = access.begin(Some(0), Arc::clone(&trace));
        trace.around(async { note_unproven("expired") }).await;
        observation.finish(Answer {
            status: 1,
            outcome: Outcome::Refused,
            code: Some("unauthenticated"),
            cause: None,
        });
        let text = metrics.render();
        for line in [
            "leasehold_auth_failures_total{transport=\"http\",reason=\"expired\"} 1",
            "leasehold_refusals_total{transport=\"http\",code=\"unauthenticated\"} 1",
        ] {
            assert!(text.lines().any(|rendered| rendered == line), "{line}\n{text}");
        }
    }
}
