//! The agent process: answers on its socket until its last key has expired or was locked.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use eyre::{Result, WrapErr};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, setsid};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
    timerfd_settime,
};
use zeroize::Zeroizing;

use super::keys::Keys;
use super::place::{self, Place};
use super::wire::{REQUEST_BYTES, Reply, Request};

/// What a started agent says on its standard output when it listens, or when another one does.
pub(super) const READY: &str = "ready";
/// An agent that is not given a key within this time ends.
const FIRST_KEY_WAIT: Duration = Duration::from_secs(10);
/// A command that says nothing for so long is hung up on: meanwhile the others wait.
const PEER_WAIT: Duration = Duration::from_secs(1);

/// Runs the agent: `strongroom key agent`, which `key unlock` starts.
///
/// # Errors
/// The directory is not the user's alone, or the system refuses socket, timer or protection.
pub(crate) fn serve() -> Result<()> {
    let place = Place::of_user();
    harden()?;
    place.prepare()?;
    let held = place.hold()?;
    if held.is_none() {
        println!("{READY}");
        return Ok(());
    }
    let mut agent = Agent {
        keys: Keys::new(),
        listener: place.bind()?,
        timer: timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC).wrap_err("no timer")?,
        first_key_by: Some(since_boot().saturating_add(FIRST_KEY_WAIT)),
    };
    println!("{READY}");
    let outcome = agent.run();
    place.unbind()?;
    outcome
}

/// Out of the reach of debuggers and core dumps, of the terminal that it was started from, and of the directory.
fn harden() -> Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).wrap_err("cannot forbid core dumps")?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).wrap_err("cannot forbid core dumps")?;
    // Fails only for the leader of a process group, which is not attached to a terminal by `key unlock` either.
    let _already_leader = setsid();
    std::env::set_current_dir("/").wrap_err("cannot leave the directory")
}

/// Time since the machine started. It goes on while the machine sleeps: a key that was unlocked for fifteen minutes is not
/// still unlocked when a laptop is opened the next day.
fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}

struct Agent {
    keys: Keys,
    listener: UnixListener,
    timer: OwnedFd,
    /// Until the first key came: when to stop waiting for it.
    first_key_by: Option<Duration>,
}

impl Agent {
    fn run(&mut self) -> Result<()> {
        loop {
            // One reading of the clock: what has not expired by then is still held, and the agent with it.
            let now = since_boot();
            self.keys.expire(now);
            let first_key_by = self.first_key_by.filter(|by| *by > now);
            let Some(wake) = self.keys.next_expiry().or(first_key_by) else { return Ok(()) };
            self.wait(wake)?;
            match self.listener.accept() {
                Ok((stream, _)) => {
                    // One command's failure is its own: it asks for the passphrase then.
                    if let Err(error) = self.answer(stream) {
                        tracing::debug!(target: "agent", %error, "a request was not answered");
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionAborted) => {}
                Err(error) => return Err(error).wrap_err("cannot accept"),
            }
        }
    }

    /// Waits for a command or for the time `wake`.
    fn wait(&self, wake: Duration) -> Result<()> {
        let time = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec::try_from(wake).wrap_err("a time far away")?,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &time).wrap_err("cannot set the timer")?;
        let mut waiting = [PollFd::new(&self.listener, PollFlags::IN), PollFd::new(&self.timer, PollFlags::IN)];
        match poll(&mut waiting, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error).wrap_err("cannot wait"),
        }
    }

    fn answer(&mut self, mut stream: UnixStream) -> Result<()> {
        place::check_peer(&stream)?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PEER_WAIT))?;
        stream.set_write_timeout(Some(PEER_WAIT))?;
        let mut bytes = Zeroizing::new([0; REQUEST_BYTES]);
        stream.read_exact(&mut *bytes)?;
        let reply = match Request::decode(&bytes) {
            Some(request) => self.keys.step(since_boot(), &request),
            None => Reply::Unknown,
        };
        if matches!(reply, Reply::Kept { .. }) {
            self.first_key_by = None;
        }
        Ok(stream.write_all(&reply.encode())?)
    }
}
