//! The configuration file that `init` writes, and where else options come from.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::path::Path;
use std::process::{Command, Output};

fn strongroom(directory: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(e2e::binary());
    command.args(args).current_dir(directory).env("XDG_DATA_HOME", directory.join("share"));
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn init_writes_a_file_that_explains_itself_and_that_a_node_reads() {
    let place = tempfile::tempdir().unwrap();
    // The system's idea of the same directory, for temporary files may be behind a link.
    let root = place.path().canonicalize().unwrap();
    let _ = text(&strongroom(&root, &["init", "--dev", "--data-dir", "data", "--config", "node.toml"]));
    let file = std::fs::read_to_string(root.join("node.toml")).unwrap();
    assert!(file.contains(&format!("data_dir = \"{}\"", root.join("data").display())), "not absolute: {file}");
    let options: Vec<&str> = file.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")).collect();
    assert!(options.len() > 25, "{file}");
    assert!(file.matches("Default: ").count() >= options.len(), "{file}");
    let checked = text(&strongroom(&root, &["config", "check", "--config", "node.toml"]));
    assert!(checked.starts_with("valid; network"), "{checked}");
    let again = strongroom(&root, &["init", "--config", "node.toml"]);
    assert!(!again.status.success(), "an existing file is not overwritten");

    // From anywhere it means the same; flags go before it.
    let elsewhere = tempfile::tempdir().unwrap();
    let config = root.join("node.toml");
    let show = ["config", "show", "--json", "--config", config.to_str().unwrap(), "--set", "rpc.idle_seconds=7"];
    let shown: serde_json::Value = serde_json::from_str(&text(&strongroom(elsewhere.path(), &show))).unwrap();
    assert_eq!(shown["data_dir"], root.join("data").to_str().unwrap());
    assert_eq!((&shown["rpc"]["idle_seconds"], &shown["rpc"]["header_seconds"]), (&7.into(), &30.into()));
    let wrong = strongroom(&root, &["config", "check", "--config", "node.toml", "--set", "rpc.idle_seconds=0"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("rpc.idle_seconds is 0"));
}
