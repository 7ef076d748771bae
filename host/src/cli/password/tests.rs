use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{
    LONGEST, Obtained, Origin, PasswordError, PasswordSource, PasswordWarning, Place, SecretKind, password,
    without_answer,
};

fn file(content: impl AsRef<[u8]>, mode: u32) -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("password");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    (directory, path)
}

fn read(path: &Path) -> Result<Obtained, PasswordError> {
    PasswordSource { kind: SecretKind::Password, place: Place::File(path.to_owned()) }.obtain("fred", "mail.example")
}

fn run(command: &str) -> Result<Vec<u8>, PasswordError> {
    let source = PasswordSource { kind: SecretKind::Password, place: Place::Command(command.into()) };
    let obtained = source.obtain("fred", "mail.example")?;
    assert_eq!(obtained.warning, None);
    Ok(obtained.password.expose().to_vec())
}

#[test]
fn one_line_end_is_taken_off_and_nothing_else() {
    for (content, expected) in [
        (&b"hunter2"[..], &b"hunter2"[..]),
        (b"hunter2\n", b"hunter2"),
        (b"hunter2\r\n", b"hunter2"),
        (b" hunter 2\t \n", b" hunter 2\t "),
        (b"p\xe4ss\x01\n", b"p\xe4ss\x01"),
    ] {
        let (_directory, path) = file(content, 0o600);
        let obtained = read(&path).unwrap();
        assert_eq!(obtained.password.expose(), expected);
        assert_eq!(obtained.warning, None);
    }
}

#[test]
fn what_cannot_be_a_password_is_refused() {
    let refused = |content: &[u8]| {
        let origin = Origin { kind: SecretKind::Password, place: Place::Command(String::new()) };
        password(content, origin).unwrap_err()
    };
    for content in [&b""[..], b"\n", b"\r\n"] {
        assert!(matches!(refused(content), PasswordError::Empty { .. }), "{content:?}");
    }
    for content in [&b"a\nb\n"[..], b"a\n\n", b"a\r\nb", b"a\r", b"a\r\r\n", b"\na", b"a\0b"] {
        assert!(matches!(refused(content), PasswordError::Unsendable { .. }), "{content:?}");
    }
}

#[test]
fn a_password_has_at_most_64_kib() {
    let longest = "x".repeat(LONGEST);
    for end in ["", "\n", "\r\n"] {
        let (_directory, path) = file(format!("{longest}{end}"), 0o600);
        assert_eq!(read(&path).unwrap().password.expose().len(), LONGEST);
    }
    let (_directory, path) = file(format!("{longest}x\r\n"), 0o600);
    assert!(matches!(read(&path), Err(PasswordError::TooLong { .. })));
    assert!(matches!(read(Path::new("/dev/zero")), Err(PasswordError::TooLong { .. })));
}

#[test]
fn a_file_that_others_can_read_is_warned_of() {
    for mode in [0o640, 0o604, 0o620, 0o666] {
        let (_directory, path) = file("hunter2", mode);
        let warning = read(&path).unwrap().warning.unwrap();
        assert_eq!(warning, PasswordWarning::OpenToOthers { content: "password", path: path.clone(), mode });
        assert!(warning.to_string().ends_with(&format!("chmod 600 {}", path.display())), "{warning}");
    }
    let (_directory, path) = file("hunter2", 0o400);
    assert_eq!(read(&path).unwrap().warning, None);
}

#[test]
fn a_fifo_is_read_as_a_stream_and_not_warned_of() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from_raw_mode(0o644)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| fs::write(&path, "hunter2\n").unwrap());
        let obtained = read(&path).unwrap();
        assert_eq!((obtained.password.expose(), obtained.warning), (&b"hunter2"[..], None));
    });
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let directory = TempDir::new().unwrap();
    let error = read(directory.path()).unwrap_err();
    assert!(matches!(error, PasswordError::Directory { .. }), "{error}");
    let error = read(&directory.path().join("missing")).unwrap_err();
    assert!(error.to_string().contains("missing: No such file"), "{error}");
}

#[test]
fn the_output_of_a_command_is_the_password() {
    assert_eq!(run("echo hunter2").unwrap(), b"hunter2");
    assert_eq!(run("printf 'hunt'; printf 'er2\\r\\n'").unwrap(), b"hunter2");
}

#[test]
fn a_command_that_fails_is_not_believed() {
    let error = run("echo hunter2; exit 3").unwrap_err();
    assert_eq!(error.to_string(), "the password command failed (exit status: 3); run it by hand to see why");
    let error = run("echo hunter2; kill -TERM $$").unwrap_err();
    assert!(error.to_string().contains("signal: 15"), "{error}");
    assert!(matches!(run("/no/such/program 2>&-"), Err(PasswordError::CommandFailed { .. })));
}

#[test]
fn a_command_that_prints_nothing_or_without_end_is_refused() {
    assert_eq!(run("true").unwrap_err().to_string(), "the password command gave an empty password");
    assert!(matches!(run("yes | tr -d '\\n'"), Err(PasswordError::TooLong { .. })));
}

#[test]
fn a_token_is_called_a_token() {
    let source = |place| PasswordSource { kind: SecretKind::Token, place };
    let error = source(Place::Command("true".into())).obtain("fred", "mail.example").unwrap_err();
    assert_eq!(error.to_string(), "the token command gave an empty token");
    let error = without_answer(SecretKind::Token, io::ErrorKind::NotFound.into());
    assert!(error.to_string().contains("--token-file or --token-command"), "{error}");
    let (_directory, path) = file("ya29.token\n", 0o644);
    let obtained = source(Place::File(path)).obtain("fred", "mail.example").unwrap();
    assert_eq!(obtained.password.expose(), b"ya29.token");
    assert!(obtained.warning.unwrap().to_string().starts_with("the token file"));
}

#[test]
fn without_a_terminal_the_options_are_named() {
    let error = without_answer(SecretKind::Password, io::ErrorKind::NotFound.into());
    assert!(matches!(error, PasswordError::NoTerminal { .. }));
    assert!(error.to_string().contains("--password-file or --password-command"), "{error}");
    assert!(matches!(
        without_answer(SecretKind::Password, io::ErrorKind::UnexpectedEof.into()),
        PasswordError::NotGiven
    ));
    assert!(matches!(
        without_answer(SecretKind::Password, io::ErrorKind::Interrupted.into()),
        PasswordError::Interrupted
    ));
}

#[test]
fn no_error_and_no_debug_output_shows_what_was_read() {
    let (_directory, path) = file("hunter2\nhunter3\n", 0o600);
    let error = read(&path).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter"), "{error}");
    let (_directory, path) = file("hunter2\n", 0o644);
    assert!(!format!("{:?}", read(&path).unwrap()).contains("hunter"));
}
