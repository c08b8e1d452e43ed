//! A throw-away primary with two replicas, and three sentinels that watch over them.

use std::io;

use crate::server::{RedisServer, ServerOptions, free_port, new_folder};
use crate::watch::Watched;
use crate::{HOW_TO_INSTALL, installed};

/// A primary, its replicas and sentinels, which end when the value is dropped.
#[derive(Debug)]
pub struct RedisSentinels {
    servers: Vec<RedisServer>,
    sentinels: Vec<(u16, Watched)>,
}

const REPLICAS: usize = 2;
const SENTINELS: usize = 3;

impl RedisSentinels {
    /// Starts everything, and waits until the sentinels know the replicas and each other.
    ///
    /// # Errors
    ///
    /// Returns an error if a server does not start.
    pub fn start() -> io::Result<Self> {
        let primary = RedisServer::start()?;
        let port = primary.port().to_string();
        let mut servers = vec![primary];
        for _ in 0..REPLICAS {
            let options = ServerOptions::with_settings(&["--replicaof", "127.0.0.1", &port]);
            servers.push(RedisServer::start_with(&options)?);
        }
        let sentinels = (0..SENTINELS)
            .map(|_| sentinel(&port))
            .collect::<io::Result<_>>()?;
        let all = Self { servers, sentinels };
        all.wait_until_whole()?;
        Ok(all)
    }

    /// Returns the URL that leads to the primary by the sentinels.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self
            .sentinels
            .iter()
            .map(|(port, _)| format!("127.0.0.1:{port}"))
            .collect();
        format!("redis-sentinel://{}/main", hosts.join(","))
    }

    /// Returns the server that says it is the primary.
    ///
    /// # Errors
    ///
    /// Returns an error if there is none.
    pub fn primary(&mut self) -> io::Result<&mut RedisServer> {
        let is_primary = |it: &&mut RedisServer| {
            it.command(&["ROLE"])
                .is_ok_and(|role| role.starts_with("master"))
        };
        let primary = self.servers.iter_mut().find(is_primary);
        primary.ok_or_else(|| io::Error::other("no server is the primary"))
    }

    fn wait_until_whole(&self) -> io::Result<()> {
        for (port, _) in &self.sentinels {
            loop {
                let known = crate::command::send(*port, &[&[b"SENTINEL", b"MASTER", b"main"]])?;
                let field = |name: &str| {
                    let mut lines = known.lines();
                    lines
                        .find(|line| *line == name)
                        .and_then(|_| lines.next()?.parse::<usize>().ok())
                };
                let is_whole = field("num-slaves") == Some(REPLICAS)
                    && field("num-other-sentinels") == Some(SENTINELS - 1);
                if is_whole {
                    break;
                }
                std::thread::yield_now();
            }
        }
        Ok(())
    }
}

fn sentinel(primary: &str) -> io::Result<(u16, Watched)> {
    let program =
        installed().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, HOW_TO_INSTALL))?;
    let (port, folder) = (free_port()?, new_folder()?);
    let settings = format!(
        "port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {primary} 2\n\
         sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n"
    );
    std::fs::write(folder.join("sentinel.conf"), settings)?;
    let words = ["sentinel.conf", "--sentinel"].map(str::to_owned);
    Ok((
        port,
        Watched::start(&program, &words, (&folder, false), "+monitor")?,
    ))
}
