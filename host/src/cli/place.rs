//! Places on the command line that are another one for each account.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::failure::Failure;

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
            _ => {
                placed.push(*octet);
                continue;
            }
        }
        octets.next();
    }
    Ok(OsString::from_vec(placed).into())
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
            ("%h/%u/%%u%x%", "mail.example/bob@example.org/%u%x%"),
        ] {
            let placed = of_account(Path::new(path), "bob@example.org", "mail.example").unwrap();
            assert_eq!(placed, Path::new(expected));
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
