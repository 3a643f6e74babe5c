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
    if !mounts::may_mount() {
        eprintln!(
            "note: this user may not mount file systems (CAP_SYS_ADMIN), so the tests of power cuts, of full disks and of disks that hang passed \
             without running; run them as root, with e2fsprogs installed: cargo x test -p store -p ledger -p replica"
        );
    }
    Ok(())
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
