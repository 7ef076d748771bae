//! PEM files: certificates, and the one private key.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use zeroize::{Zeroize as _, Zeroizing};

use super::{TlsIdentity, TlsSetupError};

/// The most octets of a file of certificates that are read. All the roots of a system are a fiftieth of this.
const MOST_OF_CERTIFICATES: usize = 16 << 20;

/// The most octets of a file with a key that are read. There may be certificates beside it.
const MOST_OF_A_KEY: usize = 256 << 10;

/// All certificates in the file, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let octets = read(path, MOST_OF_CERTIFICATES)?;
    let certificates: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&octets).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(TlsSetupError::NoCertificate { path: path.into() }),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(TlsSetupError::BadCertificate { path: path.into() }),
    }
}

/// The client's certificate and its key, which belong together.
pub(super) fn identity(files: &TlsIdentity) -> Result<Arc<CertifiedKey>, TlsSetupError> {
    let chain = certificates(&files.certificate)?;
    let mut key = private_key(&files.key)?;
    let signing = any_supported_type(&key);
    key.zeroize();
    let signing = signing.map_err(|_| TlsSetupError::BadKey { path: files.key.clone() })?;

    let identity = CertifiedKey::new(chain, signing);
    match identity.keys_match() {
        Ok(()) => Ok(Arc::new(identity)),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(TlsSetupError::KeyMismatch { certificate: files.certificate.clone(), key: files.key.clone() })
        }
        Err(_) => Err(TlsSetupError::BadCertificate { path: files.certificate.clone() }),
    }
}

// What is wrong inside the file is not told in its own words: they could be of the key.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsSetupError> {
    let octets = read(path, MOST_OF_A_KEY)?;
    PrivateKeyDer::from_pem_slice(&octets).map_err(|cause| match cause {
        _ if is_encrypted(&octets) => TlsSetupError::EncryptedKey { path: path.into() },
        pem::Error::NoItemsFound => TlsSetupError::NoKey { path: path.into() },
        _ => TlsSetupError::BadKey { path: path.into() },
    })
}

/// `BEGIN ENCRYPTED PRIVATE KEY` of PKCS#8, or `Proc-Type: 4,ENCRYPTED` in the older forms.
fn is_encrypted(file: &[u8]) -> bool {
    const WORD: &[u8] = b"ENCRYPTED";
    file.windows(WORD.len()).any(|window| window == WORD)
}

fn read(path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, TlsSetupError> {
    let cannot = |cause| TlsSetupError::Read { path: path.into(), cause };
    let file = File::open(path).map_err(cannot)?;
    // A vector that grows leaves copies behind, which nothing wipes.
    let length = file.metadata().map_err(cannot)?.len();
    let capacity = usize::try_from(length).unwrap_or(most).min(most) + 1;
    let mut octets = Zeroizing::new(Vec::with_capacity(capacity));
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut octets).map_err(cannot)?;
    if octets.len() > most {
        return Err(TlsSetupError::TooLong { path: path.into(), most });
    }
    Ok(octets)
}
