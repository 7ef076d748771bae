//! The main job from beginning to end: a server on loopback with TLS and a sample maildrop, the command `popfetch` that
//! fetches it into a Maildir, and a look at what has arrived.
//!
//! ```text
//! cargo run --release --example demo
//! ```

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::process::ExitCode;

use popfetch_tests::authority::Authority;
use popfetch_tests::maildir::Maildir;
use popfetch_tests::maildrop::Maildrop;
use popfetch_tests::server::{Mechanism, ModelServer, Script, ServerTls};

const PASSWORD: &str = "tanstaaf";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let sample = Maildrop::of_octets([plain_text(), eight_bit(), dots(), attachment()]);
    let script = Script { user: "mrose".to_owned(), password: PASSWORD.to_owned(), ..Script::with(sample.clone()) };
    let authority = Authority::new();
    let script = script.with_mechanisms([Mechanism::ScramSha256, Mechanism::Plain]);
    let server = ModelServer::start(script.with_tls(ServerTls::stls(authority.server())));

    let directory = tempfile::tempdir()?;
    let maildir = directory.path().join("Maildir");
    let password_file = directory.path().join("password");
    fs::write(&password_file, format!("{PASSWORD}\n"))?;
    fs::set_permissions(&password_file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;

    let url = format!("pop3://mrose@localhost:{}", server.port());
    let mut command: Vec<OsString> = ["popfetch", "fetch", &url, "--delete", "-v"].map(Into::into).into();
    command.extend(["--ca-file".into(), authority.ca_file().into()]);
    command.extend(["--password-file".into(), password_file.into(), "--maildir".into(), maildir.clone().into()]);
    let shown: Vec<String> = command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    println!("$ {}", shown.join(" "));
    let exit = popfetch::cli::run(command);

    println!("\nThe Maildir:");
    for entry in Maildir::at(&maildir).delivered() {
        println!("  {:>9} octets  {}", entry.octets().len(), entry.path.display());
    }
    Maildir::at(&maildir).compare(sample.fingerprints())?;
    println!("\nEach message is byte for byte what the server had, which now has {}.", server.maildrop().len());
    Ok(exit)
}

fn plain_text() -> Vec<u8> {
    b"From: Marshall Rose <mrose@dbc.example>\r\nSubject: A first message\r\n\r\nHello.\r\n".to_vec()
}

fn eight_bit() -> Vec<u8> {
    let mut message = "From: Zoë <zoe@example.org>\r\nSubject: 8 bit\r\n\r\nGrüße aus Köln, ".as_bytes().to_vec();
    message.extend(b"and Latin-1: Gr\xfc\xdfe.\r\n");
    message
}

/// Lines that POP3 has to stuff, and lines that look like replies.
fn dots() -> Vec<u8> {
    b"Subject: Dots\r\n\r\n.\r\n..\r\n.hidden\r\n-ERR no\r\n+OK yes\r\n".to_vec()
}

fn attachment() -> Vec<u8> {
    let mut message = b"Subject: A photo\r\nMIME-Version: 1.0\r\nContent-Type: image/jpeg\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    for line in 0..80_000 {
        message.extend(format!("{line:076}\r\n").bytes());
    }
    message
}
