//! Certificates for a server on this machine, good ones and bad ones.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countermand_core::text::looks_secret;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::system::with_mode;

/// The mode of a key, and of what holds no secret and other accounts need.
const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;

const LOCALHOST: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate authority made on the spot, and the server certificate it signed.
///
/// A client that trusts [`ca_pem`](Self::ca_pem) can talk TLS to the emulator; one that is given a certificate for another
/// host, or an expired one, has to refuse.
#[derive(Debug, Clone)]
pub struct Tls {
    ca_pem: String,
    client: Option<ClientPem>,
    pub(crate) config: Arc<ServerConfig>,
}

/// The identity that a client has to show: a certificate and its private key, as PEM.
#[derive(Debug, Clone)]
struct ClientPem {
    certificate: String,
    key: String,
}

impl Tls {
    /// A certificate for `localhost`, `127.0.0.1` and `::1`.
    ///
    /// # Errors
    /// When keys cannot be made.
    pub fn localhost() -> io::Result<Self> {
        Self::issue(&LOCALHOST, 2099, false)
    }

    /// As [`localhost`](Self::localhost), and only clients with a certificate of the same authority are served (mutual TLS).
    ///
    /// # Errors
    /// When keys cannot be made.
    pub fn mutual() -> io::Result<Self> {
        Self::issue(&LOCALHOST, 2099, true)
    }

    /// A certificate for this host only, whatever the address of the server.
    ///
    /// # Errors
    /// When keys cannot be made, or `host` is not a host name.
    pub fn for_host(host: &str) -> io::Result<Self> {
        Self::issue(&[host], 2099, false)
    }

    /// A certificate for this machine that expired years ago.
    ///
    /// # Errors
    /// When keys cannot be made.
    pub fn expired() -> io::Result<Self> {
        Self::issue(&LOCALHOST, 2020, false)
    }

    fn issue(hosts: &[&str], last_year: i32, mutual: bool) -> io::Result<Self> {
        let mut authority = CertificateParams::default();
        authority
            .distinguished_name
            .push(DnType::CommonName, "Countermand emulator CA");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let authority = CertifiedIssuer::self_signed(authority, key).map_err(io::Error::other)?;

        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut leaf = CertificateParams::new(hosts).map_err(io::Error::other)?;
        leaf.distinguished_name
            .push(DnType::CommonName, "Countermand emulator");
        leaf.not_before = date_time_ymd(2019, 1, 1);
        leaf.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let leaf = leaf.signed_by(&key, &authority).map_err(io::Error::other)?;

        let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let (builder, client) = match mutual {
            false => (builder.with_no_client_auth(), None),
            true => {
                let mut roots = RootCertStore::empty();
                roots
                    .add(authority.der().clone())
                    .map_err(io::Error::other)?;
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(io::Error::other)?;
                let builder = builder.with_client_cert_verifier(verifier);
                (builder, Some(ClientPem::issue(&authority)?))
            }
        };
        let mut config = builder
            .with_single_cert(vec![leaf.der().clone()], secret)
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            ca_pem: authority.pem(),
            client,
            config: Arc::new(config),
        })
    }

    /// The authority's certificate, for clients to trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Writes what a client has to show into the directory, which is made if need be: `client.pem` and `client.key`, whose
    /// paths are the answer. `None` if clients need not show anything. The key opens nothing but this server.
    ///
    /// # Errors
    /// When a file cannot be written, or a link, a pipe or a device stands in its place.
    pub fn write_client_to(&self, directory: &Path) -> io::Result<Option<(PathBuf, PathBuf)>> {
        let Some(client) = &self.client else {
            return Ok(None);
        };
        create_folder(directory)?;
        let (certificate, key) = (directory.join("client.pem"), directory.join("client.key"));
        write(&certificate, &client.certificate, PUBLIC)?;
        write(&key, &client.key, PRIVATE)?;
        Ok(Some((certificate, key)))
    }

    /// Writes `ca.pem` into the directory, which is made if need be, and answers its path. No key is ever written.
    ///
    /// # Errors
    /// When the file cannot be written, or a link, a pipe or a device stands in its place.
    pub fn write_to(&self, directory: &Path) -> io::Result<PathBuf> {
        create_folder(directory)?;
        let path = directory.join("ca.pem");
        write(&path, &self.ca_pem, PUBLIC)?;
        Ok(path)
    }
}

/// Makes a folder and those above it, unless it is there or looks like a secret.
fn create_folder(path: &Path) -> io::Result<()> {
    match looks_secret(&path.to_string_lossy()) {
        Some(like) => Err(invalid(&format!(
            "it looks like {like}, and no folder is made of that name"
        ))),
        None => fs::create_dir_all(path),
    }
}

/// Writes a file in the place of a regular one or of none: no link is followed, and no pipe waited for.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(invalid(
            "it is a symbolic link, a pipe or a device, and a file is expected",
        ));
    }
    let mut options = tempfile::Builder::new();
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = with_mode(&mut options, mode).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

impl ClientPem {
    fn issue(authority: &Issuer<'_, KeyPair>) -> io::Result<Self> {
        let mut client = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        client
            .distinguished_name
            .push(DnType::CommonName, "Countermand emulator client");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = client
            .signed_by(&key, authority)
            .map_err(io::Error::other)?;
        Ok(Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}
