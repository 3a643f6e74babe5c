//! Exit codes that scripts can use, and how a failure is told.

use std::process::ExitCode;

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
    /// 5: no node answers.
    Unreachable(eyre::Report),
}

impl Failure {
    /// Tells what happened, on standard error (text) or standard output (JSON).
    pub(crate) fn report(self, json: bool) -> ExitCode {
        let (code, kind, report) = match self {
            Self::Failed(report) => (1, "failed", report),
            Self::Refuted(report) => (4, "refuted", report),
            Self::Unreachable(report) => (5, "unreachable", report),
        };
        let message = message(&report);
        if json {
            println!("{}", serde_json::json!({ "error": { "kind": kind, "message": message } }));
        } else {
            eprintln!("error: {message}");
        }
        ExitCode::from(code)
    }
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
}
