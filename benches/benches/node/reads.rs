//! Closed loops of clients that only read.

use std::time::{Duration, Instant};

use eyre::{Result, eyre};

use crate::http::Connection;
use crate::report;

/// What a load of reads came to.
pub(crate) struct Measured {
    pub(crate) requests: u64,
    /// Bytes of the answers' bodies.
    pub(crate) bytes: u64,
    pub(crate) took: Duration,
    /// Times of the requests, ascending.
    pub(crate) times: Vec<Duration>,
}

impl Measured {
    pub(crate) fn per_second(&self) -> u64 {
        report::rate(self.requests, self.took)
    }
}

/// Runs `connections` clients for `time`; each asks for one thing after another, beginning with one of its own. An answer
/// that `check` refuses ends the run.
pub(crate) fn run(
    address: &str,
    connections: usize,
    time: Duration,
    paths: &[Vec<u8>],
    check: fn(&[u8]) -> Result<()>,
) -> Result<Measured> {
    let started = Instant::now();
    let client = |number: usize| -> Result<(u64, Vec<Duration>)> {
        let mut connection = Connection::open(address)?;
        let (mut bytes, mut times) = (0, Vec::new());
        for request in paths.iter().cycle().skip(number * 7 % paths.len()) {
            let begun = Instant::now();
            let body = connection.ask(request)?;
            times.push(begun.elapsed());
            bytes += u64::try_from(body.len())?;
            // Looking at every answer would cost more than serving it.
            if times.len() == 1 {
                check(body)?;
            }
            if started.elapsed() >= time {
                break;
            }
        }
        Ok((bytes, times))
    };
    let parts = std::thread::scope(|scope| {
        let client = &client;
        let clients: Vec<_> = (0..connections).map(|number| scope.spawn(move || client(number))).collect();
        let ended = clients.into_iter().map(|client| client.join().map_err(|_| eyre!("a client panicked"))?);
        ended.collect::<Result<Vec<_>>>()
    })?;
    let took = started.elapsed();
    let bytes = parts.iter().map(|(bytes, _)| bytes).sum();
    let mut times: Vec<Duration> = parts.into_iter().flat_map(|(_, times)| times).collect();
    times.sort_unstable();
    Ok(Measured { requests: u64::try_from(times.len())?, bytes, took, times })
}
