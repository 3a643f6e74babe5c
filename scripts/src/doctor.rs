//! Is this machine able to build the project? Installs what is missing where it may (apt, as root), and says
//! otherwise exactly what to install.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyre::{Result, bail};

use crate::cargo;

/// One thing that the build needs.
struct Need {
    what: &'static str,
    why: &'static str,
    debian: &'static str,
    others: &'static str,
    present: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need {
        what: "a C and C++ compiler",
        why: "RocksDB, zstd, AWS-LC and libsecp256k1 are compiled from source",
        debian: "build-essential",
        others: "Fedora: dnf install gcc gcc-c++ make; macOS: xcode-select --install",
        present: || cargo::has("cc") && cargo::has("c++"),
    },
    Need {
        what: "libclang",
        why: "RocksDB's bindings are generated from its C header",
        debian: "libclang-dev",
        others: "Fedora: dnf install clang-devel; macOS: xcode-select --install; or set LIBCLANG_PATH",
        present: has_libclang,
    },
];

/// Checks all needs and installs the missing ones where that is possible.
pub(crate) fn check() -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        eprintln!("missing: {} ({})", need.what, need.why);
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.debian).collect();
    if cargo::has("apt-get") && rustix::process::geteuid().is_root() {
        let apt = || {
            let mut command = Command::new("apt-get");
            command.env("DEBIAN_FRONTEND", "noninteractive");
            command
        };
        cargo::run(apt().args(["update", "-qq"]))?;
        cargo::run(apt().args(["install", "-y", "-qq", "--no-install-recommends"]).args(&packages))?;
        if let Some(need) = NEEDS.iter().find(|need| !(need.present)()) {
            bail!(
                "{} is still missing after installing {}; install it by hand: {}",
                need.what,
                need.debian,
                need.others
            );
        }
        return Ok(());
    }
    let mut text = String::from(
        "this machine cannot build Strongroom yet. Install what is missing, then run the same command again:\n",
    );
    text.push_str(&format!("  Debian, Ubuntu: sudo apt-get install {}\n", packages.join(" ")));
    for need in missing {
        text.push_str(&format!("  {}: {}\n", need.what, need.others));
    }
    bail!(text);
}

fn has_libclang() -> bool {
    let mut places: Vec<PathBuf> = std::env::var_os("LIBCLANG_PATH").map(PathBuf::from).into_iter().collect();
    for fixed in [
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/opt/homebrew/opt/llvm/lib",
    ] {
        places.push(fixed.into());
    }
    for parent in ["/usr/lib", "/usr/local"] {
        places.extend(entries(Path::new(parent)).filter(|path| named(path, "llvm")).map(|path| path.join("lib")));
    }
    places.push("/Library/Developer/CommandLineTools/usr/lib".into());
    places.iter().any(|place| place.is_file() || entries(place).any(|path| is_libclang(&path)))
}

fn is_libclang(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    (name.starts_with("libclang.") || name.starts_with("libclang-"))
        && !name.starts_with("libclang-cpp")
        && (name.contains(".so") || name.contains(".dylib"))
}

fn named(path: &Path, prefix: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}
