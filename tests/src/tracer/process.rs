//! A process that is traced, with all its threads.

use std::{
    collections::HashMap,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::ExitStatus,
};

use libc::{pid_t, user_regs_struct};
use rustix::process::{Pid, Signal, kill_process};

use super::{
    Order, calls,
    memory::Memory,
    ptrace::{self, End, Stop},
};
use crate::recording::{Event, Moment, Operation};

pub(super) struct Process {
    id: pid_t,
    root: PathBuf,
    /// Whether it is the command by now.
    has_begun: bool,
    /// The calls that the threads are in, as far as they are of interest, and the errors that they are to give.
    inside: HashMap<pid_t, (Operation, Option<i32>)>,
}

impl Process {
    /// Seizes a child of this thread, which stops itself.
    pub(super) fn seize(id: u32, root: &Path) -> Self {
        let id = pid_t::try_from(id).expect("an id of a process");
        ptrace::wait_for_stop(id).expect("the process stops itself");
        ptrace::seize(id).expect("this process may trace its children");
        let process = Self {
            id,
            root: root.canonicalize().expect("the directory is there"),
            has_begun: false,
            inside: HashMap::new(),
        };
        process.signal(Signal::CONT);
        process
    }

    /// Watches it to its end.
    pub(super) fn watch(mut self, mut watch: impl FnMut(&Event) -> Order) -> ExitStatus {
        loop {
            let (thread, stop) = ptrace::wait_for_any().expect("something is traced");
            let signal = match stop {
                Stop::Ended(status) if thread == self.id => return ExitStatus::from_raw(status),
                Stop::Ended(_) => {
                    self.inside.remove(&thread);
                    continue;
                }
                Stop::Call => {
                    self.at_call(thread, &mut watch);
                    0
                }
                Stop::Exec => {
                    self.has_begun = true;
                    0
                }
                Stop::Other => 0,
                Stop::Signal(signal) => signal,
            };
            ptrace::resume(thread, self.has_begun, signal).expect("a thread that stands can go on");
        }
    }

    fn at_call(&mut self, thread: pid_t, watch: &mut impl FnMut(&Event) -> Order) {
        // One that was killed meanwhile has neither.
        let (Ok(end), Ok(registers)) = (ptrace::end_of_call(thread), ptrace::registers(thread)) else { return };
        match end {
            End::Beginning => self.at_beginning(thread, registers, watch),
            End::End => self.at_end(thread, registers, watch),
        }
    }

    fn at_beginning(
        &mut self,
        thread: pid_t,
        mut registers: user_regs_struct,
        watch: &mut impl FnMut(&Event) -> Order,
    ) {
        let arguments = [registers.rdi, registers.rsi, registers.rdx, registers.r10];
        let call = calls::operation(registers.orig_rax, arguments, &Memory::of(thread), &self.root);
        let Some(operation) = call else { return };
        let event = Event { thread, moment: Moment::Before, operation };
        let mut error = None;
        match watch(&event) {
            Order::Go => {}
            Order::Kill => self.signal(Signal::KILL),
            Order::Fail(number) => {
                // No call has this number.
                registers.orig_rax = u64::MAX;
                ptrace::set_registers(thread, &registers).expect("the thread stands");
                error = Some(number);
            }
            Order::Halve if calls::takes_a_length(registers.orig_rax) => {
                registers.rdx = registers.rdx.div_ceil(2);
                ptrace::set_registers(thread, &registers).expect("the thread stands");
            }
            Order::Halve => {}
        }
        self.inside.insert(thread, (event.operation, error));
    }

    fn at_end(&mut self, thread: pid_t, mut registers: user_regs_struct, watch: &mut impl FnMut(&Event) -> Order) {
        let Some((mut operation, error)) = self.inside.remove(&thread) else { return };
        if let Some(error) = error {
            registers.rax = i64::from(-error).cast_unsigned();
            ptrace::set_registers(thread, &registers).expect("the thread stands");
        }
        let result = calls::result(registers.rax);
        calls::complete(&mut operation, result, &Memory::of(thread));
        if watch(&Event { thread, moment: Moment::After(result), operation }) == Order::Kill {
            self.signal(Signal::KILL);
        }
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.id).expect("an id above 0");
        kill_process(id, signal).expect("the process is there");
    }
}
