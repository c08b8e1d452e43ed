//! One throw-away server.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::command;
use crate::watch::Watched;
use crate::{HOW_TO_INSTALL, installed};

/// How a server is started.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServerOptions {
    /// Further settings, as on the command line: `["--maxmemory", "10mb"]`.
    pub settings: Vec<String>,
    /// The port; a free one if it is `None`.
    pub port: Option<u16>,
}

/// A running `redis-server`, which ends when the value is dropped.
#[derive(Debug)]
pub struct RedisServer {
    /// `None` only while it is down.
    watched: Option<Watched>,
    port: u16,
    folder: PathBuf,
    words: Vec<String>,
}

impl ServerOptions {
    /// Creates options with further settings, as on the command line.
    #[must_use]
    pub fn with_settings(settings: &[&str]) -> Self {
        let settings = settings.iter().map(|&word| word.to_owned()).collect();
        Self {
            settings,
            ..Self::default()
        }
    }
}

impl RedisServer {
    /// Starts a server with nothing in it, and without persistence.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no `redis-server` (the message says how to install it), or if it
    /// did not start.
    pub fn start() -> io::Result<Self> {
        Self::start_with(&ServerOptions::default())
    }

    /// Starts a server with further settings.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no `redis-server` (the message says how to install it), or if it
    /// did not start.
    pub fn start_with(options: &ServerOptions) -> io::Result<Self> {
        let program =
            installed().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, HOW_TO_INSTALL))?;
        let mut last = None;
        // Between finding a free port and listening on it, somebody else may take it.
        for _ in 0..TRIES {
            match Self::try_start(&program, options) {
                Ok(server) => return Ok(server),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("nothing was tried")))
    }

    fn try_start(program: &Path, options: &ServerOptions) -> io::Result<Self> {
        let port = match options.port {
            Some(port) => port,
            None => free_port()?,
        };
        let folder = new_folder()?;
        let mut words: Vec<String> = [
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--unixsocket",
            "socket",
            "--save",
            "",
            "--appendonly",
            "no",
            "--daemonize",
            "no",
            "--loglevel",
            "notice",
            "--dir",
            ".",
        ]
        .map(str::to_owned)
        .to_vec();
        words.extend(options.settings.iter().cloned());
        let watched = Watched::start(program, &words, (&folder, false), READY)?;
        Ok(Self {
            watched: Some(watched),
            port,
            folder,
            words,
        })
    }

    /// Returns the port on the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the URL of the server.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Returns the path of the Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// Returns the id of the server's process.
    ///
    /// # Errors
    ///
    /// Returns an error if the server is down.
    pub fn pid(&self) -> io::Result<u32> {
        Ok(self.running()?.pid())
    }

    /// Ends the server as a power cut would; its files stay.
    ///
    /// # Errors
    ///
    /// Returns an error if it was down.
    pub fn kill(&mut self) -> io::Result<()> {
        self.watched.take().ok_or_else(is_down)?.end_and_keep()
    }

    /// Starts the server again after [`RedisServer::kill`], with its files and on its port.
    ///
    /// # Errors
    ///
    /// Returns an error if it did not start: then its files stay as they are, to be mended.
    pub fn revive(&mut self) -> io::Result<()> {
        let program = installed().ok_or_else(is_down)?;
        let files = (self.folder.as_path(), true);
        self.watched = Some(Watched::start(&program, &self.words, files, READY)?);
        Ok(())
    }

    /// Sends a command, and returns its reply as text; of a list, one line each.
    ///
    /// # Errors
    ///
    /// Returns an error if the server did not answer, or answered with an error.
    pub fn command(&self, words: &[&str]) -> io::Result<String> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        self.command_bytes(&words)
    }

    /// Sends a command as a user.
    ///
    /// # Errors
    ///
    /// Returns an error if the server did not answer, or answered with an error.
    pub fn command_as(&self, user: &str, password: &str, words: &[&str]) -> io::Result<String> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let login: [&[u8]; 3] = [b"AUTH", user.as_bytes(), password.as_bytes()];
        command::send(self.port, &[&login, &words])
    }

    /// Sends a command of any bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if the server did not answer, or answered with an error.
    pub fn command_bytes(&self, words: &[&[u8]]) -> io::Result<String> {
        command::send(self.port, &[words])
    }

    fn running(&self) -> io::Result<&Watched> {
        self.watched.as_ref().ok_or_else(is_down)
    }

    /// Sends a signal to the server: `STOP`, `CONT`, `TERM`, `KILL`.
    ///
    /// # Errors
    ///
    /// Returns an error if the process is gone.
    pub fn signal(&self, signal: &str) -> io::Result<()> {
        self.running()?.signal(signal)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if self.watched.take().is_none() {
            // A server that is down has left its files; if they are gone, so much the better.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn is_down() -> io::Error {
    io::Error::other("the server is down")
}

pub(crate) fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// Creates an empty folder of its own below the temporary folder.
pub(crate) fn new_folder() -> io::Result<PathBuf> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("aqueduct-redis-{}-{number}", process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// What a server prints once it can be used.
const READY: &str = "Ready to accept connections";

const TRIES: usize = 5;
