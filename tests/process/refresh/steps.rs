//! The steps of a refresh at which its broker can die: how each is brought about, and held until the kill.

use std::{fs, time::Duration};

use leasehold_backends::{Action, Fault};
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::scene::Scene;
use crate::harness::{PATIENCE, until};

/// How far the refresh got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Claimed; no connection to the service came about.
    Claimed,
    /// The service has the request, and has not acted on it.
    Asked,
    /// The service has acted; its answer is not sent.
    Acted,
    /// The answer came; the database lets nobody write it down.
    Answered,
}

impl Step {
    pub(super) const ALL: [Self; 4] = [Self::Claimed, Self::Asked, Self::Acted, Self::Answered];

    /// Whether the refresh token was used.
    pub(super) const fn has_acted(self) -> bool {
        matches!(self, Self::Acted | Self::Answered)
    }
}

/// What holds a refresh at a step.
pub(super) struct Trap {
    step: Step,
    /// Takes no connection.
    wall: Wall,
}

impl Trap {
    /// Sets it: the next refresh by a broker with these settings gets no further.
    pub(super) async fn set(step: Step, scene: &Scene) -> Self {
        let hang = Fault::new(Action::Hang).on("POST", "/token");
        match step {
            Step::Claimed => {}
            Step::Asked => scene.oauth.faults().add(hang),
            Step::Acted | Step::Answered => scene.oauth.faults().add(hang.after_commit()),
        }
        Self { step, wall: Wall::build().await }
    }

    /// The folder of services of the broker that is to be trapped.
    pub(super) fn services(&self, scene: &Scene) -> String {
        if self.step == Step::Claimed {
            scene.describe("behind a wall", &format!("http://127.0.0.1:{}", self.wall.port))
        } else {
            scene.describe("services", scene.oauth.url())
        }
    }

    /// Waits until the refresh is at the step; it stays there while what is answered is kept.
    pub(super) async fn holds(&self, scene: &Scene) -> Option<Lock> {
        if self.step == Step::Claimed {
            self.wall.stops_somebody().await;
            return None;
        }
        scene.oauth.faults().wait_until_hanging(1).await;
        if self.step != Step::Answered {
            return None;
        }
        let mut lock = Lock::take(scene).await;
        scene.oauth.faults().release();
        lock.stops_somebody().await;
        Some(lock)
    }
}

/// A port that answers no attempt to connect: its queue is full, and nobody takes anything out.
struct Wall {
    port: u16,
    _listener: TcpListener,
    _queue: [TcpStream; 2],
}

impl Wall {
    async fn build() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let listener = socket.listen(1).expect("a listener");
        let at = listener.local_addr().expect("an address");
        // The system takes one more than it was told.
        let queue = [TcpStream::connect(at).await, TcpStream::connect(at).await];
        Self { port: at.port(), _listener: listener, _queue: queue.map(|stream| stream.expect("a place")) }
    }

    /// Waits until somebody tries to connect.
    async fn stops_somebody(&self) {
        // As `/proc/net/tcp` has it: the other end, then the state, of which 02 is `SYN_SENT`.
        let trying = format!(" 0100007F:{:04X} 02 ", self.port);
        until("an attempt to connect", PATIENCE, async || {
            fs::read_to_string("/proc/net/tcp").expect("/proc/net/tcp").contains(&trying).then_some(())
        })
        .await;
    }
}

/// A lock on what a refresh writes, in a transaction of the test's own.
pub(super) enum Lock {
    Postgres(PgConnection, PgConnection),
    Sqlite(SqliteConnection),
}

impl Lock {
    async fn take(scene: &Scene) -> Self {
        if let Some(postgres) = &scene.site.postgres {
            let connect = async || PgConnection::connect(&postgres.url).await.expect("PostgreSQL");
            let (mut locking, watching) = (connect().await, connect().await);
            locking.execute("BEGIN").await.expect("a transaction");
            locking.execute("SELECT 1 FROM grants FOR UPDATE").await.expect("the lock");
            return Self::Postgres(locking, watching);
        }
        let file = scene.site.data().join("leasehold.db");
        let options = SqliteConnectOptions::new().filename(file).busy_timeout(PATIENCE);
        let mut locking = SqliteConnection::connect_with(&options).await.expect("the database file");
        locking.execute("BEGIN IMMEDIATE").await.expect("the lock");
        Self::Sqlite(locking)
    }

    /// Waits until somebody waits for it.
    async fn stops_somebody(&mut self) {
        match self {
            Self::Postgres(_, watching) => {
                until("the write of the tokens", PATIENCE, async || {
                    let waiting: i64 =
                        sqlx::query_scalar(WAITING).fetch_one(&mut *watching).await.expect("a count");
                    (waiting > 0).then_some(())
                })
                .await;
            }
            // SQLite tells nobody who waits. The answer is on its way or read, and the lock keeps it from being stored
            // either way: a while lets it come as far as it can.
            Self::Sqlite(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }

    /// Lets go.
    pub(super) async fn release(self) {
        match self {
            Self::Postgres(mut locking, _) => {
                locking.execute("ROLLBACK").await.expect("the end");
                locking.close().await.expect("the end");
            }
            Self::Sqlite(mut locking) => {
                locking.execute("ROLLBACK").await.expect("the end");
                locking.close().await.expect("the end");
            }
        }
    }
}

const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND \
                       wait_event_type = 'Lock' AND query LIKE '-- grant.renew%'";
