//! The workloads under a stop-watch: for a sandbox, in which criterion does not run. See `tests/benches/core_in_wasm.rs`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use workloads::{Amount, Workload};

/// How often each is played.
const RUNS: usize = 101;

fn main() {
    println!("{:26}{:>10}{:>10}", "", "median", "best");
    for workload in workloads::all() {
        let durations = measure(&workload);
        let [median, best] = [durations[RUNS / 2], durations[0]].map(|duration| rate(workload.amount, duration));
        println!("{:26}{median:10.3}{best:10.3} {}", workload.name, unit(workload.amount));
    }
}

/// How long each run took, the shortest first.
fn measure(workload: &Workload) -> Vec<Duration> {
    let mut segment = Vec::new();
    let mut play = || {
        let begin = Instant::now();
        black_box(workload.play(&mut segment));
        begin.elapsed()
    };
    let mut durations: Vec<_> = (0..RUNS).map(|_| play()).collect();
    durations.sort_unstable();
    durations
}

fn rate(amount: Amount, duration: Duration) -> f64 {
    match amount {
        Amount::Octets(octets) => octets as f64 / 1e9 / duration.as_secs_f64(),
        Amount::Lines(lines) => lines as f64 / 1e6 / duration.as_secs_f64(),
    }
}

fn unit(amount: Amount) -> &'static str {
    match amount {
        Amount::Octets(_) => "GB/s",
        Amount::Lines(_) => "million lines/s",
    }
}
