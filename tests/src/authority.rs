//! A certificate authority that lives as long as a test, and the certificates that it issues: good ones, and those that
//! a client must not accept.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use base64ct::{Base64, Encoding};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// What a server of these suites is called and where it listens.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The years in which a certificate is valid: from the first day of the first to the first day of the second.
type Years = (i32, i32);

const NOW: Years = (2000, 2100);
const PAST: Years = (2000, 2001);
const FUTURE: Years = (2099, 2100);

/// A certificate authority with a key of its own. What it writes to the disk goes when it is dropped.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
    directory: TempDir,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new authority. No two have the same name or key, so each is unknown to who trusts another.
    ///
    /// # Panics
    /// When there is no randomness, or no place for its file.
    pub fn new() -> Self {
        let key = new_key();
        let name = format!("popfetch test authority {}", Base64::encode_string(&spki_digest(&key)));
        let mut parameters = parameters(&name, &[], NOW);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters.self_signed(&key).expect("an authority signs its certificate");
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let authority = Self { issuer: Issuer::new(parameters, key), certificate, directory };
        fs::write(authority.ca_file(), authority.pem()).expect("the authority's certificate is written");
        authority
    }

    /// Its certificate in PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Its certificate in DER.
    pub fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// The file `ca.pem` with its certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A good server: `localhost`, `127.0.0.1` and `::1`.
    pub fn server(&self) -> Identity {
        self.server_for(&LOOPBACK)
    }

    /// A server with these names and IP addresses, the first of which is its common name, too.
    ///
    /// # Panics
    /// When a name is not ASCII.
    pub fn server_for(&self, names: &[&str]) -> Identity {
        self.issue(parameters(names.first().unwrap_or(&""), names, NOW), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A server with the right names, whose certificate was valid in the year 2000 only.
    pub fn expired(&self) -> Identity {
        self.issue(parameters(LOOPBACK[0], &LOOPBACK, PAST), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A server with the right names, whose certificate will be valid in the year 2099.
    pub fn not_yet_valid(&self) -> Identity {
        self.issue(parameters(LOOPBACK[0], &LOOPBACK, FUTURE), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A server whose certificate has this common name and no subject alternative name.
    pub fn common_name_only(&self, name: &str) -> Identity {
        self.issue(parameters(name, &[], NOW), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client: a certificate with the user's name as its common name.
    pub fn client(&self, user: &str) -> Identity {
        self.issue(parameters(user, &[], NOW), ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, mut parameters: CertificateParams, purpose: ExtendedKeyUsagePurpose) -> Identity {
        let key = new_key();
        parameters.extended_key_usages = vec![purpose];
        parameters.use_authority_key_identifier_extension = true;
        let certificate = parameters.signed_by(&key, &self.issuer).expect("the authority signs a certificate");
        Identity::of(&certificate, &key)
    }
}

/// A certificate and its private key.
#[derive(Clone, Debug)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: Vec<u8>,
    key_pem: String,
    spki_digest: [u8; 32],
}

impl Identity {
    /// A server with the right names, whose certificate no authority has signed.
    pub fn self_signed() -> Self {
        let key = new_key();
        let mut parameters = parameters(LOOPBACK[0], &LOOPBACK, NOW);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        Self::of(&parameters.self_signed(&key).expect("a key signs its own certificate"), &key)
    }

    /// The certificate in DER.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// The certificate in PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The key in DER (PKCS #8).
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }

    /// The key in PEM (PKCS #8).
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// The pin of its key, as RFC 7469 §2.4 computes it: `sha256/` and the SHA-256 of the SubjectPublicKeyInfo in
    /// Base64.
    pub fn pin(&self) -> String {
        format!("sha256/{}", Base64::encode_string(&self.spki_digest))
    }

    /// Writes `NAME.crt` and `NAME.key` in PEM into this directory, the key for its owner alone, and gives their paths.
    ///
    /// # Panics
    /// When they cannot be written.
    pub fn write(&self, directory: &Path, name: &str) -> (PathBuf, PathBuf) {
        let [certificate, key] = ["crt", "key"].map(|extension| directory.join(format!("{name}.{extension}")));
        fs::write(&certificate, &self.certificate_pem).expect("a certificate is written");
        fs::write(&key, &self.key_pem).expect("a key is written");
        fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("and closed to others");
        (certificate, key)
    }

    fn of(certificate: &Certificate, key: &KeyPair) -> Self {
        Self {
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            key: key.serialize_der(),
            key_pem: key.serialize_pem(),
            spki_digest: spki_digest(key),
        }
    }
}

fn parameters(common_name: &str, names: &[&str], (from, until): Years) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut parameters = CertificateParams::new(names).expect("names of a certificate are ASCII");
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    parameters.not_before = date_time_ymd(from, 1, 1);
    parameters.not_after = date_time_ymd(until, 1, 1);
    parameters
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key is made")
}

fn spki_digest(key: &KeyPair) -> [u8; 32] {
    Sha256::digest(key.subject_public_key_info()).into()
}
