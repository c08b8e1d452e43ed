//! The process around a server: it ends the server when its own input is closed.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A server process, and the shell that ends it with us.
#[derive(Debug)]
pub(crate) struct Watched {
    shell: Child,
    /// Closing it ends the server; so does the end of this process.
    input: Option<ChildStdin>,
    pid: u32,
}

/// Starts the server, says its id, and waits for the end of the input, or for being ended itself. The server
/// alone keeps the output, so that it ends with it.
const SCRIPT: &str = r#"
"$@" 2>&1 &
pid=$!
trap 'kill -9 "$pid" 2> /dev/null; exit 1' TERM INT HUP
echo "$pid"
exec > /dev/null
read -r last
kill -9 "$pid" 2> /dev/null
wait "$pid"
[ "$last" = keep ] || { cd / && rm -rf "$FOLDER"; }
"#;

impl Watched {
    /// Starts a program in a folder, and waits until it prints `sign`; what it prints later is lost.
    ///
    /// The folder is removed if the program ends before, unless it `was_there`.
    pub(crate) fn start(
        program: &Path,
        words: &[String],
        (folder, was_there): (&Path, bool),
        sign: &str,
    ) -> io::Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(program)
            .args(words)
            .env("FOLDER", folder)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = shell.stdin.take();
        let output = shell
            .stdout
            .take()
            .ok_or_else(|| io::Error::other("the shell has no output"))?;
        let mut lines = BufReader::new(output).lines();
        let pid = lines
            .next()
            .transpose()?
            .and_then(|line| line.trim().parse().ok());
        let pid = pid.ok_or_else(|| io::Error::other("the shell did not start the server"))?;
        let watched = Self { shell, input, pid };
        let mut seen = String::new();
        for line in lines {
            let line = line?;
            if line.contains(sign) {
                return Ok(watched);
            }
            seen.push_str(&line);
            seen.push('\n');
        }
        if was_there {
            watched.end_and_keep()?;
        }
        Err(io::Error::other(format!(
            "the server ended before it was ready:\n{seen}"
        )))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal, such as `STOP`, `CONT`, `TERM` or `KILL`, to the server.
    pub(crate) fn signal(&self, signal: &str) -> io::Result<()> {
        let done = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.pid.to_string())
            .status()?;
        if done.success() {
            Ok(())
        } else {
            Err(io::Error::other("there is no such process"))
        }
    }
}

impl Watched {
    /// Ends the server as a power cut would, and keeps its files.
    pub(crate) fn end_and_keep(mut self) -> io::Result<()> {
        if let Some(mut input) = self.input.take() {
            input.write_all(b"keep\n")?;
        }
        self.shell.wait().map(drop)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.input.take());
        // The shell ends the server and removes the folder; nothing is left to do if it is gone.
        let _ = self.shell.wait();
    }
}
