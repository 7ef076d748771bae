//! Places on the command line that are another one for each account.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::escape::escape;

/// Puts the user of an account for `%u` and its host for `%h`; `%%` is a percent sign.
///
/// A name that would lead to another directory is refused.
pub(super) fn of_account(path: &Path, user: &str, host: &str) -> Result<PathBuf, Failure> {
    let mut placed = Vec::new();
    let mut octets = path.as_os_str().as_bytes().iter();
    while let Some(octet) = octets.next() {
        match (octet, octets.clone().next()) {
            (b'%', Some(b'u')) => placed.extend_from_slice(component(user)?.as_bytes()),
            (b'%', Some(b'h')) => placed.extend_from_slice(component(host)?.as_bytes()),
            (b'%', Some(b'%')) => placed.push(b'%'),
            // One place for all accounts is not what was meant.
            (b'%', Some(letter)) if letter.is_ascii_alphabetic() => {
                let letter = char::from(*letter);
                return Err(Failure::Usage(format!(
                    "%{letter} stands for nothing; %u is the user, %h the host, %% a %"
                )));
            }
            _ => {
                placed.push(*octet);
                continue;
            }
        }
        octets.next();
    }
    Ok(OsString::from_vec(placed).into())
}

/// What an account and its Maildir are called in the journal, however the path was written.
pub(super) fn key(account: &str, maildir: &Path) -> String {
    let place = maildir.canonicalize().unwrap_or_else(|_| where_it_would_be(maildir));
    match place.to_str() {
        Some(place) => format!("{account} {place}"),
        None => format!("{account} {}", escape(place.as_os_str().as_bytes())),
    }
}

/// What they were called when links and dots in the path still counted.
pub(super) fn earlier_key(account: &str, maildir: &Path) -> String {
    format!("{account} {}", absolute(maildir).display())
}

/// The same of a directory that is not there.
fn where_it_would_be(maildir: &Path) -> PathBuf {
    let path = absolute(maildir);
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
    parent.zip(path.file_name()).map(|(parent, name)| parent.join(name)).unwrap_or(path)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn component(name: &str) -> Result<&str, Failure> {
    match name {
        "" | "." | ".." => {
            Err(Failure::Usage(format!("\"{name}\" cannot be a part of a path; name the place without %")))
        }
        name if name.contains('/') => {
            Err(Failure::Usage("a name with a slash cannot be a part of a path; name the place without %".to_owned()))
        }
        name => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::of_account;

    #[test]
    fn names_stand_for_themselves() {
        for (path, expected) in [
            ("mail", "mail"),
            ("mail/%u", "mail/bob@example.org"),
            ("%h/%u/%%u%5%", "mail.example/bob@example.org/%u%5%"),
        ] {
            let placed = of_account(Path::new(path), "bob@example.org", "mail.example").unwrap();
            assert_eq!(placed, Path::new(expected));
        }
    }

    #[test]
    fn other_letters_are_refused() {
        for path in ["mail/%U", "%x"] {
            assert!(of_account(Path::new(path), "bob", "host").is_err(), "{path}");
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for user in ["..", ".", "", "a/b", "/etc"] {
            assert!(of_account(Path::new("mail/%u"), user, "host").is_err(), "{user}");
            of_account(Path::new("mail"), user, "host").unwrap();
        }
    }
}
