//! The command line of a bench: plain words, and where results go.

use std::path::PathBuf;

pub(crate) struct Arguments {
    pub(crate) words: Vec<String>,
    json: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn parse() -> Self {
        let (mut words, mut json) = (Vec::new(), None);
        let mut given = std::env::args().skip(1);
        while let Some(word) = given.next() {
            match word.as_str() {
                "--json" => json = Some(given.next().expect("--json needs a file").into()),
                // Cargo's `--bench`.
                option if option.starts_with('-') => {}
                _ => words.push(word),
            }
        }
        Self { words, json }
    }

    /// Writes the results where `--json` says.
    pub(crate) fn keep(&self, results: &serde_json::Value) {
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(results).expect("JSON of numbers and names");
            std::fs::write(path, text).expect("the results can be written");
        }
    }
}
