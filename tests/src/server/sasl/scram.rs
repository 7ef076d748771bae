//! The server's side of SCRAM (RFC 5802 §5 and §7) without channel binding.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{Scram, ScramFault};

/// The hash function of a SCRAM mechanism.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

/// After the server-first-message.
#[derive(Debug)]
pub(super) struct Challenged {
    hash: Hash,
    /// What `c=` has to repeat.
    gs2_header: String,
    nonce: String,
    /// The client-first-message-bare and the server-first-message, with their commas.
    so_far: String,
}

/// What the server makes of the client-final-message.
pub(super) struct Verdict {
    pub(super) server_final: String,
    pub(super) proven: bool,
}

/// The state after a client-first-message, and the server-first-message. None when it is not one, or not of this user.
pub(super) fn challenge(hash: Hash, message: &[u8], user: &str, scram: &Scram) -> Option<(Challenged, String)> {
    let message = std::str::from_utf8(message).ok()?;
    let mut parts = message.splitn(3, ',');
    let (binding, authorization, bare) = (parts.next()?, parts.next()?, parts.next()?);
    let authorized = authorization.is_empty() || authorization.strip_prefix("a=").is_some_and(|name| is(name, user));
    let mut attributes = bare.split(',');
    let (name, nonce) = (attributes.next()?.strip_prefix("n=")?, attributes.next()?.strip_prefix("r=")?);
    if !matches!(binding, "n" | "y") || !authorized || !is(name, user) || nonce.is_empty() {
        return None;
    }
    let nonce = match scram.fault {
        Some(ScramFault::ForeignNonce) => scram.nonce.clone(),
        Some(ScramFault::SameNonce) => nonce.to_owned(),
        _ => format!("{nonce}{}", scram.nonce),
    };
    let honest = format!("r={nonce},s={},i={}", Base64::encode_string(&scram.salt), scram.iterations);
    let server_first = match &scram.fault {
        Some(ScramFault::MandatoryExtension) => format!("m=x,{honest}"),
        Some(ScramFault::ServerFirst(template)) => template.replace("{nonce}", &nonce),
        _ => honest,
    };
    let so_far = format!("{bare},{server_first},");
    let gs2_header = format!("{binding},{authorization},");
    Some((Challenged { hash, gs2_header, nonce, so_far }, server_first))
}

impl Challenged {
    /// What a client-final-message is worth. None when it is not one.
    pub(super) fn verdict(&self, message: &[u8], password: &str, scram: &Scram) -> Option<Verdict> {
        let message = std::str::from_utf8(message).ok()?;
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let proof = Base64::decode_vec(proof).ok()?;
        let mut attributes = without_proof.split(',');
        let (binding, nonce) = (attributes.next()?.strip_prefix("c=")?, attributes.next()?.strip_prefix("r=")?);
        let repeated = nonce == self.nonce && binding == Base64::encode_string(self.gs2_header.as_bytes());

        let auth_message = format!("{}{without_proof}", self.so_far);
        let salted = self.hash.salted(password, &scram.salt, scram.iterations);
        let client_key = self.hash.hmac(&salted, b"Client Key");
        let signature = self.hash.hmac(&self.hash.digest(&client_key), auth_message.as_bytes());
        let expected: Vec<u8> = client_key.iter().zip(&signature).map(|(key, signature)| key ^ signature).collect();

        let mut signature = self.hash.hmac(&self.hash.hmac(&salted, b"Server Key"), auth_message.as_bytes());
        let server_final = match &scram.fault {
            Some(ScramFault::ServerFinal(message)) => message.clone(),
            Some(ScramFault::Error(error)) => format!("e={error}"),
            fault => {
                if *fault == Some(ScramFault::WrongSignature) {
                    signature.iter_mut().for_each(|octet| *octet = !*octet);
                }
                format!("v={}", Base64::encode_string(&signature))
            }
        };
        Some(Verdict { server_final, proven: repeated && proof == expected })
    }
}

/// Whether this saslname, in which comma and equals sign are escaped, is the user's name.
fn is(saslname: &str, user: &str) -> bool {
    saslname == user.replace('=', "=3D").replace(',', "=2C")
}

impl Hash {
    fn digest(self, octets: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(octets).to_vec(),
            Self::Sha256 => Sha256::digest(octets).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], octets: &[u8]) -> Vec<u8> {
        const ANY_LENGTH: &str = "HMAC takes a key of any length";
        match self {
            Self::Sha1 => {
                Hmac::<Sha1>::new_from_slice(key).expect(ANY_LENGTH).chain_update(octets).finalize().as_bytes().to_vec()
            }
            Self::Sha256 => Hmac::<Sha256>::new_from_slice(key)
                .expect(ANY_LENGTH)
                .chain_update(octets)
                .finalize()
                .as_bytes()
                .to_vec(),
        }
    }

    fn salted(self, password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
        match self {
            Self::Sha1 => pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(password.as_bytes(), salt, iterations).to_vec(),
            Self::Sha256 => pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations).to_vec(),
        }
    }
}
