//! One connection through the proxy.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::frame;
use super::rules::{Fault, Rules};

/// What is to be done with the replies that are awaited, in order.
type Awaited = Mutex<VecDeque<Reply>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Pass,
    Swallow,
    Cut,
    Silence,
}

/// Carries bytes in both directions until one side closes, or a fault cuts the connection.
pub(super) async fn serve(client: TcpStream, target: SocketAddr, rules: Arc<Rules>) {
    let mut cuts = rules.cuts();
    cuts.mark_unchanged();
    if rules.is_silent() {
        // Accepted, and never answered.
        let _ = cuts.changed().await;
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    // Small frames must not wait for others; a connection that refuses the option works as well.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let awaited = Awaited::default();
    tokio::select! {
        () = requests(from_client, to_server, &awaited, &rules) => {}
        () = replies(from_server, to_client, &awaited, &rules) => {}
        _ = cuts.changed() => {}
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    awaited: &Awaited,
    rules: &Rules,
) {
    let mut bytes = Vec::new();
    while from.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        while let Some(length) = frame::length(&bytes) {
            let frame: Vec<u8> = bytes.drain(..length).collect();
            let fault = rules.next_fault(&frame::words(&frame));
            let (times, replies): (usize, &[Reply]) = match fault {
                None => (1, &[Reply::Pass]),
                Some(Fault::LostRequest) => return,
                Some(Fault::LostReply) => (1, &[Reply::Cut]),
                Some(Fault::Silence) => (1, &[Reply::Silence]),
                Some(Fault::Twice) => (2, &[Reply::Pass, Reply::Swallow]),
            };
            awaited
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(replies);
            for _ in 0..times {
                if to.write_all(&frame).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn replies(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    awaited: &Awaited,
    rules: &Rules,
) {
    let mut bytes = Vec::new();
    while from.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        while let Some(length) = frame::length(&bytes) {
            let frame: Vec<u8> = bytes.drain(..length).collect();
            let next = awaited
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            match next.unwrap_or(Reply::Pass) {
                Reply::Cut => return,
                Reply::Swallow => continue,
                Reply::Silence => std::future::pending().await,
                Reply::Pass if rules.is_silent() => std::future::pending().await,
                Reply::Pass => {}
            }
            if to.write_all(&frame).await.is_err() {
                return;
            }
        }
    }
}
