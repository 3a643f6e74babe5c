//! What commands do with the agent: start it, give it a key, ask it for one.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use eyre::{Result, WrapErr, bail};
use primitives::Address;
use seal::OwnerSecret;
use zeroize::Zeroizing;

use super::place::{self, Place};
use super::serve::READY;
use super::wire::{REPLY_BYTES_MAX, Reply, Request, Secret};

/// How long a command waits for the agent before it goes on without.
const AGENT_WAIT: Duration = Duration::from_secs(5);
/// What of the environment says where its socket is.
const PLACE_VARIABLES: [&str; 2] = ["XDG_RUNTIME_DIR", "TMPDIR"];
/// Attempts to give it a key: an agent can end just when it is called.
const ATTEMPTS: usize = 3;

/// A key that is unlocked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unlocked {
    /// Its account.
    pub(crate) address: Address,
    /// For how long still.
    pub(crate) left: Duration,
}

/// The agent that keeps a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeper {
    /// Its process.
    pub(crate) pid: i32,
    /// Whether the key stays out of swap.
    pub(crate) memory_locked: bool,
}

/// The account's secret, when it is unlocked. Whatever goes wrong here only means that the passphrase is needed.
pub(crate) fn secret(address: &Address) -> Option<OwnerSecret> {
    let reply = ask(&Place::of_user(), &Request::Secret { address: *address });
    match reply {
        Ok(Some((Reply::Secret(secret), _))) => {
            OwnerSecret::from_bytes(secret.expose()).ok().filter(|secret| secret.address() == *address)
        }
        Ok(_) => None,
        Err(error) => {
            tracing::debug!(target: "agent", %error, "the agent was not asked");
            None
        }
    }
}

/// What is unlocked.
///
/// # Errors
/// The agent does not answer as it should.
pub(crate) fn list() -> Result<Vec<Unlocked>> {
    unlocked(&Request::List)
}

/// Locks one key; returns it when it was unlocked.
///
/// # Errors
/// The agent does not answer as it should.
pub(crate) fn lock(address: &Address) -> Result<Vec<Unlocked>> {
    unlocked(&Request::Lock { address: *address })
}

/// Locks every key; returns those that were unlocked.
///
/// # Errors
/// The agent does not answer as it should.
pub(crate) fn lock_all() -> Result<Vec<Unlocked>> {
    unlocked(&Request::LockAll)
}

/// Keeps a key unlocked for so long; starts the agent when there is none.
///
/// # Errors
/// The agent cannot be started, or holds as many keys as it can.
pub(crate) fn keep(secret: &OwnerSecret, ttl: Duration) -> Result<Keeper> {
    let place = Place::of_user();
    place.prepare()?;
    let request = Request::Keep { address: secret.address(), secret: Secret::new(secret.expose()), ttl };
    for _ in 0..ATTEMPTS {
        match ask(&place, &request)? {
            Some((Reply::Kept { memory_locked }, pid)) => return Ok(Keeper { pid, memory_locked }),
            Some((Reply::Full, _)) => {
                bail!("the key agent holds as many keys as it can; lock some with `strongroom key lock`")
            }
            Some((_, pid)) => bail!("{}", foreign(pid)),
            None => start()?,
        }
    }
    bail!("the key agent ends as soon as it is started; is {} on a full disk?", place.socket().display())
}

fn unlocked(request: &Request) -> Result<Vec<Unlocked>> {
    match ask(&Place::of_user(), request)? {
        None => Ok(Vec::new()),
        Some((Reply::Unlocked(list), _)) => {
            Ok(list.into_iter().map(|(address, left)| Unlocked { address, left }).collect())
        }
        Some((_, pid)) => bail!("{}", foreign(pid)),
    }
}

fn foreign(pid: i32) -> String {
    format!("the key agent (process {pid}) is of another version of this program; end it with `kill {pid}`")
}

/// Sends a request; also the agent's process id. `None`: no agent is there, or it was just ending.
fn ask(place: &Place, request: &Request) -> Result<Option<(Reply, i32)>> {
    if !place.exists() {
        return Ok(None);
    }
    place.check()?;
    let mut stream = match UnixStream::connect(place.socket()) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => return Err(error).wrap_err_with(|| format!("cannot connect to {}", place.socket().display())),
    };
    place::check_peer(&stream)?;
    let pid = rustix::net::sockopt::socket_peercred(stream.as_fd())?.pid.as_raw_pid();
    stream.set_read_timeout(Some(AGENT_WAIT))?;
    stream.set_write_timeout(Some(AGENT_WAIT))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(REPLY_BYTES_MAX + 1));
    let limit = u64::try_from(REPLY_BYTES_MAX).unwrap_or(u64::MAX) + 1;
    let exchanged = stream.write_all(&*request.encode()).and_then(|()| stream.take(limit).read_to_end(&mut bytes));
    match exchanged {
        Ok(0) => Ok(None),
        Ok(_) => match Reply::decode(&bytes) {
            Some(reply) => Ok(Some((reply, pid))),
            None => bail!("{}", foreign(pid)),
        },
        Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => Ok(None),
        Err(error) => Err(error).wrap_err_with(|| format!("the key agent (process {pid}) does not answer")),
    }
}

/// Starts an agent and waits until it, or one that was faster, listens.
fn start() -> Result<()> {
    let program = std::env::current_exe().wrap_err("cannot find this program's own file")?;
    let mut child = Command::new(program)
        .args(["key", "agent"])
        // A passphrase in the environment must not live as long as the agent does.
        .env_clear()
        .envs(PLACE_VARIABLES.iter().filter_map(|name| std::env::var_os(name).map(|value| (name, value))))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // Held open it would keep whoever reads this command's messages waiting for the agent's end.
        .stderr(Stdio::null())
        .spawn()
        .wrap_err("cannot start the key agent")?;
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    if line.trim_end() != READY {
        let status = child.wait()?;
        bail!("the key agent did not start ({status}); `strongroom key agent` says why");
    }
    Ok(())
}
