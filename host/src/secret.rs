//! A password that does not print.

use std::fmt;

use zeroize::Zeroizing;

/// A password or another credential.
///
/// The octets are wiped from memory when the value is dropped, and so are those of every clone. There is no `Display`
/// and `Debug` shows nothing of them, so that a secret cannot reach a log by accident.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the octets over. A `Vec` or `String` is not copied; whoever passes a borrowed value wipes it himself.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(octets.into()))
    }

    /// The octets themselves, for the one place that sends them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_shows_neither_the_octets_nor_how_many() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
        assert_eq!(format!("{:#?}", Some(Secret::new(""))), "Some(\n    Secret(…),\n)");
    }

    #[test]
    fn any_octets_are_kept() {
        let secret = Secret::new([0x00, 0xff, b'a']);
        assert_eq!(secret.clone().expose(), [0x00, 0xff, b'a']);
    }

    #[test]
    fn an_owned_value_is_taken_over_and_not_copied() {
        let password = String::from("hunter2");
        let address = password.as_ptr();
        assert_eq!(Secret::new(password).expose().as_ptr(), address);
    }
}
