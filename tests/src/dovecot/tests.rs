//! That the private Dovecot is what its description says. They run with the feature `dovecot` only, as the suite with
//! it does.

use std::io::{BufRead, BufReader};

use md5::{Digest, Md5};

use super::*;
use crate::{
    fingerprint::{Fingerprint, compare},
    maildrop::{Profile, realistic},
};

struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(dovecot: &Dovecot) -> (Self, String) {
        Self::to(dovecot.address())
    }

    fn to(address: SocketAddr) -> (Self, String) {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Self(BufReader::new(stream));
        let greeting = client.line();
        (client, greeting)
    }

    fn signed_in(dovecot: &Dovecot) -> Self {
        let (mut client, _) = Self::connect(dovecot);
        client.ask("USER alice");
        assert!(client.ask("PASS secret").starts_with("+OK"), "{}", dovecot.log());
        client
    }

    fn ask(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    /// The lines up to the final dot, unstuffed.
    fn body(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            self.0.read_until(b'\n', &mut line).unwrap();
            if line == b".\r\n" {
                return body;
            }
            body.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
}

#[test]
fn messages_come_back_as_they_were_stored_and_are_deleted_at_quit() {
    const COUNT: usize = 60;
    let messages: Vec<Vec<u8>> = realistic(11, COUNT, Profile::crlf_clean().largest(2_000_000)).collect();
    let dovecot = Dovecot::start(&[("alice", "secret"), ("bob", "other")]);
    dovecot.fill("alice", messages.clone());
    let mut client = Client::signed_in(&dovecot);
    let octets: usize = messages.iter().map(Vec::len).sum();
    assert_eq!(client.ask("STAT"), format!("+OK {COUNT} {octets}\r\n"));
    for (message, number) in messages.iter().zip(1..) {
        assert_eq!(client.ask(&format!("RETR {number}")), format!("+OK {} octets\r\n", message.len()));
        assert_eq!(Fingerprint::of("", &client.body()), Fingerprint::of("", message), "message {number}");
    }
    for number in 1..=10 {
        assert!(client.ask(&format!("DELE {number}")).starts_with("+OK"));
    }
    assert!(client.ask("QUIT").starts_with("+OK"));
    // Dovecot answers QUIT when the files are gone.
    let left = messages[10..].iter().map(|message| Fingerprint::of("", message));
    compare(left, dovecot.maildir("alice").delivered().iter().map(|entry| entry.fingerprint())).unwrap();
}

#[test]
fn it_has_capa_apop_and_new_mail() {
    let dovecot = Dovecot::start(&[("alice", "secret")]);
    let (mut client, greeting) = Client::connect(&dovecot);
    assert!(client.ask("CAPA").starts_with("+OK"));
    let capabilities = String::from_utf8(client.body()).unwrap();
    for capability in ["CAPA", "TOP", "UIDL", "RESP-CODES", "PIPELINING", "USER"] {
        assert!(capabilities.lines().any(|line| line == capability), "{capability} is not in {capabilities}");
    }
    let timestamp = &greeting[greeting.find('<').unwrap()..greeting.find('>').unwrap() + 1];
    let digest: String = Md5::digest(format!("{timestamp}secret")).iter().map(|octet| format!("{octet:02x}")).collect();
    assert!(client.ask(&format!("APOP alice {digest}")).starts_with("+OK"), "{}", dovecot.log());
    assert_eq!(client.ask("STAT"), "+OK 0 0\r\n");
    client.ask("QUIT");
    dovecot.fill("alice", [b"A: 1\r\n\r\n".to_vec()]);
    dovecot.fill("alice", [b"B: 22\r\n\r\n".to_vec()]);
    let mut client = Client::signed_in(&dovecot);
    client.ask("LIST");
    assert_eq!(client.body(), b"1 8\r\n2 9\r\n");
}

#[test]
fn nothing_is_left_of_it() {
    let dovecot = Dovecot::start(&[("alice", "secret")]);
    let (process, directory) = (dovecot.process.id(), dovecot.directory.path().to_owned());
    drop(dovecot);
    assert!(!directory.exists());
    // Its port may be that of another server by now.
    assert!(!std::path::Path::new(&format!("/proc/{process}")).exists());
}

#[test]
fn it_comes_back_after_a_kill_with_its_mail() {
    let mut dovecot = Dovecot::start(&[("alice", "secret")]);
    dovecot.fill("alice", [b"A: 1\r\n\r\n".to_vec()]);
    let mut client = Client::signed_in(&dovecot);
    dovecot.kill();
    // Not even the process that has served the session is left.
    assert!(matches!(client.0.fill_buf(), Ok([]) | Err(_)));
    assert!(TcpStream::connect(dovecot.address()).is_err());
    dovecot.restart();
    let mut client = Client::signed_in(&dovecot);
    assert_eq!(client.ask("STAT"), "+OK 1 8\r\n");
}

#[test]
fn passwords_can_need_tls_of_strangers() {
    let settings = Settings { passwords_need_tls: true, ..Settings::new(&[("alice", "secret")]) };
    let dovecot = Dovecot::start_with(&settings);
    Client::signed_in(&dovecot);
    let (mut client, greeting) = Client::to(SocketAddr::new(TO_STRANGERS, dovecot.port()));
    assert!(greeting.starts_with("+OK"), "{greeting}");
    assert!(client.ask("USER alice").contains("Plaintext authentication disallowed"), "{}", dovecot.log());
}

#[test]
fn tokens_are_introspected() {
    let introspection = Introspection::start(&[("good", "alice")]);
    for (body, answer) in [
        ("token=good", r#"{"active":true,"username":"alice","token_type":"Bearer"}"#),
        ("a=b&token=good", r#"{"active":true,"username":"alice","token_type":"Bearer"}"#),
        ("token=goo", r#"{"active":false}"#),
        ("", r#"{"active":false}"#),
    ] {
        let mut stream = TcpStream::connect(introspection.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "POST /introspect HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert_eq!(response.split_once("\r\n\r\n").map(|(_, json)| json), Some(answer));
    }
    let address = introspection.address();
    drop(introspection);
    assert!(TcpStream::connect(address).is_err());
}
