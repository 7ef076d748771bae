//! A SCRAM server, written from RFC 5802 §3 and on its own: it shares no computation with the client but the hashes.

use base64ct::{Base64, Encoding};
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use pop3_protocol::sasl::Mechanism;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What the server knows of a user, and what it has heard and said.
pub(crate) struct Server {
    mechanism: Mechanism,
    salt: Vec<u8>,
    iterations: u32,
    salted_password: Vec<u8>,
    nonce: String,
    client_first_bare: String,
    server_first: String,
}

impl Server {
    pub(crate) fn new(mechanism: Mechanism, password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let mut first_block = salt.to_vec();
        first_block.extend([0, 0, 0, 1]);
        let mut block = hmac(mechanism, password, &first_block);
        let mut salted_password = block.clone();
        for _ in 1..iterations {
            block = hmac(mechanism, password, &block);
            salted_password.iter_mut().zip(&block).for_each(|(sum, octet)| *sum ^= octet);
        }
        Server {
            mechanism,
            salt: salt.to_vec(),
            iterations,
            salted_password,
            nonce: String::new(),
            client_first_bare: String::new(),
            server_first: String::new(),
        }
    }

    /// Hears the `client-first-message`, says the `server-first-message`.
    pub(crate) fn first(&mut self, client_first: &[u8], own_nonce: &str) -> String {
        let message = std::str::from_utf8(client_first).unwrap();
        self.client_first_bare = message.strip_prefix("n,,").unwrap().to_owned();
        let (_, client_nonce) = self.client_first_bare.split_once(",r=").unwrap();
        assert!(client_nonce.len() >= 22, "the nonce is short: {client_nonce}");
        self.nonce = format!("{client_nonce}{own_nonce}");
        let salt = Base64::encode_string(&self.salt);
        self.server_first = format!("r={},s={salt},i={}", self.nonce, self.iterations);
        self.server_first.clone()
    }

    /// Hears the `client-final-message`, says the `server-final-message`, or `e=`.
    pub(crate) fn last(&self, client_final: &[u8]) -> String {
        let message = std::str::from_utf8(client_final).unwrap();
        let (without_proof, proof) = message.rsplit_once(",p=").unwrap();
        if without_proof != format!("c=biws,r={}", self.nonce) {
            return "e=other-error".to_owned();
        }
        let transcript = format!("{},{},{without_proof}", self.client_first_bare, self.server_first);
        let stored_key = self.digest(&hmac(self.mechanism, &self.salted_password, b"Client Key"));
        let signature = hmac(self.mechanism, &stored_key, transcript.as_bytes());
        let proof = Base64::decode_vec(proof).unwrap();
        assert_eq!(proof.len(), signature.len());
        let client_key: Vec<u8> = proof.iter().zip(&signature).map(|(proof, signature)| proof ^ signature).collect();
        if self.digest(&client_key) != stored_key {
            return "e=invalid-proof".to_owned();
        }
        let server_key = hmac(self.mechanism, &self.salted_password, b"Server Key");
        format!("v={}", Base64::encode_string(&hmac(self.mechanism, &server_key, transcript.as_bytes())))
    }

    fn digest(&self, octets: &[u8]) -> Vec<u8> {
        match self.mechanism {
            Mechanism::ScramSha1 => Sha1::digest(octets).to_vec(),
            _ => Sha256::digest(octets).to_vec(),
        }
    }
}

fn hmac(mechanism: Mechanism, key: &[u8], octets: &[u8]) -> Vec<u8> {
    fn with<D: EagerHash>(key: &[u8], octets: &[u8]) -> Vec<u8>
    where
        Hmac<D>: Mac + KeyInit,
    {
        Hmac::<D>::new_from_slice(key).unwrap().chain_update(octets).finalize().into_bytes().to_vec()
    }
    match mechanism {
        Mechanism::ScramSha1 => with::<Sha1>(key, octets),
        _ => with::<Sha256>(key, octets),
    }
}
