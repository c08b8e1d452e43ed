//! The errors of keys: a text that is no template, and parameters that make no key.

/// Why a text is not the template of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTemplate(String);

/// Why the parameters of a run make no key; shows none of their values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameters make no key of \"{template}\": {problem}")]
pub struct KeyError {
    template: String,
    problem: String,
}

impl InvalidTemplate {
    pub(super) fn new(problem: String) -> Self {
        Self(problem)
    }
}

impl KeyError {
    pub(super) fn new(template: &str, problem: String) -> Self {
        Self {
            template: template.to_owned(),
            problem,
        }
    }
}
