//! AUTH (RFC 5034) with each mechanism, its habits and its faults; UTF8 and LANG (RFC 6856).

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::Client;
use crate::{
    authority::Authority,
    server::{At, Ending, Fault, InitialResponse, Mechanism, ModelServer, Sasl, Scram, ScramFault, Script, ServerTls},
};

const SIGNED_IN: &str = "+OK signed in";
const REFUSED: &str = "-ERR [AUTH] wrong name or password";

fn base64(octets: impl AsRef<[u8]>) -> String {
    Base64::encode_string(octets.as_ref())
}

/// A challenge with what these octets are in Base64.
fn challenge(octets: &str) -> String {
    format!("+ {}", base64(octets))
}

/// A server with this mechanism alone.
fn server(mechanism: Mechanism, sasl: Sasl) -> ModelServer {
    ModelServer::start(Script { sasl, exclusive: None, ..Script::default() }.with_mechanisms([mechanism]))
}

/// A client that has read the greeting.
fn greeted(server: &ModelServer) -> Client {
    let mut client = Client::connect(server.address());
    client.line();
    client
}

/// Plays `C: …` and `S: …` lines against a new connection, where what stands in braces is Base64 of it.
fn play(server: &ModelServer, conversation: &[&str]) -> Client {
    let mut client = greeted(server);
    for line in conversation {
        let (who, text) = line.split_at(3);
        let text = match text.split_once('{') {
            Some((before, octets)) => format!("{before}{}", base64(octets.strip_suffix('}').unwrap())),
            None => text.to_owned(),
        };
        match who {
            "C: " => client.send(&format!("{text}\r\n")),
            _ => assert_eq!(client.line(), text, "{conversation:?}"),
        }
    }
    client
}

#[test]
fn mechanisms_are_announced_and_listed() {
    let script =
        Script::default().with_mechanisms([Mechanism::ScramSha256, Mechanism::Plain]).without_capability("TOP");
    let server = ModelServer::start(Script { clear_sign_in: true, capabilities: Some(Vec::new()), ..script });
    let mut client = greeted(&server);
    client.send("CAPA\r\nAUTH\r\nAUTH LOGIN\r\n");
    client.expect("+OK capability list follows\r\nSASL SCRAM-SHA-256 PLAIN\r\n.\r\n");
    client.expect("+OK mechanisms follow\r\nSCRAM-SHA-256\r\nPLAIN\r\n.\r\n-ERR unknown mechanism\r\n");
    server.change(|script| script.capabilities = Some(vec!["SASL X".to_owned()]));
    let mut client = greeted(&server);
    client.send("CAPA\r\n");
    client.expect("+OK capability list follows\r\nSASL X\r\n.\r\n");
    server.change(|script| (script.capabilities, script.clear_sign_in) = (Some(Vec::new()), false));
    let mut client = greeted(&server);
    client.send("CAPA\r\nAUTH PLAIN\r\n");
    client.expect("+OK capability list follows\r\n.\r\n-ERR TLS comes first\r\n");
    assert!(greeted(&ModelServer::start(Script::default())).ask("AUTH").starts_with("-ERR"));
}

#[test]
fn plain() {
    let server = server(Mechanism::Plain, Sasl::default());
    // "\0alice\0secret" and "alice\0alice\0secret", by hand.
    assert_eq!(greeted(&server).ask("AUTH PLAIN AGFsaWNlAHNlY3JldA=="), SIGNED_IN);
    assert_eq!(greeted(&server).ask("auth plain YWxpY2UAYWxpY2UAc2VjcmV0"), SIGNED_IN);
    play(&server, &["C: AUTH PLAIN", "S: +", "C: {\0alice\0secret}", "S: +OK signed in"]);
    for wrong in ["\0alice\0wrong", "\0bob\0secret", "bob\0alice\0secret"] {
        assert_eq!(greeted(&server).ask(&format!("AUTH PLAIN {}", base64(wrong))), REFUSED);
    }
    for wrong in ["AUTH PLAIN =", "AUTH PLAIN x", "AUTH PLAIN QQ==", "AUTH PLAIN QQ"] {
        assert!(greeted(&server).ask(wrong).starts_with("-ERR this is not"), "{wrong}");
    }
    let mut client = play(&server, &["C: AUTH PLAIN", "S: +", "C: *", "S: -ERR the exchange was cancelled"]);
    assert_eq!(client.ask("AUTH PLAIN AGFsaWNlAHNlY3JldA=="), SIGNED_IN);
    assert!(client.ask("AUTH PLAIN").starts_with("-ERR"), "signed in already");
    assert_eq!(server.transcript().commands().iter().filter(|line| *line == "*").count(), 1);
}

