//! One throw-away server.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

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
    watched: Watched,
    port: u16,
    folder: PathBuf,
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
        let watched = Watched::start(program, &words, &folder, READY)?;
        Ok(Self {
            watched,
            port,
            folder,
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
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.watched.pid()
    }

    /// Sends a signal to the server: `STOP`, `CONT`, `TERM`, `KILL`.
    ///
    /// # Errors
    ///
    /// Returns an error if the process is gone.
    pub fn signal(&self, signal: &str) -> io::Result<()> {
        self.watched.signal(signal)
    }
}

fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// Creates an empty folder of its own below the temporary folder.
fn new_folder() -> io::Result<PathBuf> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("aqueduct-redis-{}-{number}", process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// What a server prints once it can be used.
const READY: &str = "Ready to accept connections";

const TRIES: usize = 5;
