//! RS256 (RFC 7518, 3.3), by the same library that does TLS.

use std::sync::Arc;

use rustls::SignatureScheme::RSA_PKCS1_SHA256;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SigningKey;

#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as library;
#[cfg(not(feature = "aws-lc-rs"))]
use rustls::crypto::ring as library;

use crate::document::Problem;

/// A private RSA key.
#[derive(Clone)]
pub(crate) struct Key(Arc<dyn SigningKey>);

impl Key {
    /// From PEM, PKCS #8 or PKCS #1.
    pub(crate) fn from_pem(pem: &str) -> Result<Self, Problem> {
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| "is no private key in PEM".to_owned())?;
        let key = library::default_provider()
            .key_provider
            .load_private_key(key)
            .map_err(|_| "is no private key that can be used".to_owned())?;
        match key.choose_scheme(&[RSA_PKCS1_SHA256]) {
            Some(_) => Ok(Self(key)),
            None => Err("is no RSA key".to_owned()),
        }
    }

    /// `None` only if the library fails.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.0
            .choose_scheme(&[RSA_PKCS1_SHA256])?
            .sign(message)
            .ok()
    }
}
