//! The generator: workers that each keep one request in flight.

use std::{sync::Arc, time::Duration};

use hdrhistogram::Histogram;
use leasehold::telemetry::Stopwatch;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    Failure,
    connection::{self, Grpc, Http, Target},
    principals::Principal,
    workload::{Operation, Workload},
};

/// What the workers ask for, and in whose name.
pub(crate) struct Cast {
    pub(crate) principals: Vec<Principal>,
    /// What a create asks for.
    pub(crate) services: Vec<String>,
}

/// A lease, and the place of its principal in the cast.
pub(crate) type OwnLease = (usize, String);

/// Workers connected to one target.
pub(crate) struct Crew {
    workers: Vec<Worker>,
}

/// What was measured so far.
pub(crate) struct Measured {
    /// Microseconds.
    pub(crate) latencies: Histogram<u64>,
    pub(crate) elapsed: Duration,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
}

struct Worker {
    cast: Arc<Cast>,
    http: Http,
    grpc: Grpc,
    /// Which principal is next; each worker begins elsewhere and takes every one in turn.
    next: usize,
    turn: usize,
    /// Leases that may be revoked.
    spare: Vec<OwnLease>,
}

impl Crew {
    /// Connects so many workers; what may be revoked is shared out between them.
    pub(crate) async fn connect(
        target: Target,
        cast: &Arc<Cast>,
        in_flight: usize,
        mut spare: Vec<OwnLease>,
    ) -> Result<Self, Failure> {
        let mut channels = Vec::new();
        for _ in 0..in_flight.min(CHANNELS) {
            channels.push(connection::channel(target.grpc).await?);
        }
        let mut workers = Vec::with_capacity(in_flight);
        for (place, channel) in (0..in_flight).zip(channels.iter().cycle()) {
            let fair = spare.len() / (in_flight - place);
            workers.push(Worker {
                cast: Arc::clone(cast),
                http: Http::open(target.http).await?,
                grpc: Grpc::over(channel),
                next: place * cast.principals.len() / in_flight,
                turn: place,
                spare: spare.split_off(spare.len() - fair),
            });
        }
        Ok(Self { workers })
    }

    /// Runs a workload so long, or until it used up its leases, and adds what was seen.
    pub(crate) async fn run(
        &mut self,
        workload: Workload,
        duration: Duration,
        into: &mut Measured,
    ) -> Result<(), Failure> {
        let stopwatch = Stopwatch::start();
        let deadline = Instant::now() + duration;
        let mut tasks = JoinSet::new();
        for worker in self.workers.drain(..) {
            tasks.spawn(worker.work(workload, deadline));
        }
        while let Some(done) = tasks.join_next().await {
            let (worker, measured) = done??;
            into.add(&measured)?;
            self.workers.push(worker);
        }
        into.elapsed += stopwatch.elapsed();
        Ok(())
    }

    /// The size of one answer, in bytes.
    pub(crate) async fn probe(&mut self, operation: Operation) -> Result<usize, Failure> {
        let worker = self.workers.first_mut().ok_or("nobody works")?;
        worker.ask(operation, false).await
    }
}

impl Measured {
    pub(crate) fn new() -> Result<Self, Failure> {
        // A minute is longer than the broker lets anybody wait.
        let latencies = Histogram::new_with_max(60_000_000, SIGNIFICANT_DIGITS)?;
        Ok(Self { latencies, elapsed: Duration::ZERO, errors: 0, first_error: None })
    }

    /// Answers a second, errors excepted.
    #[expect(clippy::cast_precision_loss, reason = "counts of some seconds")]
    pub(crate) fn throughput(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.latencies.len() as f64 / seconds } else { 0.0 }
    }

    /// A quantile of the latency, in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a minute at most")]
    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1_000.0
    }

    /// Adds what was seen elsewhere; the time stays.
    pub(crate) fn add(&mut self, other: &Self) -> Result<(), Failure> {
        self.latencies.add(&other.latencies)?;
        self.errors += other.errors;
        if self.first_error.is_none() {
            self.first_error.clone_from(&other.first_error);
        }
        Ok(())
    }

    fn count(&mut self, outcome: Result<usize, Failure>, took: Duration) {
        match outcome {
            Ok(_) => self.latencies.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
            Err(failure) => {
                self.errors += 1;
                self.first_error.get_or_insert_with(|| failure.to_string());
            }
        }
    }
}

impl Worker {
    async fn work(mut self, workload: Workload, deadline: Instant) -> Result<(Self, Measured), Failure> {
        let mut measured = Measured::new()?;
        while Instant::now() < deadline {
            if workload.uses_up_leases() && self.spare.is_empty() {
                break;
            }
            let operation = workload.operation(self.turn);
            self.turn = self.turn.wrapping_add(1);
            let stopwatch = Stopwatch::start();
            let outcome = self.ask(operation, workload == Workload::Mix).await;
            let failed = outcome.is_err();
            measured.count(outcome, stopwatch.elapsed());
            if failed {
                // A broker that fails at once must not be asked in a tight loop, which would measure the failures.
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
        Ok((self, measured))
    }

    /// One request; answers the size of what came.
    async fn ask(&mut self, operation: Operation, keep: bool) -> Result<usize, Failure> {
        let cast = Arc::clone(&self.cast);
        let place = self.next % cast.principals.len();
        self.next = self.next.wrapping_add(1);
        let principal = cast.principals.get(place).ok_or("nobody calls")?;
        let bearer = &principal.bearer;
        let lease = || {
            let round = self.next / cast.principals.len();
            principal.leases.get(round % principal.leases.len().max(1)).ok_or("a principal has no lease")
        };
        match operation {
            Operation::Token => Ok(self.http.token(&principal.basic).await?.len()),
            Operation::Create => {
                let (size, id) = self.grpc.create(bearer, &cast.services).await?;
                if keep {
                    self.spare.push((place, id));
                }
                Ok(size)
            }
            Operation::Renew => self.grpc.renew(bearer, lease()?).await,
            Operation::Get => self.grpc.get(bearer, lease()?).await,
            Operation::ReadCredentials => self.grpc.read(bearer, lease()?).await,
            Operation::List => self.grpc.list(bearer).await,
            Operation::Revoke => {
                let Some((place, id)) = self.spare.pop() else {
                    return Ok(self.grpc.create(bearer, &cast.services).await?.0);
                };
                let owner = cast.principals.get(place).ok_or("nobody calls")?;
                self.grpc.revoke(&owner.bearer, &id).await
            }
        }
    }
}

/// gRPC channels that all workers share.
const CHANNELS: usize = 4;
const SIGNIFICANT_DIGITS: u8 = 3;
const AFTER_ERROR: Duration = Duration::from_millis(1);
