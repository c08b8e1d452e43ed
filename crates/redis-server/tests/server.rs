//! A server starts, answers, and is gone when dropped.

use std::io::{Read, Write};
use std::net::TcpStream;

use aqueduct_redis_server::RedisServer;

#[test]
fn a_server_answers_and_ends_with_the_value() {
    let server = RedisServer::start().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
    let folder = server.socket().parent().unwrap().to_owned();
    assert!(folder.exists());
    drop(server);
    assert_eq!(
        stream.read(&mut answer).unwrap_or(0),
        0,
        "the server still talks"
    );
    assert!(!folder.exists());
}