#[test]
fn login() {
    let server = server(Mechanism::Login, Sasl::default());
    let [name, password] = ["S: + VXNlcm5hbWU6", "S: + UGFzc3dvcmQ6"];
    play(&server, &["C: AUTH LOGIN", name, "C: {alice}", password, "C: {secret}", "S: +OK signed in"]);
    play(&server, &["C: AUTH LOGIN YWxpY2U=", password, "C: {secret}", "S: +OK signed in"]);
    let refused = format!("S: {REFUSED}");
    play(&server, &["C: AUTH LOGIN", name, "C: {bob}", password, "C: {secret}", &refused]);
    play(&server, &["C: AUTH LOGIN", name, "C: {alice}", password, "C: {wrong}", &refused]);
}

#[test]
fn cram_md5_as_in_rfc_2195() {
    let sasl = Sasl { cram_challenge: "<1896.697170952@postoffice.reston.mci.net>".to_owned(), ..Sasl::default() };
    let server = server(Mechanism::CramMd5, sasl);
    server.change(|script| (script.user, script.password) = ("tim".to_owned(), "tanstaaftanstaaf".to_owned()));
    let challenge = "S: + PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+";
    let digest = "C: dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw";
    play(&server, &["C: AUTH CRAM-MD5", challenge, digest, "S: +OK signed in"]);
    let refused = format!("S: {REFUSED}");
    play(&server, &["C: AUTH CRAM-MD5", challenge, "C: {tim b913a602c7eda7a495b4e6e7334d3891}", &refused]);
    play(&server, &["C: AUTH CRAM-MD5 QQ==", "S: -ERR CRAM-MD5 has no initial response"]);
}

/// The exchange that RFC 5802 §5 and RFC 7677 §3 print, and a server for it.
struct Vector {
    mechanism: Mechanism,
    salt: &'static str,
    server_nonce: &'static str,
    client_first: &'static str,
    server_first: &'static str,
    client_final: &'static str,
    server_final: &'static str,
}

const RFC_5802: Vector = Vector {
    mechanism: Mechanism::ScramSha1,
    salt: "QSXCR+Q6sek8bf92",
    server_nonce: "3rfcNHYJY1ZVvWVs7j",
    client_first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    server_first: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    client_final: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    server_final: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
};

