//! Vectors: files of inputs and outputs that pin every format and rule, in `tests/conformance/vectors`.
//!
//! A test makes a vector and compares it with the file. `cargo x vectors` sets [`WRITE`], and the file is written instead: a
//! difference then is a change of something that others have implemented.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The environment variable that has the files written.
pub const WRITE: &str = "STRONGROOM_WRITE_VECTORS";

/// Where the files are.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// Compares a vector with its file.
///
/// # Panics
/// When they differ, or the file cannot be read.
#[track_caller]
pub fn pinned(name: &str, made: &Value) {
    pinned_text(name, &lines(made));
}

/// [`pinned`] for a file that is kept as it is used, byte for byte.
///
/// # Panics
/// When they differ, or the file cannot be read.
#[track_caller]
pub fn pinned_text(name: &str, made: &str) {
    let kept = text(name, || made.to_owned());
    assert!(kept == made, "{name} differs from what this program makes: a format or a rule changed");
}

/// What the file holds. It is made when files are written: for what never comes out the same twice.
///
/// # Panics
/// When the file cannot be read or is no JSON.
#[track_caller]
pub fn kept(name: &str, make: impl FnOnce() -> Value) -> Value {
    parsed(name, &text(name, || lines(&make())))
}

/// What a file holds that another test makes.
///
/// # Panics
/// When the file cannot be read or is no JSON.
#[track_caller]
#[must_use]
pub fn read(name: &str) -> Value {
    parsed(name, &stored(name))
}

/// Whether the files are to be written.
#[must_use]
pub fn is_writing() -> bool {
    std::env::var_os(WRITE).is_some()
}

fn lines(value: &Value) -> String {
    format!("{value:#}\n")
}

#[track_caller]
fn text(name: &str, make: impl FnOnce() -> String) -> String {
    if is_writing() {
        let path = directory().join(name);
        std::fs::write(&path, make()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    stored(name)
}

#[track_caller]
fn stored(name: &str) -> String {
    let path = directory().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
fn parsed(name: &str, text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All Rust sources below a directory, joined.
    fn sources(directory: &Path, into: &mut String) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                if name != "target" && !name.to_string_lossy().starts_with('.') {
                    sources(&path, into);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                into.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    #[test]
    fn every_vector_is_read_by_a_test() {
        let mut text = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), &mut text);
        let mut count = 0;
        for entry in std::fs::read_dir(directory()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(text.contains(&format!("{name}\"")), "no test reads tests/conformance/vectors/{name}");
            count += 1;
        }
        assert!(count >= 8, "the folder of vectors is not where it should be");
    }
}
