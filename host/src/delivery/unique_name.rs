//! The names of messages in a Maildir.

use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::ffi::OsStringExt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// A name as <https://cr.yp.to/proto/maildir.html> has it: `time.delivery-id.host`.
///
/// The delivery identifier is microseconds (M), process (P), number of the name in this process (Q), and a random
/// number of this process (R): containers that share a Maildir may well have the same host name and process id.
pub(super) fn unique_name() -> OsString {
    static COUNTER: AtomicU64 = AtomicU64::new(1);
    // The standard library seeds its hash maps from the operating system's randomness.
    static RANDOM: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static HOST: LazyLock<Vec<u8>> = LazyLock::new(|| host_part(rustix::system::uname().nodename().to_bytes()));

    // A clock before 1970 costs the order of the names, not their uniqueness.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (seconds, microseconds) = (now.as_secs(), now.subsec_micros());
    let (process, count, random) = (std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed), *RANDOM);
    let mut name = format!("{seconds}.M{microseconds}P{process}Q{count}R{random:016x}.").into_bytes();
    name.extend_from_slice(&HOST);
    OsString::from_vec(name)
}

/// The host name without the two characters that mean something in a Maildir.
fn host_part(host: &[u8]) -> Vec<u8> {
    let mut part = Vec::with_capacity(host.len());
    for octet in host {
        match octet {
            b'/' => part.extend_from_slice(br"\057"),
            b':' => part.extend_from_slice(br"\072"),
            other => part.push(*other),
        }
    }
    if part.is_empty() { b"localhost".to_vec() } else { part }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::SystemTime;

    use super::{host_part, unique_name};

    #[test]
    fn a_name_has_time_delivery_identifier_and_host() {
        let name = unique_name().into_string().unwrap();
        let mut parts = name.splitn(3, '.');
        let seconds: u64 = parts.next().unwrap().parse().unwrap();
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        assert!(now.abs_diff(seconds) <= 1, "{name}");

        let identifier = parts.next().unwrap().strip_prefix('M').unwrap();
        let (microseconds, identifier) = identifier.split_once('P').unwrap();
        let (process, identifier) = identifier.split_once('Q').unwrap();
        let (count, random) = identifier.split_once('R').unwrap();
        assert!(microseconds.parse::<u32>().unwrap() < 1_000_000, "{name}");
        assert_eq!(process.parse(), Ok(std::process::id()));
        assert!(count.parse::<u64>().is_ok(), "{name}");
        assert_eq!(random.len(), 16);

        assert!(!parts.next().unwrap().is_empty(), "{name}");
        assert!(!name.contains(['/', ':']), "{name}");
    }

    #[test]
    fn names_of_many_threads_differ() {
        let names: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| (0..500).map(|_| unique_name()).collect())).collect();
            threads.into_iter().flat_map(|thread| -> Vec<_> { thread.join().unwrap() }).collect()
        });
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), 2000);
    }

    #[test]
    fn slash_and_colon_in_a_host_name_are_written_in_octal() {
        assert_eq!(host_part(b"a/b:c.example"), br"a\057b\072c.example");
        assert_eq!(host_part(b""), b"localhost");
        assert_eq!(host_part(b"caf\xe9"), b"caf\xe9");
    }
}