const RFC_7677: Vector = Vector {
    mechanism: Mechanism::ScramSha256,
    salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
    server_nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    client_first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    server_first: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    client_final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                   p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    server_final: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

impl Vector {
    fn server(&self, fault: Option<ScramFault>) -> ModelServer {
        let salt = Base64::decode_vec(self.salt).unwrap();
        let scram = Scram { salt, nonce: self.server_nonce.to_owned(), fault, ..Scram::default() };
        let server = server(self.mechanism, Sasl { scram, ..Sasl::default() });
        server.change(|script| (script.user, script.password) = ("user".to_owned(), "pencil".to_owned()));
        server
    }

    /// A client that has sent its final message.
    fn proof_sent(&self, server: &ModelServer) -> Client {
        let mut client = greeted(server);
        let command = format!("AUTH {} {}", self.mechanism.name(), base64(self.client_first));
        assert_eq!(client.ask(&command), challenge(self.server_first));
        client.send(&format!("{}\r\n", base64(self.client_final)));
        client
    }
}

#[test]
fn scram_as_in_rfc_5802_and_rfc_7677() {
    for vector in [RFC_5802, RFC_7677] {
        let server = vector.server(None);
        let mut client = vector.proof_sent(&server);
        assert_eq!(client.line(), challenge(vector.server_final));
        assert_eq!(client.ask(""), SIGNED_IN);
        assert_eq!(client.ask("STAT"), "+OK 0 0");
        let mut client = greeted(&server);
        assert_eq!(client.ask(&format!("AUTH {}", vector.mechanism.name())), "+");
        assert_eq!(client.ask(&base64(vector.client_first)), challenge(vector.server_first));
        // Other octets at the end of the proof.
        let wrong = vector.client_final.replace(&vector.client_final[vector.client_final.len() - 4..], "AAA=");
        assert_eq!(client.ask(&base64(wrong)), REFUSED);
        // After the server-final-message comes nothing but an empty answer.
        let mut client = vector.proof_sent(&server);
        client.line();
        assert!(client.ask("QQ==").starts_with("-ERR"));
        assert!(client.ask("STAT").starts_with("-ERR"));
        // What SASLprep makes of a password.
        server.change(|script| {
            script.prepared_password = Some(std::mem::replace(&mut script.password, "pen\u{ad}cil".to_owned()));
        });
        assert_eq!(vector.proof_sent(&server).line(), challenge(vector.server_final));
    }
}

#[test]
fn scram_messages_that_a_server_refuses() {
    let server = RFC_7677.server(None);
    for first in [
        "n,,n=bob,r=abc",
        "p=tls-unique,,n=user,r=abc",
        "n,a=bob,n=user,r=abc",
        "n,,n=user,r=",
        "n=user,r=abc",
        "",
        "\u{0}",
    ] {
        assert_eq!(greeted(&server).ask(&format!("AUTH SCRAM-SHA-256 {}", base64(first))), REFUSED, "{first}");
    }
    for (honest, wrong) in [("c=biws", "c=eSws"), ("k0,p=", "k1,p="), ("r=rOpr", "r=Opr"), (",p=", ",x=1,p=")] {
        let mut client = greeted(&server);
        client.ask(&format!("AUTH SCRAM-SHA-256 {}", base64(RFC_7677.client_first)));
        assert_eq!(client.ask(&base64(RFC_7677.client_final.replace(honest, wrong))), REFUSED, "{wrong}");
    }
    // Comma and equals sign in a name, and a client that could do channel binding.
    server.change(|script| script.user = "a=b,c".to_owned());
    let reply = greeted(&server).ask(&format!("AUTH SCRAM-SHA-256 {}", base64("y,a=a=3Db=2Cc,n=a=3Db=2Cc,r=abc")));
    assert!(reply.starts_with("+ "), "{reply}");
}

#[test]
fn scram_repeats_what_the_client_first_said() {
    let server = RFC_7677.server(None);
    let final_message = |header: &str, repeated: &str, extra: &str| {
        let mut client = greeted(&server);
        let bare = "n=user,r=abc";
        client.ask(&format!("AUTH SCRAM-SHA-256 {}", base64(format!("{header}{bare}"))));
        let nonce = format!("abc{}{extra}", RFC_7677.server_nonce);
        let without_proof = format!("c={},r={nonce}", base64(repeated));
        let server_first = format!("r=abc{},s={},i=4096", RFC_7677.server_nonce, RFC_7677.salt);
        let proof = proof("pencil", RFC_7677.salt, &format!("{bare},{server_first},{without_proof}"));
        client.ask(&base64(format!("{without_proof},p={}", base64(proof))))
    };
    assert!(final_message("n,,", "n,,", "").starts_with("+ "));
    assert!(final_message("y,a=user,", "y,a=user,", "").starts_with("+ "));
    // Whoever took `y` for `n` on the way would hide that the client could do channel binding (RFC 5802 §6).
    assert_eq!(final_message("n,,", "y,,", ""), REFUSED);
    assert_eq!(final_message("n,,", "n,,", "x"), REFUSED);
}

/// A client's proof in SCRAM-SHA-256 with 4096 iterations (RFC 5802 §3).
fn proof(password: &str, salt: &str, auth_message: &str) -> Vec<u8> {
    let hmac = |key: &[u8], text: &str| -> Vec<u8> {
        Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().as_bytes().to_vec()
    };
    let salt = Base64::decode_vec(salt).unwrap();
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, 4096);
    let client_key = hmac(&salted, "Client Key");
    let signature = hmac(&Sha256::digest(&client_key), auth_message);
    client_key.iter().zip(signature).map(|(key, signature)| key ^ signature).collect()
}

