//! Workers that take, renew, read and revoke leases of their own until the broker is gone, and write down what they were
//! told.

use tokio::task::JoinSet;

use crate::harness::{Ask, Broker, Caller, Failure, Random, Way};

use super::ledger::{Entry, Ledger};

/// Workers at work.
pub(super) struct Load(JoinSet<Ledger>);

impl Load {
    /// Starts them: over both protocols, with all the tokens in turn.
    pub(super) async fn start(
        broker: &Broker,
        tokens: &[String],
        workers: usize,
        random: &mut Random,
    ) -> Self {
        let mut callers = Vec::new();
        for token in tokens {
            for way in [Way::Http, Way::Grpc] {
                callers.push(broker.caller(way, token).await);
            }
        }
        let mut tasks = JoinSet::new();
        for number in 0..workers {
            let caller = callers[number % callers.len()].clone();
            let token = tokens[(number % callers.len()) / 2].clone();
            tasks.spawn(Worker { caller, token, random: random.fork(), own: Ledger::default() }.work(number));
        }
        Self(tasks)
    }

    /// Waits until all of them noticed that the broker is gone.
    pub(super) async fn finish(self) -> Ledger {
        let mut all = Ledger::default();
        self.0.join_all().await.into_iter().for_each(|own| all.merge(own));
        all
    }
}

struct Worker {
    caller: Caller,
    token: String,
    random: Random,
    own: Ledger,
}

impl Worker {
    async fn work(mut self, number: usize) -> Ledger {
        let server_id = format!("worker-{number}");
        loop {
            let outcome = match self.random.below(10) {
                0..=3 => self.create(&server_id).await,
                4..=6 => self.renew().await,
                7 => self.read().await,
                8 => self.revoke().await,
                _ => self.show().await,
            };
            match outcome {
                Ok(()) => {}
                Err(Failure::Lost) => return self.own,
                Err(Failure::Refused(code)) => panic!("refused under load: {code}"),
            }
        }
    }

    async fn create(&mut self, server_id: &str) -> Result<(), Failure> {
        const SERVICES: [&[&str]; 3] = [&["todoist"], &["openai", "jira"], &["gmail", "notion", "sentry"]];
        let services = SERVICES[self.random.below(SERVICES.len())];
        let (id, expires_at) = self.caller.create(Ask { services, server_id, key: None }).await?;
        self.own.insert(id, Entry::created(&self.token, expires_at));
        Ok(())
    }

    async fn renew(&mut self) -> Result<(), Failure> {
        let Some(id) = self.pick() else { return Ok(()) };
        if self.own.entry(&id).renewals_tried == RENEWALS {
            return Ok(());
        }
        self.own.entry(&id).renewals_tried += 1;
        let (renewals, expires_at) = self.caller.renew(&id).await?;
        let entry = self.own.entry(&id);
        assert_eq!(renewals, entry.renewals_tried, "renewals of one worker alone are counted one by one");
        entry.renewals = renewals;
        entry.expires_at = expires_at;
        Ok(())
    }

    async fn read(&mut self) -> Result<(), Failure> {
        let Some(id) = self.pick() else { return Ok(()) };
        self.caller.read(&id).await
    }

    async fn revoke(&mut self) -> Result<(), Failure> {
        let Some(id) = self.pick() else { return Ok(()) };
        self.own.entry(&id).revocation_tried = true;
        self.caller.revoke(&id).await?;
        self.own.entry(&id).revoked = true;
        let refused = if self.random.below(2) == 0 {
            self.caller.read(&id).await
        } else {
            self.caller.renew(&id).await.map(drop)
        };
        match refused {
            Err(Failure::Refused(code)) if code == "lease_revoked" => Ok(()),
            Err(Failure::Lost) => Err(Failure::Lost),
            other => panic!("a use after the revocation: {other:?}"),
        }
    }

    async fn show(&mut self) -> Result<(), Failure> {
        let Some(id) = self.pick() else { return Ok(()) };
        let shown = self.caller.show(&id).await?;
        assert_eq!((shown.status.as_str(), shown.renewal_count), ("active", self.own.entry(&id).renewals));
        Ok(())
    }

    /// A lease of its own that it has not tried to revoke.
    fn pick(&mut self) -> Option<String> {
        let live = self.own.live();
        (!live.is_empty()).then(|| live[self.random.below(live.len())].clone())
    }
}

/// As many as a lease has.
const RENEWALS: u64 = 24;
