//! SCRAM-SHA-1 (RFC 5802) and SCRAM-SHA-256 (RFC 7677), without channel binding.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use base64ct::{Base64, Base64Unpadded, Encoding};
use zeroize::Zeroizing;

use super::hash::Hash;
use super::{NONCE_LEAST, SaslError, name};

mod message;

use message::ServerFirst;

/// No channel binding, and no authorization identity.
const GS2_HEADER: &str = "n,,";

/// The base64 of a nonce's octets, which has no comma in it.
pub(super) fn printable(nonce: &[u8]) -> Result<String, SaslError> {
    if nonce.len() < NONCE_LEAST {
        return Err(SaslError::NonceTooShort { least: NONCE_LEAST });
    }
    Ok(Base64Unpadded::encode_string(nonce))
}

/// The client has said who it is.
pub(super) struct ClientFirst {
    hash: Hash,
    /// `client-first-message-bare`
    bare: String,
    nonce: String,
    secret: Zeroizing<Vec<u8>>,
    permitted: RangeInclusive<u32>,
}

/// The client has said its proof.
pub(super) struct ClientFinal {
    hash: Hash,
    message: Zeroizing<Vec<u8>>,
    server_key: Zeroizing<Vec<u8>>,
    /// `AuthMessage`
    transcript: Vec<u8>,
}

impl ClientFirst {
    /// `nonce` is printable and has no comma.
    pub(super) fn new(hash: Hash, user: &str, secret: &[u8], nonce: String, permitted: RangeInclusive<u32>) -> Self {
        let bare = ["n=", &name::escaped(user), ",r=", &nonce].concat();
        ClientFirst { hash, bare, nonce, secret: Zeroizing::new(secret.to_vec()), permitted }
    }

    /// `client-first-message`
    pub(super) fn message(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([GS2_HEADER.as_bytes(), self.bare.as_bytes()].concat())
    }

    /// Takes the `server-first-message`, and computes the proof (RFC 5802 §3) when everything in it is in order.
    pub(super) fn answer(self, server_first: &[u8]) -> Result<ClientFinal, SaslError> {
        let ServerFirst { nonce, salt, iterations } =
            ServerFirst::parse(server_first, self.nonce.as_bytes(), &self.permitted)?;
        let hash = self.hash;
        let header = Base64::encode_string(GS2_HEADER.as_bytes());
        let without_proof = [b"c=", header.as_bytes(), b",r=", nonce].concat();
        let transcript = [self.bare.as_bytes(), server_first, &without_proof].join(&b","[..]);

        let salted = hash.stretch(&self.secret, &salt, iterations);
        let client_key = hash.hmac(&salted, b"Client Key")?;
        let client_signature = hash.hmac(&hash.digest(&client_key), &transcript)?;
        let proof: Zeroizing<Vec<u8>> = Zeroizing::new(
            client_key.iter().zip(client_signature.iter()).map(|(key, signature)| key ^ signature).collect(),
        );
        let server_key = hash.hmac(&salted, b"Server Key")?;

        let proof = Zeroizing::new(Base64::encode_string(&proof));
        let message = Zeroizing::new([&without_proof, &b",p="[..], proof.as_bytes()].concat());
        Ok(ClientFinal { hash, message, server_key, transcript })
    }
}

impl ClientFinal {
    /// `client-final-message`
    pub(super) fn message(&self) -> Zeroizing<Vec<u8>> {
        self.message.clone()
    }

    /// Takes the `server-final-message`: only who knows the password, or what is derived from it, can make it.
    pub(super) fn verify(self, server_final: &[u8]) -> Result<(), SaslError> {
        let signature = message::server_signature(server_final)?;
        if self.hash.is_hmac(&self.server_key, &self.transcript, &signature)? {
            Ok(())
        } else {
            Err(SaslError::ScramSignature)
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::{ClientFirst, Hash};

    /// An exchange with the client's nonce given as it is sent.
    #[track_caller]
    fn assert_exchange(hash: Hash, nonce: &str, lines: [&str; 4]) {
        let [client_first, server_first, client_final, server_final] = lines;
        let first = ClientFirst::new(hash, "user", b"pencil", nonce.to_string(), 4096..=4096);
        assert_eq!(text(&first.message()), client_first);
        let last = first.answer(server_first.as_bytes()).unwrap();
        assert_eq!(text(&last.message()), client_final);
        last.verify(server_final.as_bytes()).unwrap();
    }

    fn text(octets: &[u8]) -> alloc::string::String {
        alloc::string::String::from_utf8(Vec::from(octets)).unwrap()
    }

    #[test]
    fn exchange_of_rfc_5802() {
        assert_exchange(
            Hash::Sha1,
            "fyko+d2lbbFgONRv9qkxdawL",
            [
                "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
                "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ],
        );
    }

    #[test]
    fn exchange_of_rfc_7677() {
        assert_exchange(
            Hash::Sha256,
            "rOprNGfwEbeRWgbNEkqO",
            [
                "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ],
        );
    }
}
