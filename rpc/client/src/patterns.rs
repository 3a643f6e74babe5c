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
