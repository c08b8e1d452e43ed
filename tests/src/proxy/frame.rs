//! Where a command or a reply ends, in the bytes of the protocol.

/// Returns the length of the first whole frame, or `None` if it is not all there.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let line = line_end(bytes)?;
    let number = || {
        std::str::from_utf8(&bytes[1..line - 2])
            .ok()?
            .parse::<i64>()
            .ok()
    };
    match bytes.first()? {
        b'$' => match usize::try_from(number()?) {
            Ok(text) => (bytes.len() >= line + text + 2).then_some(line + text + 2),
            Err(_) => Some(line),
        },
        b'*' => {
            let mut end = line;
            for _ in 0..number()?.max(0) {
                end += length(bytes.get(end..)?)?;
            }
            Some(end)
        }
        _ => Some(line),
    }
}

/// Returns the words of a command.
pub(super) fn words(frame: &[u8]) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = &frame[line_end(frame).unwrap_or(frame.len())..];
    while let Some(length) = length(rest) {
        let (word, after) = rest.split_at(length);
        let start = line_end(word).unwrap_or(0);
        words.push(String::from_utf8_lossy(&word[start..length - 2]).into_owned());
        rest = after;
        // Nobody asks for more than the name and the digest.
        if words.len() == 2 {
            break;
        }
    }
    words
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(2)
        .position(|pair| pair == b"\r\n")
        .map(|at| at + 2)
}
