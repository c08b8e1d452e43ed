//! Inputs made of examples: bytes changed, cut out, doubled, put in, and pieces of others.

use fastrand::Rng;

/// The longest input.
const LONGEST: usize = 4096;

/// What has a meaning to some reader.
const WORDS: [&[u8]; 14] = [
    b"\0",
    b"\xff\xff\xff\xff",
    b"\xc0",
    b"\xdf\xff\xff\xff\xff",
    b"\xdd\x7f\xff\xff\xff",
    b"18446744073709551615",
    b"-9223372036854775808",
    b"every ",
    b" tz=",
    b"{",
    b"}}",
    b"://",
    b"@",
    b"\xf0\x9f\xa6\x80",
];

/// Makes an input of one of the examples.
pub(super) fn from(examples: &[Vec<u8>], dice: &mut Rng) -> Vec<u8> {
    let mut input = dice.choice(examples).cloned().unwrap_or_default();
    for _ in 0..dice.usize(1..6) {
        change(&mut input, examples, dice);
    }
    input.truncate(LONGEST);
    input
}

fn change(input: &mut Vec<u8>, examples: &[Vec<u8>], dice: &mut Rng) {
    let at = dice.usize(..=input.len());
    let end = input.len().min(at + dice.usize(..9));
    match dice.u32(..8) {
        0 => input.truncate(at),
        1 => drop(input.drain(at..end)),
        2 => {
            let piece = input[at..end].to_vec();
            input.splice(at..at, piece);
        }
        3 => {
            let word = WORDS[dice.usize(..WORDS.len())];
            input.splice(at..at, word.iter().copied());
        }
        4 => {
            let other = dice.choice(examples).cloned().unwrap_or_default();
            let from = dice.usize(..=other.len());
            input.truncate(at);
            input.extend(&other[from..]);
        }
        5 => input.insert(at, dice.u8(..)),
        6 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << dice.u32(..8);
            }
        }
        _ => {
            if let Some(byte) = input.get_mut(at) {
                *byte = dice.u8(..);
            }
        }
    }
}
