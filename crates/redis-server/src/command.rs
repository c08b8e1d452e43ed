//! Commands on a connection of their own: enough to look into a server, and to disturb it.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};

/// Sends commands one after the other, and returns the last reply.
pub(crate) fn send(port: u16, commands: &[&[&[u8]]]) -> io::Result<String> {
    let mut reader = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
    let mut lines = Vec::new();
    for command in commands {
        reader.get_mut().write_all(&request(command))?;
        lines.clear();
        read_reply(&mut reader, &mut lines)?;
    }
    Ok(lines.join("\n"))
}

fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
    request
}

fn read_reply(reader: &mut impl BufRead, lines: &mut Vec<String>) -> io::Result<()> {
    let mut head = String::new();
    reader.read_line(&mut head)?;
    let (kind, rest) = head
        .trim_end()
        .split_at_checked(1)
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    let length = || rest.parse::<i64>().map_err(io::Error::other);
    match kind {
        "-" => return Err(io::Error::other(rest.to_owned())),
        "$" => {
            if let Ok(length) = usize::try_from(length()?) {
                let mut text = vec![0; length + 2];
                reader.read_exact(&mut text)?;
                text.truncate(length);
                lines.push(String::from_utf8_lossy(&text).into_owned());
            }
        }
        "*" => {
            for _ in 0..length()?.max(0) {
                read_reply(reader, lines)?;
            }
        }
        _ => lines.push(rest.to_owned()),
    }
    Ok(())
}
