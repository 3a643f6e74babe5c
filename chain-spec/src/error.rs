//! Why a network description is refused.

/// A description that cannot start a network: which field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The text is not the JSON of a [`crate::Spec`].
    #[error("the network description is not valid: {reason}")]
    Json {
        /// What the JSON reader met, with line and column.
        reason: String,
    },
    /// A field breaks a rule.
    #[error("network description: {field}: {reason}")]
    Field {
        /// Path of the field, such as `clusters[0].members[2]`.
        field: String,
        /// The rule, and what was found instead.
        reason: String,
    },
}

impl SpecError {
    /// A field that breaks a rule.
    pub(crate) fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Field { field: field.into(), reason: reason.into() }
    }
}