#[test]
fn scram_goes_wrong_at_the_first_message() {
    let said = |fault: ScramFault| {
        let server = RFC_7677.server(Some(fault));
        let reply = greeted(&server).ask(&format!("AUTH SCRAM-SHA-256 {}", base64(RFC_7677.client_first)));
        String::from_utf8(Base64::decode_vec(reply.strip_prefix("+ ").unwrap()).unwrap()).unwrap()
    };
    let [salt, nonce] = [RFC_7677.salt, RFC_7677.server_nonce];
    assert_eq!(said(ScramFault::ForeignNonce), format!("r={nonce},s={salt},i=4096"));
    assert_eq!(said(ScramFault::SameNonce), format!("r=rOprNGfwEbeRWgbNEkqO,s={salt},i=4096"));
    assert_eq!(said(ScramFault::MandatoryExtension), format!("m=x,{}", RFC_7677.server_first));
    let template = "r={nonce},s=,i=4294967296".to_owned();
    assert_eq!(said(ScramFault::ServerFirst(template)), format!("r=rOprNGfwEbeRWgbNEkqO{nonce},s=,i=4294967296"));
}

#[test]
fn scram_goes_wrong_at_the_last_message() {
    let said = |fault: ScramFault| {
        let server = RFC_7677.server(Some(fault));
        let mut client = RFC_7677.proof_sent(&server);
        let line = client.line();
        (line, client, server)
    };
    let (line, mut client, _server) = said(ScramFault::WrongSignature);
    assert!(line.starts_with("+ ") && line != challenge(RFC_7677.server_final), "{line}");
    assert_eq!(line.len(), challenge(RFC_7677.server_final).len());
    assert_eq!(client.ask(""), SIGNED_IN);
    let (line, mut client, _server) = said(ScramFault::NoServerFinal);
    assert_eq!(line, SIGNED_IN);
    assert_eq!(client.ask("STAT"), "+OK 0 0");
    let (line, mut client, _server) = said(ScramFault::ServerFinalInSuccess);
    assert_eq!(line, format!("+OK {}", base64(RFC_7677.server_final)));
    assert_eq!(client.ask("STAT"), "+OK 0 0");
    let (line, mut client, _server) = said(ScramFault::ServerFinal("v=".to_owned()));
    assert_eq!(line, challenge("v="));
    assert_eq!(client.ask(""), SIGNED_IN);
    let (line, mut client, _server) = said(ScramFault::Error("other-error".to_owned()));
    assert_eq!(line, challenge("e=other-error"));
    assert_eq!(client.ask(""), REFUSED);
}

