//! The calls of `ptrace(2)` that are used, on threads that stand.

// There is no other way to the registers of another process.
#![allow(unsafe_code)]

use std::{io, mem, ptr};

use libc::{c_int, c_long, c_uint, c_void, pid_t, user_regs_struct};

/// Why a thread stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It has gone, or all of the process has, with this status.
    Ended(c_int),
    /// It is at the beginning or the end of a call.
    Call,
    /// The process has become another program.
    Exec,
    /// Something else about the tracing.
    Other,
    /// It gets this signal if it is resumed with it.
    Signal(c_int),
}

/// Which end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Beginning,
    End,
}

/// Waits until a process that is a child of this thread stops itself.
pub(super) fn wait_for_stop(process: pid_t) -> io::Result<()> {
    let status = wait(process, libc::WUNTRACED)?.1;
    if libc::WIFSTOPPED(status) { Ok(()) } else { Err(io::Error::other("the process has not stopped itself")) }
}

/// Waits until one of the threads that this thread traces stands, or has gone.
pub(super) fn wait_for_any() -> io::Result<(pid_t, Stop)> {
    let (thread, status) = wait(-1, libc::__WALL | libc::__WNOTHREAD)?;
    if !libc::WIFSTOPPED(status) {
        return Ok((thread, Stop::Ended(status)));
    }
    let stop = match (libc::WSTOPSIG(status), status >> 16) {
        (signal, 0) if signal == libc::SIGTRAP | 0x80 => Stop::Call,
        (signal, 0) => Stop::Signal(signal),
        (_, libc::PTRACE_EVENT_EXEC) => Stop::Exec,
        _ => Stop::Other,
    };
    Ok((thread, stop))
}

fn wait(whom: pid_t, options: c_int) -> io::Result<(pid_t, c_int)> {
    let mut status = 0;
    loop {
        // SAFETY: the status is written to a variable of its type.
        match unsafe { libc::waitpid(whom, &raw mut status, options) } {
            -1 => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            thread => return Ok((thread, status)),
        }
    }
}

/// Begins to trace a process with all threads that it will have. It ends with this thread.
pub(super) fn seize(process: pid_t) -> io::Result<()> {
    let options =
        libc::PTRACE_O_EXITKILL | libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_TRACEEXEC;
    // SAFETY: there is no address, and options are a number.
    given(unsafe { libc::ptrace(libc::PTRACE_SEIZE, process, ptr::null_mut::<c_void>(), c_long::from(options)) })
}

/// Lets it go on, to the next end of a call or past them, with a signal if it is not 0. One that was killed does not.
pub(super) fn resume(thread: pid_t, stops_at_calls: bool, signal: c_int) -> io::Result<()> {
    let request = if stops_at_calls { libc::PTRACE_SYSCALL } else { libc::PTRACE_CONT };
    // SAFETY: there is no address, and a signal is a number.
    match given(unsafe { libc::ptrace(request, thread, ptr::null_mut::<c_void>(), c_long::from(signal)) }) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        done => done,
    }
}

/// At which end of a call it stands. An error where it was killed meanwhile.
pub(super) fn end_of_call(thread: pid_t) -> io::Result<End> {
    // SAFETY: all its fields are numbers, for which zeros are as good as any.
    let mut info: libc::ptrace_syscall_info = unsafe { mem::zeroed() };
    let (request, size) = (libc::PTRACE_GET_SYSCALL_INFO as c_uint, mem::size_of_val(&info));
    // SAFETY: the size is that of what is written to.
    given(unsafe { libc::ptrace(request, thread, size, &raw mut info) }.min(0))?;
    match info.op {
        libc::PTRACE_SYSCALL_INFO_ENTRY => Ok(End::Beginning),
        libc::PTRACE_SYSCALL_INFO_EXIT => Ok(End::End),
        _ => Err(io::Error::other("it is in no call")),
    }
}

/// Its registers. An error where it was killed meanwhile.
pub(super) fn registers(thread: pid_t) -> io::Result<user_regs_struct> {
    // SAFETY: all its fields are numbers.
    let mut registers: user_regs_struct = unsafe { mem::zeroed() };
    // SAFETY: what is written to is what the request writes.
    given(unsafe { libc::ptrace(libc::PTRACE_GETREGS, thread, ptr::null_mut::<c_void>(), &raw mut registers) })?;
    Ok(registers)
}

/// Gives it other registers.
pub(super) fn set_registers(thread: pid_t, registers: &user_regs_struct) -> io::Result<()> {
    // SAFETY: what is read is what the request reads.
    given(unsafe { libc::ptrace(libc::PTRACE_SETREGS, thread, ptr::null_mut::<c_void>(), ptr::from_ref(registers)) })
}

fn given(result: c_long) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
