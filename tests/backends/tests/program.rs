//! The program: what it prints, and that it stops when it is told to.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::harness::{client, get, sent};

/// A process, killed if a test leaves it behind.
struct Program(Child);

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leasehold-backends"));
        Self(command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn lines(&mut self, count: usize) -> Vec<String> {
        let output = BufReader::new(self.0.stdout.as_mut().unwrap());
        output.lines().take(count).map(Result::unwrap).collect()
    }

    fn end_by(mut self, signal: &str) -> bool {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        self.0.wait().unwrap().success()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_line_for_each() {
    let mut program = Program::start(&[]);
    let lines = program.lines(8);
    let names: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["tray", "orderdesk", "todo", "oauth", "anything", "todoist", "jira", "notion"]);
    for line in &lines {
        let url = line.split(' ').nth(1).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "{line}");
        assert_eq!(get(&format!("{url}/__ctl/counters")).await.status, 200);
    }
    let clock_at = |index: usize| format!("{}/__ctl/clock", lines[index].split(' ').nth(1).unwrap());
    let moved = sent(client().post(clock_at(0)).json(&json!({ "advance_s": 86_400 }))).await.json();
    assert!(get(&clock_at(7)).await.json()["now_s"].as_i64() >= moved["now_s"].as_i64(), "one clock for all");
    assert!(program.end_by("-TERM"));
    let url = lines[0].split(' ').nth(1).unwrap();
    assert!(client().get(url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn one_object_of_those_that_are_named() {
    let mut first = Program::start(&["--json", "oauth", "todo"]);
    let urls: Value = serde_json::from_str(&first.lines(1)[0]).unwrap();
    assert_eq!(urls.as_object().unwrap().keys().collect::<Vec<_>>(), ["oauth", "todo"]);
    let port = urls["todo"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    let taken = Program::start(&["--port-of", &format!("todo={port}"), "todo"]);
    assert!(!finished(taken), "the port is taken");
    assert!(first.end_by("-INT"));
    let mut again = Program::start(&["--port-of", &format!("todo={port}"), "todo"]);
    assert_eq!(again.lines(1), [format!("todo http://127.0.0.1:{port}")]);
}

#[test]
fn mistakes_are_refused() {
    assert!(!finished(Program::start(&["nothing"])));
    assert!(!finished(Program::start(&["--port-of", "todo=x"])));
}

fn finished(mut program: Program) -> bool {
    program.0.wait().unwrap().success()
}