#[test]
fn tokens() {
    let xoauth2 = |user: &str, token: &str| format!("user={user}\x01auth=Bearer {token}\x01\x01");
    let bearer =
        |user: &str, token: &str| format!("n,a={user},\x01host=localhost\x01port=110\x01auth=Bearer {token}\x01\x01");
    let error = challenge(r#"{"status":"invalid_token"}"#);
    type Response<'r> = &'r dyn Fn(&str, &str) -> String;
    let cases: [(_, Response<'_>, _, _); 2] =
        [(Mechanism::Xoauth2, &xoauth2, "", "AQ=="), (Mechanism::OauthBearer, &bearer, "AQ==", "")];
    for (mechanism, response, acknowledgement, wrong) in cases {
        let server = server(mechanism, Sasl::default());
        let command = |user: &str, token: &str| format!("AUTH {} {}", mechanism.name(), base64(response(user, token)));
        assert_eq!(greeted(&server).ask(&command("alice", "secret")), SIGNED_IN);
        for (user, token) in [("alice", "old"), ("bob", "secret")] {
            let mut client = greeted(&server);
            assert_eq!(client.ask(&command(user, token)), error);
            assert_eq!(client.ask(acknowledgement), REFUSED);
            assert_eq!(client.ask(&command("alice", "secret")), SIGNED_IN);
        }
        let mut client = greeted(&server);
        client.ask(&command("alice", "old"));
        assert_eq!(client.ask(wrong), "-ERR this is not a response of the mechanism");
        assert!(client.ask(&format!("AUTH {} QQ==", mechanism.name())).starts_with("-ERR this is not a response"));

        // On two lines, as Microsoft wants it.
        server.change(|script| {
            script.sasl.initial_response = InitialResponse::Refused;
            script.sasl.tokens = vec!["one".to_owned(), "two".to_owned()];
            script.sasl.token_error = None;
        });
        assert_eq!(greeted(&server).ask(&command("alice", "two")), "-ERR protocol error");
        for (token, answer) in [("two", SIGNED_IN), ("one", SIGNED_IN), ("secret", REFUSED)] {
            let mut client = greeted(&server);
            assert_eq!(client.ask(&format!("AUTH {}", mechanism.name())), "+");
            assert_eq!(client.ask(&base64(response("alice", token))), answer);
        }
    }
}

#[test]
fn tokens_expire() {
    let server = server(Mechanism::OauthBearer, Sasl { expired: 2, ..Sasl::default() });
    // "n,,\x01auth=Bearer secret\x01\x01" names nobody.
    let command = format!("AUTH OAUTHBEARER {}", base64("n,,\x01auth=Bearer secret\x01\x01"));
    for _ in 0..2 {
        let mut client = greeted(&server);
        assert!(client.ask(&command).starts_with("+ "));
        assert_eq!(client.ask("AQ=="), REFUSED);
    }
    assert_eq!(greeted(&server).ask(&command), SIGNED_IN);
}

#[test]
fn external() {
    let server = server(Mechanism::External, Sasl::default());
    assert_eq!(greeted(&server).ask("AUTH EXTERNAL ="), REFUSED, "no certificate");
    server.change(|script| script.sasl.external_without_certificate = true);
    for line in ["AUTH EXTERNAL =", "AUTH EXTERNAL YWxpY2U="] {
        assert_eq!(greeted(&server).ask(line), SIGNED_IN);
    }
    assert_eq!(greeted(&server).ask(&format!("AUTH EXTERNAL {}", base64("bob"))), REFUSED);
    play(&server, &["C: AUTH EXTERNAL", "S: +", "C: ", "S: +OK signed in"]);
}

#[test]
fn external_with_a_certificate() {
    use super::security::Trust;
    let mut trust = Trust::new();
    let clients = Authority::new();
    let tls = ServerTls::implicit(trust.authority.server()).want_client_certificate(&clients);
    let script = Script { exclusive: None, ..Script::default() };
    let server = ModelServer::start(script.with_tls(tls).with_mechanisms([Mechanism::External]));
    let mut ask = |user: Option<&str>| {
        trust.identity = user.map(|user| clients.client(user));
        let mut client = trust.implicit(&server).unwrap();
        client.line();
        client.ask("AUTH EXTERNAL =")
    };
    assert_eq!(ask(Some("alice")), SIGNED_IN);
    assert_eq!(ask(Some("alice2")), REFUSED);
    assert_eq!(ask(Some("malice")), REFUSED);
    assert_eq!(ask(None), REFUSED);
}

#[test]
fn habits() {
    let server = server(Mechanism::Plain, Sasl { initial_response: InitialResponse::Required, ..Sasl::default() });
    assert_eq!(greeted(&server).ask("AUTH PLAIN"), "-ERR an initial response is needed");
    assert_eq!(greeted(&server).ask("AUTH PLAIN AGFsaWNlAHNlY3JldA=="), SIGNED_IN);
    server.change(|script| {
        script.sasl = Sasl { refusal: "[SYS/TEMP] later".to_owned(), excess_challenges: 2, ..Sasl::default() };
    });
    for (command, result) in
        [("AUTH PLAIN AGFsaWNlAHNlY3JldA==", SIGNED_IN), ("AUTH PLAIN AGFsaWNlAHNlY3JleA==", "-ERR [SYS/TEMP] later")]
    {
        let mut client = greeted(&server);
        assert_eq!([client.ask(command), client.ask(""), client.ask("")], ["+", "+", result]);
    }
    for (empty, mark) in [("+ ", "+"), ("+", "+"), ("+ go on", "+OK")] {
        server.change(|script| {
            script.mechanisms = vec![Mechanism::Plain, Mechanism::Login];
            (script.sasl.empty_challenge, script.sasl.mark) = (empty.to_owned(), mark.to_owned());
        });
        let mut client = greeted(&server);
        client.send("AUTH PLAIN\r\n*\r\n");
        client.expect(&format!("{empty}\r\n-ERR the exchange was cancelled\r\n"));
        assert_eq!(client.ask("AUTH LOGIN"), format!("{mark} VXNlcm5hbWU6"));
    }
}

#[test]
fn faults_happen_in_an_exchange() {
    let server = server(Mechanism::Login, Sasl::default());
    server.fault(At::verb("AUTH").connection(1), Fault::Status(b"+ !not Base64".to_vec()));
    server.fault(At::verb("AUTH").connection(2), Fault::Refuse(b"no".to_vec()));
    server.fault(At::response().nth(1).connection(3), Fault::Refuse(b"[AUTH] no".to_vec()));
    server.fault(At::response().nth(2).connection(4), Fault::End(Ending::Close));
    server.fault(At::response().argument("*").connection(5), Fault::Raw(b"+ again\r\n".to_vec()));
    server.fault(At::any_command().nth(2).connection(6), Fault::Refuse(b"second".to_vec()));

    let mut client = greeted(&server);
    assert_eq!(client.ask("AUTH LOGIN"), "+ !not Base64");
    assert_eq!(client.ask("YWxpY2U="), "+ UGFzc3dvcmQ6", "the exchange goes on");
    let mut client = greeted(&server);
    assert_eq!(client.ask("AUTH LOGIN"), "-ERR no");
    assert_eq!(client.ask("YWxpY2U="), "-ERR unknown command, or not now");
    let mut client = greeted(&server);
    client.ask("AUTH LOGIN");
    assert_eq!(client.ask("YWxpY2U="), "-ERR [AUTH] no");
    assert!(client.ask("AUTH LOGIN").starts_with("+ "));
    assert_eq!(client.ask("YWxpY2U="), "-ERR [AUTH] no", "counted anew in each exchange");
    let mut client = greeted(&server);
    client.ask("AUTH LOGIN");
    client.ask("YWxpY2U=");
    client.send("c2VjcmV0\r\n");
    assert_eq!(client.rest(), b"");
    let mut client = greeted(&server);
    client.ask("AUTH LOGIN");
    assert_eq!(client.ask("*"), "+ again");
    assert_eq!(client.ask("USER alice"), "+OK send your password", "cancelled all the same");
    let mut client = greeted(&server);
    client.send("AUTH LOGIN\r\n*\r\nCAPA\r\n");
    client.expect("+ VXNlcm5hbWU6\r\n-ERR the exchange was cancelled\r\n-ERR second\r\n");
    assert_eq!(server.commands_of(6), ["AUTH LOGIN", "*", "CAPA"]);
}

#[test]
fn utf8_and_languages() {
    let languages = [("en", "English"), ("de", "Deutsch")].map(|(tag, name)| (tag.to_owned(), name.to_owned()));
    let script = Script { utf8: true, languages: languages.into(), user: "ålice".to_owned(), ..Script::default() };
    let server = ModelServer::start(Script { capabilities: Some(Vec::new()), ..script });
    let mut client = greeted(&server);
    client.send("CAPA\r\nLANG\r\n");
    client.expect("+OK capability list follows\r\nUTF8 USER\r\nLANG\r\n.\r\n");
    client.expect("+OK language listing follows\r\nen English\r\nde Deutsch\r\n.\r\n");
    assert_eq!(client.ask("LANG DE"), "+OK de Deutsch");
    assert_eq!(client.ask("LANG *"), "+OK en English");
    assert_eq!(client.ask("LANG tlh"), "-ERR invalid language tlh");
    assert_eq!(client.ask("UTF8"), "+OK UTF-8 enabled");
    client.ask("USER ålice");
    assert_eq!(client.ask("PASS secret"), SIGNED_IN);
    assert!(client.ask("UTF8").starts_with("-ERR"));
    assert_eq!(client.ask("LANG de"), "+OK de Deutsch");
    assert!(greeted(&ModelServer::start(Script::default())).ask("UTF8").starts_with("-ERR"));
}
