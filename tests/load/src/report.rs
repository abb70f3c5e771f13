//! What is said in the end: a table, or one JSON object.

use std::fmt::Write as _;

use serde::Serialize;

use crate::{generator::Measured, memory::Memory, workload::Workload};

/// One run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) database: String,
    pub(crate) in_flight: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seeded: Option<Seeded>,
    pub(crate) workloads: Vec<Row>,
}

/// A broker that was started on a filled database.
#[derive(Serialize)]
pub(crate) struct Seeded {
    /// Live leases when it started.
    pub(crate) leases: usize,
    /// From the start of the process until it was ready.
    pub(crate) ready_ms: f64,
    /// Resident memory before the first request.
    pub(crate) idle_mib: f64,
    /// The most resident memory there ever was.
    pub(crate) peak_mib: f64,
}

/// One workload, or one floor.
#[derive(Serialize)]
pub(crate) struct Row {
    workload: &'static str,
    /// Answers a second, errors excepted.
    throughput: f64,
    p50_ms: f64,
    p99_ms: f64,
    errors: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<&'static str>,
    /// To the floor's throughput in the rounds between this workload's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip)]
    pub(crate) first_error: Option<String>,
}

impl Row {
    /// What was measured of a workload, and of its floor.
    pub(crate) fn new(workload: Workload, measured: &Measured, floor: Option<&Measured>) -> Self {
        let throughput = measured.throughput();
        let bare = floor.map(Measured::throughput).filter(|bare| *bare > 0.0);
        Self {
            workload: workload.name(),
            throughput: rounded(throughput, 10.0),
            p50_ms: measured.quantile_ms(0.5),
            p99_ms: measured.quantile_ms(0.99),
            errors: measured.errors,
            floor: workload.floor().filter(|_| bare.is_some()).map(Workload::name),
            ratio: bare.map(|bare| rounded(throughput / bare, 1_000.0)),
            first_error: measured.first_error.clone(),
        }
    }
}

impl Report {
    /// For programs.
    pub(crate) fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{}, {} in flight\n\n", self.database, self.in_flight);
        if let Some(seeded) = &self.seeded {
            let Seeded { leases, ready_ms, idle_mib, peak_mib } = seeded;
            // Writing to a String does not fail.
            let _ = writeln!(
                text,
                "{leases} live leases: ready after {ready_ms:.0} ms, {idle_mib:.0} MiB idle, {peak_mib:.0} MiB at most\n"
            );
        }
        if !self.workloads.is_empty() {
            let _ = writeln!(
                text,
                "{:<17}{:>10}{:>10}{:>10}{:>8}  {:<11}{:>5}",
                "workload", "per s", "p50 ms", "p99 ms", "errors", "floor", "ratio"
            );
        }
        for row in &self.workloads {
            let Row { workload, throughput, p50_ms, p99_ms, errors, floor, ratio, first_error: _ } = row;
            let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            let floor = floor.unwrap_or_default();
            let _ = writeln!(
                text,
                "{workload:<17}{throughput:>10.0}{p50_ms:>10.2}{p99_ms:>10.2}{errors:>8}  {floor:<11}{ratio:>5}"
            );
        }
        text
    }
}

impl Seeded {
    pub(crate) fn new(leases: usize, ready: std::time::Duration, idle: Memory) -> Self {
        let ready_ms = rounded(ready.as_secs_f64() * 1_000.0, 10.0);
        let idle_mib = rounded(idle.now, 10.0);
        Self { leases, ready_ms, idle_mib, peak_mib: idle_mib }
    }

    /// After the load.
    pub(crate) fn loaded(&mut self, memory: Memory) {
        self.peak_mib = rounded(memory.peak, 10.0);
    }
}

/// To a part of one: `10.0` keeps one decimal.
fn rounded(number: f64, part: f64) -> f64 {
    (number * part).round() / part
}
