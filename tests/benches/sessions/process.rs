//! What this process uses of the machine, as Linux counts it.

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// At one moment.
pub(crate) struct Usage {
    /// Resident memory.
    pub(crate) resident_kib: u64,
    /// User and system time so far.
    pub(crate) processor: Duration,
    /// Mappings of memory, of which Linux grants 65,530.
    pub(crate) mappings: usize,
}

impl Usage {
    pub(crate) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("/proc");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("memory is counted");
        let resident = resident.trim().trim_end_matches(" kB").parse().expect("in KiB");
        let stat = fs::read_to_string("/proc/self/stat").expect("/proc");
        // Behind the name, which ends with the last parenthesis: fields 14 and 15, in hundredths of a second.
        let behind_name = stat.rsplit_once(") ").expect("a name in parentheses").1;
        let ticks = behind_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number"));
        let mappings = fs::read_to_string("/proc/self/maps").expect("/proc").lines().count();
        Usage { resident_kib: resident, processor: Duration::from_millis(10 * ticks.sum::<u64>()), mappings }
    }
}

/// Every session is an open file.
pub(crate) fn open_many_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
