//! Tests and checks. Everything uses the release profile, so that dependencies are compiled once for the demo, the
//! tests, the lints and the benches.

use eyre::Result;

use crate::{cargo, doctor, fuzz};

/// Runs all tests (or what `args` select) and the examples in the docs.
pub(crate) fn test(args: &[String]) -> Result<()> {
    doctor::check()?;
    // The end-to-end tests start the binary as a user does.
    let binary = cargo::strongroom()?;
    let mut tests = cargo::command("cargo");
    if cargo::has("cargo-nextest") {
        tests.args(["nextest", "run", "--release"]);
    } else {
        tests.args(["test", "--release", "--all-targets"]);
    }
    if !args.iter().any(|arg| arg == "-p" || arg.starts_with("--package")) {
        tests.arg("--workspace");
    }
    cargo::run(tests.args(args).env("STRONGROOM_BIN", &binary))?;
    if args.is_empty() {
        cargo::cargo(&["test", "--release", "--workspace", "--doc", "--quiet"])?;
    }
    if !may_mount(&std::fs::read_to_string("/proc/self/status").unwrap_or_default()) {
        eprintln!(
            "note: this user may not mount file systems (CAP_SYS_ADMIN), so the tests of power cuts and of full disks passed \
             without running; run them as root, with e2fsprogs installed: cargo x test -p store -p replica"
        );
    }
    Ok(())
}

/// Whether a process with this `/proc/self/status` may mount. Where it may, the tests that do fail if they cannot.
fn may_mount(status: &str) -> bool {
    const CAP_SYS_ADMIN: u64 = 1 << 21;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).is_some_and(|bits| bits & CAP_SYS_ADMIN != 0)
}

/// Checks without changing anything.
pub(crate) fn verify() -> Result<()> {
    doctor::check()?;
    cargo::cargo(&["fmt", "--all", "--check"])?;
    cargo::cargo(&["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    fuzz::check()?;
    cargo::run(
        cargo::command("cargo")
            .args(["doc", "--release", "--workspace", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"),
    )?;
    if cargo::has("cargo-deny") {
        cargo::cargo(&["deny", "check", "licenses", "bans", "sources"])?;
    } else {
        eprintln!("note: cargo-deny is not installed, licences and bans are not checked (cargo install cargo-deny)");
    }
    Ok(())
}

/// Formats and applies lint suggestions.
pub(crate) fn fix() -> Result<()> {
    doctor::check()?;
    cargo::cargo(&["clippy", "--release", "--workspace", "--all-targets", "--fix", "--allow-dirty", "--allow-staged"])?;
    cargo::cargo(&["fmt", "--all"])
}

/// Everything that a change has to pass.
pub(crate) fn ci() -> Result<()> {
    verify()?;
    test(&[])
}

/// Rewrites pinned vectors; review the difference before committing it.
pub(crate) fn vectors() -> Result<()> {
    doctor::check()?;
    let mut tests = cargo::command("cargo");
    tests.args(["test", "--release", "-p", "unify"]);
    for owner in ["primitives", "runtime", "merkle", "verify", "seal", "coding"] {
        tests.args(["-p", owner]);
    }
    cargo::run(tests.env("STRONGROOM_WRITE_VECTORS", "1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_mount_is_told_by_the_effective_capabilities() {
        let status = |bits: &str| format!("Name:\tcargo\nCapPrm:\t000001ffffffffff\nCapEff:\t{bits}\nSeccomp:\t0\n");
        assert!(may_mount(&status("000001ffffffffff")) && may_mount(&status("0000000000200000")));
        // A plain user, and root of an ordinary container.
        assert!(!may_mount(&status("0000000000000000")) && !may_mount(&status("00000000a80425fb")) && !may_mount(""));
    }
}
