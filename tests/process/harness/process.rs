//! A child process: its output is read as it comes, its end is waited for, and it never outlives the test.

use std::{
    io::Read,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use super::until;

/// A running program.
pub(crate) struct Process {
    child: Child,
    stdout: Capture,
    stderr: Capture,
}

struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts it, without input.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = Capture::of(child.stdout.take().expect("stdout"));
        let stderr = Capture::of(child.stderr.take().expect("stderr"));
        Self { child, stdout, stderr }
    }

    /// Runs it to its end: whether it succeeded, stdout, stderr.
    pub(crate) async fn run(command: Command, within: Duration) -> (bool, String, String) {
        let mut process = Self::spawn(command);
        let status = process.ended(within).await;
        (status.success(), process.stdout(), process.stderr())
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: it does not get to do anything more.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
        self.join();
    }

    /// SIGTERM: asks it to stop.
    pub(crate) fn terminate(&self) {
        self.send("TERM");
    }

    /// SIGSTOP: it stands still until it is thawed.
    pub(crate) fn freeze(&self) {
        self.send("STOP");
    }

    /// SIGCONT: it goes on from where it was.
    pub(crate) fn thaw(&self) {
        self.send("CONT");
    }

    /// Waits for its end. Whatever it wrote is there afterwards.
    pub(crate) async fn ended(&mut self, within: Duration) -> ExitStatus {
        let status =
            until("the end of the process", within, async || self.child.try_wait().expect("wait")).await;
        self.join();
        status
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_none()
    }

    /// What it wrote to stdout so far.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it wrote to stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    fn send(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.id().to_string()]).status();
        assert!(sent.expect("kill").success(), "SIG{signal} could not be sent");
    }

    fn join(&mut self) {
        self.stdout.join();
        self.stderr.join();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let stderr = self.stderr.text();
            let lines: Vec<&str> = stderr.lines().rev().take(30).collect();
            eprintln!("--- the last words of process {}", self.id());
            lines.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

impl Capture {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 16 * 1_024];
            while let Ok(read @ 1..) = stream.read(&mut chunk) {
                sink.lock().expect("the buffer").extend_from_slice(&chunk[..read]);
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().expect("the buffer")).into_owned()
    }

    fn join(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader of the output");
        }
    }
}
