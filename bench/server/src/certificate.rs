//! A certificate authority made on the spot.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use rcgen::KeyUsagePurpose;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Makes the keys for `localhost`, writes what clients and another server need, and gives the
/// settings of this one.
pub(crate) fn make(directory: &Path) -> Result<Arc<ServerConfig>, Box<dyn Error>> {
    let mut authority = CertificateParams::default();
    authority
        .distinguished_name
        .push(DnType::CommonName, "Benchmark CA");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let mut leaf = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    leaf.use_authority_key_identifier_extension = true;
    leaf.distinguished_name
        .push(DnType::CommonName, "Benchmark");
    let key = KeyPair::generate()?;
    let leaf = leaf.signed_by(&key, &authority)?;

    std::fs::create_dir_all(directory)?;
    std::fs::write(directory.join("ca.pem"), authority.pem())?;
    std::fs::write(directory.join("cert.pem"), leaf.pem())?;
    std::fs::write(directory.join("key.pem"), key.serialize_pem())?;

    let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], secret)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // For work in series: some clients take HTTP/2 wherever they can.
    if std::env::var_os("BENCH_HTTP1").is_some() {
        config.alpn_protocols.remove(0);
    }
    Ok(Arc::new(config))
}
