//! Fuzzes the decoders that strangers can reach (`tests/fuzz`), with libFuzzer on the stable compiler.

use std::path::{Path, PathBuf};

use eyre::{Result, WrapErr, bail};

use crate::cargo;

/// What `cargo fuzz` would pass on a nightly compiler, less the sanitizers: all but the driver's unsafe code is safe Rust.
const FLAGS: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];
/// Longest input, bytes.
const INPUT_MAX: u32 = 65_536;
/// Memory of one target, MiB: a decoder that takes more for an input of that length has no limit.
const MEMORY_MAX_MIB: u32 = 1_024;
/// Longest run of one input, seconds; a keystore asks for a second of scrypt.
const INPUT_SECONDS_MAX: u32 = 20;

/// Runs each named target (none = all) for so many seconds; a finding is a failure, and the input that caused it is named.
pub(crate) fn run(names: &[String], seconds: u32) -> Result<()> {
    let place = cargo::root().join("tests/fuzz");
    let known = targets(&place)?;
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        bail!("there is no target {unknown}; there are {}", known.join(", "));
    }
    let (host, target_dir) = (host()?, target_dir());
    let mut build = cargo::command("cargo");
    // With `--target`, flags reach no build scripts.
    build.current_dir(&place).args(["build", "--release", "--target", &host]);
    cargo::run(build.env("CARGO_TARGET_DIR", &target_dir).env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}")))?;
    for name in known.iter().filter(|name| names.is_empty() || names.contains(name)) {
        let corpus = target_dir.join("corpus").join(name);
        std::fs::create_dir_all(&corpus).wrap_err_with(|| format!("cannot make {}", corpus.display()))?;
        let mut fuzz = cargo::command(&target_dir.join(&host).join("release").join(name).to_string_lossy());
        fuzz.arg(&corpus)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={INPUT_MAX}"))
            .arg(format!("-rss_limit_mb={MEMORY_MAX_MIB}"))
            .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
            .arg(format!("-artifact_prefix={}/finding-{name}-", target_dir.display()))
            .arg("-print_final_stats=1");
        cargo::run(&mut fuzz)
            .wrap_err_with(|| format!("{name}: a finding; its input is in {}", target_dir.display()))?;
    }
    Ok(())
}

/// Whether all targets are formatted and compile; runs none.
pub(crate) fn check() -> Result<()> {
    let place = cargo::root().join("tests/fuzz");
    cargo::run(cargo::command("cargo").current_dir(&place).args(["fmt", "--check"]))?;
    let mut check = cargo::command("cargo");
    check.current_dir(&place).args(["clippy", "--release", "--locked", "--", "-D", "warnings"]);
    cargo::run(check.env("CARGO_TARGET_DIR", target_dir()))
}

/// A directory of its own: other flags would make the other builds begin anew.
fn target_dir() -> PathBuf {
    let target_dir = std::env::var("CARGO_TARGET_DIR").map_or_else(|_| cargo::root().join("target"), PathBuf::from);
    target_dir.join("fuzz")
}

/// Names of all targets.
fn targets(place: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for file in std::fs::read_dir(place.join("targets"))? {
        names.extend(file?.path().file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// The compiler's own target triple.
fn host() -> Result<String> {
    let output = cargo::command("rustc").arg("-vV").output().wrap_err("cannot start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match text.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("rustc -vV names no host"),
    }
}
