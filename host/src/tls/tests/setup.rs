//! Files and names that are not what they should be.

use std::path::Path;

use base64ct::{Base64, Encoding as _};

use super::*;
use crate::tls::{TlsIdentity, TlsSetupError};

#[track_caller]
fn refused(options: TlsOptions, about: &Path) -> TlsSetupError {
    let error = Tls::new(&options).expect_err("these options should be refused");
    let line = error.to_string();
    assert!(line.contains(about.to_str().unwrap()) && !line.contains('\n'), "{line}");
    error
}

fn roots(path: &Path) -> TlsOptions {
    TlsOptions { roots: TlsRoots::Files(vec![path.to_owned()]), ..TlsOptions::default() }
}

fn identity(certificate: &Path, key: &Path) -> TlsOptions {
    let identity = TlsIdentity { certificate: certificate.to_owned(), key: key.to_owned() };
    TlsOptions { identity: Some(identity), ..TlsOptions::default() }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = Base64::encode_string(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[test]
fn a_file_of_roots_that_is_missing_is_told() {
    let files = Files::new();
    let missing = files.0.path().join("missing.pem");
    assert!(matches!(refused(roots(&missing), &missing), TlsSetupError::Read { .. }));
    assert!(matches!(refused(roots(files.0.path()), files.0.path()), TlsSetupError::Read { .. }));
}

#[test]
fn a_file_without_certificates_is_told() {
    let files = Files::new();
    let der = authority("The root").der().to_vec();
    let key = KeyPair::generate().unwrap().serialize_pem();
    for (name, content) in [("empty", &b""[..]), ("text", b"hello\n"), ("der", &der), ("key", key.as_bytes())] {
        let path = files.write(name, content);
        assert!(matches!(refused(roots(&path), &path), TlsSetupError::NoCertificate { .. }), "{name}");
    }
}

#[test]
fn a_damaged_certificate_is_told() {
    let files = Files::new();
    let good = authority("The root").pem();
    let cut = good.split_inclusive('\n').take(3).collect::<String>();
    for (name, content) in [
        ("no base64", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n".to_owned()),
        ("no certificate", pem("CERTIFICATE", b"garbage")),
        ("cut", cut),
    ] {
        let path = files.write(name, content);
        assert!(matches!(refused(roots(&path), &path), TlsSetupError::BadCertificate { .. }), "{name}");
    }
}

#[test]
fn a_bundle_may_have_text_and_a_certificate_of_no_use() {
    let files = Files::new();
    let bundle = format!("# The root\n{}{}", pem("CERTIFICATE", b"garbage"), authority("The root").pem());
    Tls::new(&roots(&files.write("bundle.pem", bundle))).unwrap();
}

#[test]
fn a_file_without_end_is_not_read() {
    let path = Path::new("/dev/zero");
    assert!(matches!(refused(roots(path), path), TlsSetupError::TooLong { .. }));
}

#[test]
fn the_certificate_and_its_key_are_read() {
    let files = Files::new();
    let key = KeyPair::generate().unwrap();
    let certificate = for_names(&["client"]).self_signed(&key).unwrap();
    let der = key.serialized_der();
    // RFC 5915's ECPrivateKey is inside the PKCS#8 structure: SEQUENCE { INTEGER 1, OCTET STRING of 32 octets, …
    let inside = der.windows(5).position(|window| window == [2, 1, 1, 4, 32]).unwrap() - 2;
    let (pkcs8, sec1) = (key.serialize_pem(), pem("EC PRIVATE KEY", &der[inside..]));
    for key in [&pkcs8, &sec1] {
        let apart = identity(&files.write("c", certificate.pem()), &files.write("k", key));
        Tls::new(&apart).unwrap();
        let together = files.write("both", format!("{key}{}", certificate.pem()));
        Tls::new(&identity(&together, &together)).unwrap();
    }
}

#[test]
fn what_is_wrong_with_the_key_is_told_without_its_text() {
    let files = Files::new();
    let key = KeyPair::generate().unwrap();
    let certificate = files.write("c", for_names(&["client"]).self_signed(&key).unwrap().pem());
    let check = |content: &str| {
        let path = files.write("k", content);
        let error = refused(identity(&certificate, &path), &path);
        assert!(!format!("{error} {error:?}").contains("c2VjcmV0"));
        error
    };
    assert!(matches!(check(""), TlsSetupError::NoKey { .. }));
    assert!(matches!(check(&pem("PRIVATE KEY", b"secret")), TlsSetupError::BadKey { .. }));
    assert!(matches!(check("-----BEGIN PRIVATE KEY-----\nc2VjcmV0!\n"), TlsSetupError::BadKey { .. }));
    assert!(matches!(check("-----BEGIN c2VjcmV0\n"), TlsSetupError::BadKey { .. }));
    assert!(matches!(check(&pem("ENCRYPTED PRIVATE KEY", b"secret")), TlsSetupError::EncryptedKey { .. }));
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n";
    assert!(matches!(check(old), TlsSetupError::EncryptedKey { .. }));
    let other = KeyPair::generate().unwrap().serialize_pem();
    assert!(matches!(check(&other), TlsSetupError::KeyMismatch { .. }));
}

#[test]
fn a_name_to_check_that_is_none_is_told() {
    let options = TlsOptions { server_name: Some("not\na name".into()), ..TlsOptions::default() };
    let error = Tls::new(&options).unwrap_err();
    assert!(matches!(&error, TlsSetupError::ServerName(name) if name == "not\na name"));
    assert!(error.to_string().contains(r"not\na name"), "{error}");
}
