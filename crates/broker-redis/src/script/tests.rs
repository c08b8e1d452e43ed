//! What a program can check of the scripts without a server.

use std::collections::BTreeSet;

use aqueduct_broker_api::wire::MAX_ENVELOPE_BYTES;

use super::Scripts;

/// Functions and words of Lua that look like calls.
const BUILT_IN: [&str; 17] = [
    "and", "elseif", "function", "if", "in", "ipairs", "next", "select", "not", "or", "pairs",
    "pcall", "return", "tonumber", "tostring", "unpack", "until",
];

/// Cuts a line into names and single other characters; texts are left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut quote = None;
    let mut is_name = false;
    for char in text.chars() {
        if let Some(end) = quote {
            quote = (char != end).then_some(end);
            continue;
        }
        let continues = char.is_alphanumeric() || char == '_';
        match tokens.last_mut() {
            Some(last) if continues && is_name => last.push(char),
            _ if matches!(char, '\'' | '"') => quote = Some(char),
            _ if !char.is_whitespace() => tokens.push(char.to_string()),
            _ => {}
        }
        is_name = continues;
    }
    tokens
}

/// A branch that is rarely taken must not find that a library was left out.
#[test]
fn every_function_that_a_script_calls_is_in_it() {
    for script in Scripts::to_evaluate(false).all_mut() {
        let tokens = tokens(script.text());
        let mut known: BTreeSet<&str> = BUILT_IN.into();
        let mut in_local = false;
        for (at, token) in tokens.iter().enumerate() {
            in_local = token == "local" || (in_local && token != "=" && token != "(");
            if in_local
                || tokens
                    .get(at.wrapping_sub(1))
                    .is_some_and(|before| before == "function")
            {
                known.insert(token);
            }
        }
        for (at, token) in tokens.iter().enumerate() {
            let is_name = token
                .chars()
                .all(|char| char.is_alphanumeric() || char == '_');
            let is_call = is_name && tokens.get(at + 1).is_some_and(|next| next == "(");
            let is_member = at > 0 && matches!(tokens[at - 1].as_str(), "." | ":");
            assert!(
                !is_call || is_member || known.contains(token.as_str()),
                "`{}` calls `{token}`, which it does not have",
                script.name
            );
        }
    }
}

/// Each script says in its first lines what it takes, answers and touches at most.
#[test]
fn every_script_says_what_it_takes_and_touches() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/scripts");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("#!lua"), "{}: no flags", path.display());
        for word in ["-- KEYS ", "-- ARGV ", "-- reply ", "-- bound "] {
            assert!(text.contains(word), "{}: no line `{word}`", path.display());
        }
        seen += 1;
    }
    assert_eq!(seen, Scripts::to_evaluate(false).all_mut().len());
}

/// What is too long for a decoder is set aside by the scripts, and what is not is not.
#[test]
fn scripts_know_the_largest_run() {
    let largest = format!("local LARGEST = {MAX_ENVELOPE_BYTES}\n");
    assert!(super::RUN.contains(&largest), "{largest}");
}
