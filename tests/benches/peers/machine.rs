//! What the figures belong to.

use std::{fs, path::Path, thread};

use crate::{
    options::Options,
    programs::{self, Present},
};

/// Where Debian has it.
const DOVECOT: &str = "/usr/sbin/dovecot";

/// The machine and the versions, as a list.
pub(crate) fn described(options: &Options, present: &Present) -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let (processor, memory) = (field("/proc/cpuinfo", "model name"), field("/proc/meminfo", "MemTotal"));
    let memory = memory.trim_end_matches(" kB").parse().map_or(0.0, |kib: f64| kib / f64::from(1 << 20));
    let mut lines = vec![
        format!("- {cores} cores ({processor}), {memory:.0} GiB of memory, Linux {}", kernel.trim()),
        format!("- in memory: {}; on a disk: {}", file_system(&options.memory), file_system(&options.disk)),
        format!("- server: Dovecot {}", programs::version(Path::new(DOVECOT))),
    ];
    let versions = present.programs.iter().filter(|program| !program.only_many && program.name != programs::RAW);
    let versions: Vec<String> =
        versions.map(|program| format!("{} {}", program.name, programs::version(&program.path))).collect();
    lines.push(format!("- programs: {}", versions.join(", ")));
    for name in &present.missing {
        lines.push(format!("- missing on this machine: {name}"));
    }
    lines.push(format!("- {} runs of each program in turns; medians", options.runs));
    lines.join("\n") + "\n"
}

/// The file system of a directory: that of the longest mount point above it.
fn file_system(directory: &Path) -> String {
    let mounts = read("/proc/self/mounts");
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let above = mounts.filter(|(point, _)| directory.starts_with(point));
    above.max_by_key(|(point, _)| point.len()).map_or("unknown", |(_, kind)| kind).to_owned()
}

fn field(file: &str, name: &str) -> String {
    let text = read(file);
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default()
}
