//! One connection through the proxy.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::frame;
use super::rules::{Fault, Rules};

/// What is to be done with the replies that are awaited, in order, and to which call each belongs.
type Awaited = Mutex<VecDeque<(Reply, String)>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Pass,
    Swallow,
    Cut,
    Silence,
}

/// Carries bytes in both directions until one side closes, or a fault cuts the connection.
pub(super) async fn serve(client: TcpStream, rules: Arc<Rules>) {
    let mut cuts = rules.cuts();
    cuts.mark_unchanged();
    if rules.is_silent() {
        // Accepted, and never answered.
        let _ = cuts.changed().await;
        return;
    }
    let Ok(server) = TcpStream::connect(rules.target()).await else {
        return;
    };
    // Small frames must not wait for others; a connection that refuses the option works as well.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    if !rules.understands() {
        tokio::select! {
            () = carry(from_client, to_server, &rules) => {}
            () = carry(from_server, to_client, &rules) => {}
            _ = cuts.changed() => {}
        }
        return;
    }
    let awaited = Awaited::default();
    tokio::select! {
        () = requests(from_client, to_server, &awaited, &rules) => {}
        () = replies(from_server, to_client, &awaited, &rules) => {}
        _ = cuts.changed() => {}
    }
}

/// Carries bytes of any protocol, until it is silent.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, rules: &Rules) {
    let mut bytes = Vec::new();
    while from.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        if rules.is_silent() {
            std::future::pending::<()>().await;
        }
        if to.write_all(&bytes).await.is_err() {
            return;
        }
        bytes.clear();
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
            let words = frame::words(&frame);
            let fault = rules.next_fault(&words);
            match fault {
                Some(Fault::Held) => rules.hold().await,
                // The delay is the fault.
                Some(Fault::Delay(by)) => tokio::time::sleep(by).await,
                _ => {}
            }
            let (times, replies): (usize, &[Reply]) = match fault {
                None | Some(Fault::Held | Fault::Delay(_)) => (1, &[Reply::Pass]),
                Some(Fault::LostRequest) => return,
                Some(Fault::LostReply) => (1, &[Reply::Cut]),
                Some(Fault::Silence) => (1, &[Reply::Silence]),
                Some(Fault::Twice) => (2, &[Reply::Pass, Reply::Swallow]),
            };
            awaited
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(replies.iter().map(|reply| (*reply, call(&words))));
            for _ in 0..times {
                if paced(&mut to, &frame, rules).await.is_err() {
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
            let (reply, call) = next.unwrap_or((Reply::Pass, String::new()));
            match reply {
                Reply::Cut => return,
                Reply::Swallow => continue,
                Reply::Silence => std::future::pending().await,
                Reply::Pass if rules.is_silent() => std::future::pending().await,
                Reply::Pass => {}
            }
            if paced(&mut to, &frame, rules).await.is_err() {
                return;
            }
            rules.count_answer(call);
        }
    }
}

/// Writes as fast as the rules let it.
async fn paced(to: &mut OwnedWriteHalf, bytes: &[u8], rules: &Rules) -> std::io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some(pace) = rules.pace() else {
            return to.write_all(rest).await;
        };
        let (now, later) = rest.split_at(pace.bytes.min(rest.len()));
        to.write_all(now).await?;
        // The pause is the fault; without one, others get their turn.
        if pace.pause.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(pace.pause).await;
        }
        rest = later;
    }
    Ok(())
}

/// Returns what a call is known by: its digest if it is of a script, else its name.
fn call(words: &[String]) -> String {
    let is_script = |word: &String| word.eq_ignore_ascii_case("EVALSHA");
    let word = words.iter().find(|word| !is_script(word));
    word.cloned().unwrap_or_default()
}
