//! Exit codes that scripts can use, and how a failure is told.

use std::process::ExitCode;

use client::{FileDifference, FileState};

/// How a command ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: all done.
    Done,
    /// 3: done in part; the report says what is missing.
    Partial,
}

impl Exit {
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Partial => 3,
        })
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// 1: anything else.
    Failed(eyre::Report),
    /// 4: a proof does not hold.
    Refuted(eyre::Report),
    /// 4: files are not what was committed.
    Differs {
        /// What was found out.
        report: eyre::Report,
        /// The first of them, as far as they could be named.
        differences: Vec<FileDifference>,
    },
    /// 5: no node answers.
    Unreachable(eyre::Report),
}

impl Failure {
    /// Why, for another report.
    pub(crate) fn into_report(self) -> eyre::Report {
        match self {
            Self::Failed(report) | Self::Refuted(report) | Self::Unreachable(report) => report,
            Self::Differs { report, .. } => report,
        }
    }

    /// Tells what happened, on standard error (text) or standard output (JSON).
    pub(crate) fn report(self, json: bool) -> ExitCode {
        let mut differences = Vec::new();
        let (code, kind, report) = match self {
            Self::Failed(report) => (1, "failed", report),
            Self::Refuted(report) => (4, "refuted", report),
            Self::Differs { report, differences: found } => {
                differences = found;
                (4, "refuted", report)
            }
            Self::Unreachable(report) => (5, "unreachable", report),
        };
        let message = message(&report);
        if json {
            let mut document = serde_json::json!({ "error": { "kind": kind, "message": message } });
            if !differences.is_empty() {
                document["error"]["differences"] = serde_json::json!(differences);
            }
            println!("{document}");
        } else {
            eprintln!("error: {message}");
            for difference in &differences {
                eprintln!("  {}", told(difference));
            }
        }
        ExitCode::from(code)
    }
}

/// One difference on one line.
fn told(difference: &FileDifference) -> String {
    let state =
        |state: Option<FileState>| state.map_or_else(|| "nothing that can be read".to_owned(), |s| s.to_string());
    let path = super::output::path(&difference.path);
    match difference.expected {
        None => format!("{path}: was not committed; found {}", state(difference.found)),
        Some(_) => format!("{path}: expected {}, found {}", state(difference.expected), state(difference.found)),
    }
}

/// Tells that the arguments do not parse, as text or JSON. Help and version, which were asked for, are text and no failure.
pub(crate) fn usage(error: &clap::Error, json: bool) -> ExitCode {
    if !json || !error.use_stderr() {
        // A closed pipe: nobody is there to read it.
        let _ = error.print();
    } else {
        let text = error.render().to_string();
        let first = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        let message = first.split_whitespace().collect::<Vec<_>>().join(" ");
        println!("{}", serde_json::json!({ "error": { "kind": "usage", "message": message } }));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// The chain of causes on one line; a cause that the text before it tells already is not told again.
fn message(report: &eyre::Report) -> String {
    let mut message = String::new();
    for cause in report.chain() {
        let text = cause.to_string();
        if message.is_empty() {
            message = text;
        } else if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
    }
    message
}

impl From<eyre::Report> for Failure {
    fn from(report: eyre::Report) -> Self {
        Self::Failed(report)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<client::ClientError> for Failure {
    fn from(error: client::ClientError) -> Self {
        use client::{ClientError, NodeError};
        match error {
            ClientError::Node(NodeError::Unreachable { .. }) => Self::Unreachable(eyre::eyre!(
                "{error}; is it running (`strongroom run --dev`), and is --node or STRONGROOM_NODE its address?"
            )),
            other => Self::Failed(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let report = eyre::eyre!("no such file").wrap_err("cannot read x: no such file").wrap_err("backup");
        assert_eq!(message(&report), "backup: cannot read x: no such file");
    }

    #[test]
    fn differences_say_what_was_expected_and_what_is_there() {
        let state =
            |size| FileState { kind: client::EntryKind::File, size, digest: primitives::Hash32::new([0xab; 32]) };
        let told = |expected, found| told(&FileDifference { path: "a\nb".into(), expected, found });
        let digest = "ab".repeat(32);
        assert_eq!(
            told(Some(state(5)), Some(state(7))),
            format!("a\\nb: expected 5 bytes with digest {digest}, found 7 bytes with digest {digest}")
        );
        assert!(told(Some(state(5)), None).ends_with("found nothing that can be read"));
        assert!(told(None, Some(state(5))).starts_with("a\\nb: was not committed; found 5 bytes"));
    }
}
