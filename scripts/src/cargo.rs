//! Runs cargo and other programs in the workspace's root, and says what it ran when that fails.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyre::{Result, WrapErr, bail, eyre};

/// Beginnings of the variables by which `cargo run` tells a program of its package.
const OURS: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_"];

/// The checkout's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// A command that runs in the root; `cargo` is the one that runs us.
pub(crate) fn command(program: &str) -> Command {
    let program = if program == "cargo" {
        std::env::var("CARGO").unwrap_or_else(|_| program.to_owned())
    } else {
        program.to_owned()
    };
    let mut command = Command::new(program);
    command.current_dir(root());
    // What cargo told us of our own package is not for the builds of others: some are done again when it changes.
    for (name, _) in std::env::vars_os() {
        if OURS.iter().any(|ours| name.to_string_lossy().starts_with(ours)) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs to the end with our own output.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = describe(command);
    eprintln!("$ {line}");
    let status = command.status().wrap_err_with(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs cargo with these arguments.
pub(crate) fn cargo(args: &[&str]) -> Result<()> {
    run(command("cargo").args(args))
}

/// Whether a program is on the PATH and answers to `--version`.
pub(crate) fn has(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Builds the release binary and says where it is.
pub(crate) fn strongroom() -> Result<PathBuf> {
    // With `unify`, the same features as for the tests, so that nothing is compiled twice.
    let args = ["build", "--release", "-p", "strongroom", "-p", "unify", "--message-format=json-render-diagnostics"];
    eprintln!("$ cargo {}", args.join(" "));
    let output =
        command("cargo").args(args).stderr(std::process::Stdio::inherit()).output().wrap_err("cannot start cargo")?;
    if !output.status.success() {
        bail!("the build failed");
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .find(|path| path.file_stem().is_some_and(|name| name == "strongroom"))
        .ok_or_else(|| eyre!("cargo built no executable named strongroom"))
}

fn describe(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
