//! Keys made of parameters: a template, checked once, and the key that a run's parameters make of it.

mod error;
mod template_text;
mod value;

pub use error::{InvalidTemplate, KeyError};
pub use value::{InvalidKey, Key};

use std::fmt;
use std::str::FromStr;

use crate::payload::Payload;
use template_text::Part;

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 256;

/// The template of a key: text with the names of parameters in braces.
///
/// `{name}` stands for the value of a parameter, `{name.field}` for that of a field in it; `{{` and `}}`
/// for a brace. A template has 1 to 256 bytes and at most 8 placeholders, which do not touch.
///
/// A value is a text, a whole number, a boolean, a unit variant of an enum or a byte string (in
/// hexadecimal digits). A floating-point number, nothing (`None`), a list and a map make no key.
///
/// Two different series of values make two different keys: where a value has the character that the text
/// behind its placeholder begins with, or a backslash, a backslash goes before it, unless it is the last
/// placeholder.
///
/// ```
/// use aqueduct_core::key::KeyTemplate;
/// use aqueduct_core::payload::Params;
///
/// let template = KeyTemplate::new("sync:{account}:{kind}")?;
/// let params = Params::new().with("account", &7).with("kind", "full");
/// assert_eq!(template.render(&params.into_payload()?)?, "sync:7:full");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTemplate {
    text: String,
    parts: Vec<Part>,
}

impl KeyTemplate {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// Returns an error that names the place if the text is no template.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidTemplate> {
        let text = text.into();
        let parts = template_text::parse(&text).map_err(InvalidTemplate::new)?;
        Ok(Self { text, parts })
    }

    /// Returns the text that it was read from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns what stands in its braces, in order: `name` or `name.field`.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Placeholder(path) => Some(path.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Makes the key of a run with these parameters: 1 to [`MAX_KEY_BYTES`] bytes.
    ///
    /// # Errors
    ///
    /// Returns an error that names the placeholder if a value is missing or makes no key, and one that
    /// says so if the key would be empty or too long.
    pub fn render(&self, params: &Payload) -> Result<String, KeyError> {
        let mut key = String::new();
        for (index, part) in self.parts.iter().enumerate() {
            match (part, self.parts.get(index + 1..)) {
                (Part::Text(text), _) => key.push_str(text),
                // Behind the text that follows comes another value: this one must end before it.
                (Part::Placeholder(path), Some([Part::Text(behind), _, ..])) => {
                    push_escaped(&mut key, &self.value(params, path)?, behind);
                }
                (Part::Placeholder(path), _) => key.push_str(&self.value(params, path)?),
            }
            if key.len() > MAX_KEY_BYTES {
                return Err(self.error(format!("it would have more than {MAX_KEY_BYTES} bytes")));
            }
        }
        if key.is_empty() {
            return Err(self.error("it would be empty"));
        }
        Ok(key)
    }

    fn value(&self, params: &Payload, path: &str) -> Result<String, KeyError> {
        params.text_at(path).map_err(|problem| self.error(problem))
    }

    fn error(&self, problem: impl Into<String>) -> KeyError {
        KeyError::new(&self.text, problem.into())
    }
}

impl FromStr for KeyTemplate {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        Self::new(text)
    }
}

impl fmt::Display for KeyTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Adds a value that ends where `behind` begins.
fn push_escaped(key: &mut String, value: &str, behind: &str) {
    let end = behind.chars().next();
    for char in value.chars() {
        if char == '\\' || Some(char) == end {
            key.push('\\');
        }
        key.push(char);
    }
}
