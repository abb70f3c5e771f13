//! SQLite on a full disk: writes are refused with a clear code, reads go on, and once there is room again everything
//! works and nothing acknowledged is lost.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::harness::{Ask, Broker, Caller, Failure, Kind, PATIENCE, Process, Site, Way, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_writes_alone() {
    let site = Site::new(Kind::Sqlite).await;
    fs::create_dir(site.data()).expect("the data directory");
    let Some(disk) = SmallDisk::mount(&site.data()) else {
        eprintln!("no file system can be mounted here; the test of the size limit stands for this one");
        return;
    };
    let broker = site.dev().await;
    let ballast = Ballast::on(&disk);
    holds_out(&site, &broker, || ballast.fill(), || ballast.remove()).await;
    let stopped = broker.stop().await;
    assert!(!stopped.stderr().contains("panicked"), "{}", stopped.stderr());
    site.verify_audit().await;
    drop(disk);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_on_the_size_of_files_stops_writes_alone() {
    let site = Site::new(Kind::Sqlite).await;
    // The signal that goes with the limit would end the process; as with a full disk, the write is to fail instead.
    let mut command = Command::new("/bin/bash");
    command.env_clear().args(["-c", "trap '' XFSZ; exec \"$@\"", "bash"]);
    let dev = site.dev_command(&[]);
    command.arg(dev.get_program()).args(dev.get_args());
    let broker = Broker::announced(Process::spawn(command), &site.data()).await;
    let id = broker.process.id().to_string();
    let limit = |bytes: &str| {
        let set = Command::new("prlimit").args(["--pid", &id, &format!("--fsize={bytes}")]).status();
        assert!(set.expect("prlimit").success());
    };
    // The log is longer than that already: nothing can be added to it.
    holds_out(&site, &broker, || limit("4096:unlimited"), || limit("unlimited:unlimited")).await;
    let stopped = broker.stop().await;
    assert!(!stopped.stderr().contains("panicked"), "{}", stopped.stderr());
    site.verify_audit().await;
}

async fn holds_out(site: &Site, broker: &Broker, fill: impl Fn(), free: impl Fn()) {
    let token = site.env()["MCP_TOKEN"].clone();
    let caller = broker.caller(Way::Http, &token).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(create(&caller).await.expect("a lease"));
    }
    let (revoked, _) = caller.create(ask()).await.expect("a lease");
    caller.revoke(&revoked).await.expect("a revocation");

    fill();
    let failure = until("the refusal of a write", PATIENCE, async || match create(&caller).await {
        Ok(id) => {
            // There was a little room left.
            held.push(id);
            fill();
            None
        }
        Err(Failure::Refused(code)) if code == "rate_limited" => None,
        Err(failure) => Some(failure),
    })
    .await;
    let unavailable = Failure::Refused("unavailable".to_owned());
    assert_eq!(failure, unavailable);
    let grpc = broker.caller(Way::Grpc, &token).await;
    assert_eq!(grpc.renew(&held[0]).await.map(drop), Err(unavailable.clone()));
    assert_eq!(
        grpc.revoke(&held[0]).await,
        Err(unavailable),
        "a revocation that is not durable is not acknowledged"
    );
    for id in &held {
        assert_eq!(caller.show(id).await.expect("a lease").status, "active");
    }
    assert_eq!(grpc.show(&revoked).await.expect("a lease").status, "revoked");
    assert_eq!(broker.look("/livez").await.0, 200);

    free();
    held.push(until("a write again", PATIENCE, async || create(&caller).await.ok()).await);
    for id in &held {
        until("the rate limit passes", PATIENCE, async || match caller.renew(id).await {
            Err(Failure::Refused(code)) if code == "rate_limited" => None,
            outcome => Some(outcome.expect("a renewal")),
        })
        .await;
    }
    assert_eq!(caller.read(&revoked).await, Err(Failure::Refused("lease_revoked".to_owned())));
    assert_eq!(
        caller.show(&held[0]).await.expect("a lease").renewal_count,
        1,
        "the refused renewal left no trace"
    );
}

async fn create(caller: &Caller) -> Result<String, Failure> {
    caller.create(ask()).await.map(|(id, _)| id)
}

const fn ask() -> Ask<'static> {
    Ask { services: &["todoist", "jira"], server_id: "disk", key: None }
}

/// A file system in memory with little room.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where mounting is not permitted.
    fn mount(folder: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        let done =
            mount.args(["-t", "tmpfs", "-o", "size=16m,mode=700", "leasehold-test"]).arg(folder).output();
        done.ok()?.status.success().then(|| Self(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let done = Command::new("umount").arg("--lazy").arg(&self.0).status();
        if !done.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.0.display());
        }
    }
}

/// Files that take up the room.
struct Ballast(PathBuf);

impl Ballast {
    fn on(disk: &SmallDisk) -> Self {
        Self(disk.0.join("ballast"))
    }

    /// Takes what is left, to the last byte.
    fn fill(&self) {
        use std::io::Write as _;
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.0).expect("the ballast");
        for size in [64 * 1_024, 4_096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn remove(&self) {
        fs::remove_file(&self.0).expect("the ballast");
    }
}
