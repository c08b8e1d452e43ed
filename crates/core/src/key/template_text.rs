//! Reads the templates of keys: `tenant:{tenant}`, `{order.customer}/{kind}`.
//!
//! Uses nothing but the standard library: the macros crate compiles this same file, so that a text
//! in an attribute is checked by the code that reads it at run time.

/// The longest template, in bytes.
pub(crate) const MAX_TEMPLATE_BYTES: usize = 256;

/// The most placeholders of a template.
pub(crate) const MAX_PLACEHOLDERS: usize = 8;

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text that stands for itself.
    Text(String),
    /// The place of a value: the name of a parameter, and of fields in it, with dots between.
    Placeholder(String),
}

/// Reads a template; an error says what is wrong, and where.
pub(crate) fn parse(text: &str) -> Result<Vec<Part>, String> {
    if text.is_empty() || text.len() > MAX_TEMPLATE_BYTES {
        return Err(format!(
            "the template of a key has 1 to {MAX_TEMPLATE_BYTES} bytes, this one has {}",
            text.len()
        ));
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = text;
    while let Some(brace) = rest.find(['{', '}']) {
        let (before, found) = rest.split_at(brace);
        push_text(&mut parts, before);
        let at = text.len() - found.len() + 1;
        if let Some(tail) = escaped(found) {
            push_text(&mut parts, &found[..1]);
            rest = tail;
        } else {
            let (path, tail) = placeholder(found).map_err(|it| wrong(text, at, &it))?;
            if let Some(Part::Placeholder(left)) = parts.last() {
                let problem = format!(
                    "`{{{left}}}` and `{{{path}}}` touch: write text between them, or two pairs of \
                     values would make one key"
                );
                return Err(wrong(text, at, &problem));
            }
            parts.push(Part::Placeholder(path.to_owned()));
            rest = tail;
        }
    }
    push_text(&mut parts, rest);
    let is_place = |part: &&Part| matches!(part, Part::Placeholder(_));
    if parts.iter().filter(is_place).count() > MAX_PLACEHOLDERS {
        return Err(format!(
            "the template \"{text}\" has more than {MAX_PLACEHOLDERS} placeholders"
        ));
    }
    Ok(parts)
}

/// Returns what follows a brace that is written twice.
fn escaped(found: &str) -> Option<&str> {
    found
        .strip_prefix("{{")
        .or_else(|| found.strip_prefix("}}"))
}

/// Reads `{name.field}`; returns what stands between the braces, and what follows.
fn placeholder(found: &str) -> Result<(&str, &str), String> {
    let Some(inner) = found.strip_prefix('{') else {
        return Err("`}` closes nothing; write `}}` for a brace".to_owned());
    };
    let Some((path, tail)) = inner.split_once('}') else {
        return Err("`{` is not closed; write `{{` for a brace".to_owned());
    };
    if path.is_empty() {
        return Err("`{}` names nothing; write the name of a parameter in it".to_owned());
    }
    let is_name = |segment: &str| {
        !segment.is_empty()
            && segment
                .chars()
                .all(|it| it.is_alphanumeric() || "_-".contains(it))
    };
    if !path.split('.').all(is_name) {
        return Err(format!(
            "`{{{path}}}` is no placeholder; write `{{parameter}}` or `{{parameter.field}}`, with letters, \
             digits, `_` and `-`"
        ));
    }
    Ok((path, tail))
}

fn wrong(text: &str, at: usize, problem: &str) -> String {
    format!("the template \"{text}\" of a key is wrong at byte {at}: {problem}")
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(before)) => before.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}
