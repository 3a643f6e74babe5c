//! Globs that select paths.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::ClientError;

/// Globs: without `/` matched against names, with `/` against whole paths (`*` stops at `/`, `**` does not).
#[derive(Clone, Debug)]
pub(crate) struct Patterns {
    names: GlobSet,
    paths: GlobSet,
}

impl Patterns {
    pub(crate) fn new(patterns: &[String]) -> Result<Self, ClientError> {
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        let bad = |pattern: &str, error: globset::Error| ClientError::BadPattern {
            pattern: pattern.to_owned(),
            reason: error.kind().to_string(),
        };
        for pattern in patterns {
            let trimmed = pattern.strip_suffix('/').unwrap_or(pattern);
            let glob =
                GlobBuilder::new(trimmed).literal_separator(true).build().map_err(|error| bad(pattern, error))?;
            if trimmed.contains('/') {
                paths.add(glob)
            } else {
                names.add(glob)
            };
        }
        let build = |builder: GlobSetBuilder| builder.build().map_err(|error| bad("the patterns", error));
        Ok(Self { names: build(names)?, paths: build(paths)? })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.paths.is_empty()
    }

    /// Whether any pattern matches this path or its last name.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        (!self.paths.is_empty() && self.paths.is_match(path))
            || path.file_name().is_some_and(|name| !self.names.is_empty() && self.names.is_match(name))
    }
}

/// Patterns that remember which of them have matched nothing so far.
#[derive(Debug)]
pub(crate) struct Sought {
    all: Patterns,
    unmatched: Vec<(String, Patterns)>,
}

impl Sought {
    /// Globs below the root of a snapshot; a `/` in front changes nothing.
    pub(crate) fn new(patterns: &[String]) -> Result<Self, ClientError> {
        let trimmed = |pattern: &String| pattern.trim_start_matches('/').to_owned();
        let all = Patterns::new(&patterns.iter().map(trimmed).collect::<Vec<_>>())?;
        let each = patterns.iter().map(|pattern| Ok((pattern.clone(), Patterns::new(&[trimmed(pattern)])?)));
        Ok(Self { all, unmatched: each.collect::<Result<_, ClientError>>()? })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether any pattern matches this path or its last name.
    pub(crate) fn matches(&mut self, path: &Path) -> bool {
        self.unmatched.retain(|(_, pattern)| !pattern.matches(path));
        self.all.matches(path)
    }

    /// The patterns that matched nothing that they were asked about.
    pub(crate) fn into_unmatched(self) -> Vec<String> {
        self.unmatched.into_iter().map(|(pattern, _)| pattern).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests end at the first surprise")]

    use super::*;

    #[test]
    fn patterns_that_match_nothing_are_remembered() {
        for (patterns, unmatched) in [
            (&["*.txt", "a"][..], &[][..]),
            (&["/a/b.txt", "*.pdf", "a/*.txt"], &["*.pdf"]),
            (&["/nowhere", "b.txt"], &["/nowhere"]),
            (&["b", "c"], &["b", "c"]),
            (&["a/", "a/**"], &[]),
        ] {
            let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            let mut sought = Sought::new(&patterns).unwrap();
            for path in ["a", "a/b.txt", "other"] {
                sought.matches(Path::new(path));
            }
            assert_eq!(sought.into_unmatched(), unmatched, "{patterns:?}");
        }
    }
}
