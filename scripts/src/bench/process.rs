//! Runs a program and measures it whole: wall time and peak resident memory.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eyre::{Result, WrapErr, bail};

/// What one run cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) wall: Duration,
    /// Peak resident set, bytes; the kernel's high-water mark, read while the process ran.
    pub(super) rss_bytes: u64,
}

/// Runs to the end; fails when the program does.
pub(super) fn measure(command: &mut Command) -> Result<Cost> {
    let line = format!("{command:?}");
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .wrap_err_with(|| format!("cannot start {line}"))?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut rss_bytes = 0;
    let status = loop {
        rss_bytes = high_water(&status_file).unwrap_or(rss_bytes).max(rss_bytes);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let wall = started.elapsed();
    if !status.success() {
        let mut text = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            std::io::Read::read_to_string(&mut stderr, &mut text).ok();
        }
        bail!("{line} ended with {status}: {}", text.trim());
    }
    Ok(Cost { wall, rss_bytes })
}

fn high_water(status_file: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status_file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
