//! The workloads on this machine: `cargo bench --package pop3-protocol-benches`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use workloads::Amount;

fn workloads(criterion: &mut Criterion) {
    for workload in workloads::all() {
        let mut group = criterion.benchmark_group("protocol");
        group.throughput(match workload.amount {
            Amount::Octets(octets) => Throughput::Bytes(octets as u64),
            Amount::Lines(lines) => Throughput::Elements(lines as u64),
        });
        let mut segment = Vec::new();
        group.bench_function(workload.name, |bencher| bencher.iter(|| black_box(workload.play(&mut segment))));
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(4));
    targets = workloads
}
criterion_main!(benches);
