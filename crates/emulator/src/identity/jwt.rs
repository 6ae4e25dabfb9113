//! The signed claims of a service account.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rustls::crypto::ring::default_provider;
use rustls_pki_types::alg_id;
use serde::Deserialize;
use serde_json::Value;

/// The public half of the key in `service_account.der`, as DER (RFC 8017, A.1.1).
const PUBLIC_KEY: &[u8] = include_bytes!("service_account.pub.der");

/// Base64 for URLs, with padding or without: RFC 7515 has none, some clients send it, and Google takes both.
const PADDED_OR_NOT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: Option<String>,
    pub(crate) scope: String,
    aud: String,
    iat: u64,
    exp: u64,
}

/// The claims, if the key signed them and they are such as Google takes. Their times are held against each other: the
/// emulator's clock is its own.
pub(crate) fn verify(assertion: &str) -> Result<Claims, &'static str> {
    let (signed, signature) = assertion.rsplit_once('.').ok_or("Invalid JWT")?;
    let (head, claims) = signed.split_once('.').ok_or("Invalid JWT")?;
    let decode = |part: &str| PADDED_OR_NOT.decode(part).map_err(|_| "Invalid JWT");
    let signature = decode(signature)?;
    let head: Value = serde_json::from_slice(&decode(head)?).map_err(|_| "Invalid JWT")?;
    if head["alg"] != "RS256" || head["typ"] != "JWT" {
        return Err("Invalid JWT: unsupported algorithm");
    }
    let algorithms = default_provider().signature_verification_algorithms;
    let genuine = algorithms
        .all
        .iter()
        .filter(|algorithm| {
            algorithm.signature_alg_id() == alg_id::RSA_PKCS1_SHA256
                && algorithm.public_key_alg_id() == alg_id::RSA_ENCRYPTION
        })
        .any(|algorithm| {
            let checked = algorithm.verify_signature(PUBLIC_KEY, signed.as_bytes(), &signature);
            checked.is_ok()
        });
    if !genuine {
        return Err("Invalid JWT Signature.");
    }
    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| "Invalid JWT")?;
    if !claims.aud.ends_with("/token") {
        return Err("Invalid JWT: Failed audience check.");
    }
    if claims.exp <= claims.iat || claims.exp - claims.iat > 3600 {
        return Err(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
        );
    }
    if claims.scope.is_empty() {
        return Err("Invalid OAuth scope or ID token audience provided.");
    }
    if claims.sub.as_ref().is_some_and(|sub| !sub.contains('@')) {
        return Err("Invalid email or User ID");
    }
    Ok(claims)
}
