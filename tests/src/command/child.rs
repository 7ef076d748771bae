//! A child process that ends in time, or is ended.

use std::{
    io::Read,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::Run;
use crate::server::ModelServer;

/// How often the memory is looked at: only what grows in the very last moment can be missed.
const LOOK: Duration = Duration::from_millis(1);

/// A run that has begun. It is killed when it is dropped before its end.
#[derive(Debug)]
pub struct Running<'s> {
    child: Child,
    stdout: Captured,
    stderr: Captured,
    /// Hears of the end of the process.
    ended: mpsc::Receiver<()>,
    until: Instant,
    server: Option<&'s ModelServer>,
}

impl<'s> Running<'s> {
    pub(super) fn start(mut command: Command, server: Option<&'s ModelServer>, patience: Duration) -> Self {
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let (stdout, stderr) = (Captured::of(child.stdout.take()), Captured::of(child.stderr.take()));
        let (end, ended) = mpsc::channel();
        let id = pid(&child);
        thread::spawn(move || {
            // Only looks: as long as nobody has taken the status, no other process gets the id.
            let _ = waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            let _ = end.send(());
        });
        Self { child, stdout, stderr, ended, until: Instant::now() + patience, server }
    }

    /// What Ctrl-C does.
    ///
    /// # Panics
    /// When there is no such process any more.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Sends a signal to it.
    ///
    /// # Panics
    /// When there is no such process any more.
    pub fn signal(&self, signal: Signal) {
        kill_process(pid(&self.child), signal).expect("the process is there");
    }

    /// The most memory that it has had so far, in octets.
    ///
    /// # Panics
    /// When the process has ended, or the system does not say.
    pub fn peak_memory(&self) -> u64 {
        high_water(&self.child).expect("the process is there, and the system knows of its memory")
    }

    /// Waits until it has a file under this directory open with more than so many octets.
    ///
    /// # Panics
    /// As [`until`](Self::until).
    pub fn until_it_has_written(&mut self, directory: &Path, octets: u64) {
        let process = self.child.id();
        self.until(|| unfinished(process, directory).iter().any(|size| *size > octets));
    }

    /// Asks `done` again and again until it says so.
    ///
    /// # Panics
    /// When the run ends before, or takes too long.
    pub fn until(&mut self, mut done: impl FnMut() -> bool) {
        while !done() {
            assert!(self.ended.try_recv().is_err(), "the run ended early: {}", self.said());
            assert!(Instant::now() < self.until, "the run takes too long: {}", self.said());
            thread::yield_now();
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not come in time, with what was said by then; and when it says what it must not.
    #[track_caller]
    pub fn finish(mut self) -> Run {
        let mut peak_memory = 0;
        while self.ended.recv_timeout(LOOK).is_err() {
            peak_memory = high_water(&self.child).unwrap_or_default().max(peak_memory);
            if Instant::now() > self.until {
                let _ = self.child.kill();
                panic!("killed, since it took too long: {}", self.said());
            }
        }
        let status = self.child.wait().expect("the status of a process that has ended");
        let until = self.until;
        let [stdout, stderr] = [&mut self.stdout, &mut self.stderr].map(|captured| captured.finish(until));
        let run = Run { code: status.code(), signal: status.signal(), stdout, stderr, peak_memory };
        run.assert_decent();
        run
    }

    fn said(&self) -> String {
        let transcript = self.server.map(|server| format!("\n{}", server.transcript())).unwrap_or_default();
        format!("stdout {:?}, stderr {:?}{transcript}", self.stdout.so_far(), self.stderr.so_far())
    }
}

/// Runs it to its end, which `watch` waits for as the one who has started it: by then the process with this number is gone.
#[track_caller]
#[cfg(feature = "ptrace")]
#[expect(clippy::zombie_processes, reason = "`watch` waits for it")]
pub(super) fn watched(
    mut command: Command,
    patience: Duration,
    watch: impl FnOnce(u32) -> std::process::ExitStatus,
) -> Run {
    let until = Instant::now() + patience;
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let (mut stdout, mut stderr) = (Captured::of(child.stdout.take()), Captured::of(child.stderr.take()));
    let (id, (end, ended)) = (pid(&child), mpsc::channel::<()>());
    let in_time = thread::spawn(move || {
        let in_time = ended.recv_timeout(patience).is_err_and(|error| error == mpsc::RecvTimeoutError::Disconnected);
        if !in_time {
            let _ = kill_process(id, Signal::KILL);
        }
        in_time
    });
    let status = watch(child.id());
    drop(end);
    let [stdout, stderr] = [&mut stdout, &mut stderr].map(|captured| captured.finish(until));
    let in_time = in_time.join().expect("nothing in it panics");
    assert!(in_time, "killed, since it took too long: stdout {stdout:?}, stderr {stderr:?}");
    // The memory of a process that is watched is not.
    let run = Run { code: status.code(), signal: status.signal(), stdout, stderr, peak_memory: 0 };
    run.assert_decent();
    run
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // Does nothing to one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The sizes of the files under this directory that a process has open, whether they have a name or not.
fn unfinished(process: u32, directory: &Path) -> Vec<u64> {
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{process}/fd")) else { return Vec::new() };
    let paths = descriptors.filter_map(|descriptor| Some(descriptor.ok()?.path()));
    let is_inside = |path: &PathBuf| std::fs::read_link(path).is_ok_and(|target| target.starts_with(directory));
    let sizes = paths.filter(is_inside).filter_map(|path| std::fs::metadata(path).ok());
    sizes.filter(std::fs::Metadata::is_file).map(|metadata| metadata.len()).collect()
}

/// `VmHWM` in octets, which begins anew when the program does, so that nothing of the tester's own memory is in it.
/// Nothing of a process that has ended.
fn high_water(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"))?;
    Some(kilobytes.trim().parse::<u64>().ok()? * 1024)
}

fn pid(child: &Child) -> Pid {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    id.expect("a process has an id above 0")
}

/// What comes out of a pipe, read by a thread so that the pipe never fills.
#[derive(Debug)]
struct Captured {
    octets: Arc<Mutex<Vec<u8>>>,
    /// Hears of the end of the pipe.
    ended: mpsc::Receiver<()>,
}

impl Captured {
    /// Nothing comes where there is no pipe.
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let octets = Arc::new(Mutex::new(Vec::new()));
        let (end, ended) = mpsc::channel();
        if let Some(mut pipe) = pipe {
            let octets = Arc::clone(&octets);
            thread::spawn(move || {
                let mut piece = [0; 4096];
                while let Ok(length @ 1..) = pipe.read(&mut piece) {
                    octets.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..length]);
                }
                let _ = end.send(());
            });
        }
        Self { octets, ended }
    }

    /// Everything; the pipe may be in the hands of another process still, which is not waited for very long.
    fn finish(&mut self, until: Instant) -> String {
        let _ = self.ended.recv_timeout(until.saturating_duration_since(Instant::now()));
        let octets = self.octets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(octets).unwrap_or_else(|error| panic!("not UTF-8: {}", error.as_bytes().escape_ascii()))
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.octets.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}
