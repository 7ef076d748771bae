use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wasmtime_wasi::p2::{InputStream as _, OutputStream as _, StreamError};

use super::*;

/// A connection as the component has it, and the server's end.
async fn connected() -> (Arc<Line>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    let mut socket = TcpSocket { family: IpAddressFamily::Ipv4, state: State::New(socket) };
    assert!(matches!(socket.connected(), Err(ErrorCode::NotInProgress)));
    socket.connect(listener.local_addr().unwrap()).unwrap();
    assert!(matches!(socket.connect(listener.local_addr().unwrap()), Err(ErrorCode::ConcurrencyConflict)));
    soon(socket.ready()).await;
    let line = socket.connected().unwrap();
    assert!(matches!(socket.connected(), Err(ErrorCode::NotInProgress)));
    (line, listener.accept().await.unwrap().0)
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("it should not hang")
}

#[tokio::test]
async fn a_command_does_not_wait_for_the_answer_to_the_one_before() {
    let (line, _server) = connected().await;
    assert!(line.stream().nodelay().unwrap());
}

#[tokio::test]
async fn nobody_listens() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    let mut socket = TcpSocket { family: IpAddressFamily::Ipv4, state: State::New(socket) };
    socket.connect(address).unwrap();
    soon(socket.ready()).await;
    assert!(matches!(socket.connected(), Err(ErrorCode::ConnectionRefused)));
    assert!(matches!(socket.line(), Err(ErrorCode::InvalidState)));
}

/// Writes until the network takes no more; gives how many octets went in.
fn fill(output: &mut Output) -> usize {
    let mut written = 0;
    loop {
        match output.check_write().unwrap() {
            0 => return written,
            permitted => {
                output.write(Bytes::from(vec![b'x'; permitted])).unwrap();
                written += permitted;
            }
        }
    }
}

#[tokio::test]
async fn what_was_written_goes_out_while_an_answer_is_waited_for() {
    let (line, mut server) = connected().await;
    let (mut input, mut output) = (Input(Arc::clone(&line)), Output(line));
    let written = fill(&mut output);
    assert!(matches!(output.write(Bytes::from_static(b"x")), Err(StreamError::Trap(_))));
    let server = tokio::spawn(async move {
        let mut heard = vec![0; written];
        server.read_exact(&mut heard).await.unwrap();
        server.write_all(b"+OK\r\n").await.unwrap();
        server
    });
    let answer = soon(async {
        loop {
            input.ready().await;
            let octets = input.read(100).unwrap();
            if !octets.is_empty() {
                break octets;
            }
        }
    });
    assert_eq!(answer.await, &b"+OK\r\n"[..]);
    drop(server.await.unwrap());
    soon(input.ready()).await;
    assert!(matches!(input.read(100), Err(StreamError::Closed)));
    assert!(matches!(input.read(100), Err(StreamError::Closed)));
}

#[tokio::test]
async fn all_is_taken_again_when_the_server_has_read() {
    let (line, mut server) = connected().await;
    let mut output = Output(line);
    let written = fill(&mut output);
    let server = tokio::spawn(async move {
        let mut heard = vec![0; written];
        server.read_exact(&mut heard).await.unwrap();
        server
    });
    soon(output.ready()).await;
    assert!(output.check_write().unwrap() > 0);
    drop(server.await.unwrap());
}

#[tokio::test]
async fn a_connection_that_was_shut_down_is_of_no_use() {
    let (line, mut server) = connected().await;
    let (mut input, mut output) = (Input(Arc::clone(&line)), Output(Arc::clone(&line)));
    fill(&mut output);
    line.shut_down(Shutdown::Both);
    soon(input.ready()).await;
    assert!(matches!(input.read(100), Err(StreamError::Closed)));
    soon(output.ready()).await;
    assert!(matches!(output.check_write(), Err(StreamError::Closed)));
    assert!(matches!(output.write(Bytes::from_static(b"x")), Err(StreamError::Closed)));
    drop((line, input, output));
    let mut heard = Vec::new();
    let _ = soon(server.read_to_end(&mut heard)).await;
    assert!(heard.iter().all(|octet| *octet == b'x'));
}
