//! TLS by rustls: its provider is passed by hand, nothing process-wide is installed.

use std::sync::Arc;

use countermand_core::{TransportError, TransportErrorKind};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::sign::SingleCertAndKey;
use tokio_rustls::rustls::{self, AlertDescription as Alert, ClientConfig, RootCertStore};

use crate::config::HyperConfig;
use crate::proxy::Way;
use crate::secret_file::SecretFile;

/// The largest file of certificates that is read, in bytes; that of a platform has 250 KB.
const CERTIFICATES: u64 = 16 << 20;

/// Whom to trust, and what to offer.
pub(crate) struct Tls {
    server: ServerName<'static>,
    extra: Vec<CertificateDer<'static>>,
    identity: Option<Arc<dyn ResolvesClientCert>>,
    http1_only: bool,
    /// Made at the first connection: reading the platform's roots takes milliseconds.
    config: Arc<OnceCell<Arc<ClientConfig>>>,
}

impl Tls {
    /// For one host.
    pub(crate) fn new(host: &str, config: &HyperConfig) -> Result<Self, TransportError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let server = ServerName::try_from(bare.to_owned()).map_err(|_| {
            let message = format!("{host} is not a name that a certificate can hold");
            TransportError::new(TransportErrorKind::Tls, message)
        })?;
        Ok(Self {
            server,
            extra: config
                .ca_file
                .as_ref()
                .map_or_else(|| Ok(Vec::new()), read_ca_file)?,
            identity: config
                .identity
                .as_ref()
                .map(|(certificate, key)| read_identity(certificate, key))
                .transpose()?,
            http1_only: config.http1_only,
            config: Arc::default(),
        })
    }

    /// Shakes hands; tells whether HTTP/2 was agreed on.
    pub(crate) async fn connect(
        &self,
        tcp: TokioIo<TcpStream>,
        proxy: Option<&Way>,
    ) -> Result<(TokioIo<TlsStream<TcpStream>>, bool), TransportError> {
        let config = match self.config.get() {
            Some(config) => Arc::clone(config),
            None => self.configure().await?,
        };
        let stream = tokio_rustls::TlsConnector::from(config)
            .connect(self.server.clone(), tcp.into_inner())
            .await
            .map_err(|error| self.refused(&error, proxy))?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((TokioIo::new(stream), http2))
    }

    /// Makes the configuration in a task of its own, which a connect time-out does not take along: on
    /// a machine that is slow in reading its roots the next attempt finds them.
    async fn configure(&self) -> Result<Arc<ClientConfig>, TransportError> {
        let (made, extra) = (Arc::clone(&self.config), self.extra.clone());
        let (identity, http1_only) = (self.identity.clone(), self.http1_only);
        let making = tokio::spawn(async move {
            let make = || async {
                tokio::task::spawn_blocking(move || Self::make(extra, identity, http1_only))
                    .await
                    .map_err(|error| {
                        TransportError::new(TransportErrorKind::Tls, error.to_string())
                    })?
            };
            made.get_or_try_init(make).await.cloned()
        });
        making
            .await
            .map_err(|error| TransportError::new(TransportErrorKind::Tls, error.to_string()))?
    }

    fn make(
        extra: Vec<CertificateDer<'static>>,
        identity: Option<Arc<dyn ResolvesClientCert>>,
        http1_only: bool,
    ) -> Result<Arc<ClientConfig>, TransportError> {
        let mut roots = RootCertStore::empty();
        // The platform's store may hold certificates that rustls cannot read; the others do.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(extra);
        if roots.is_empty() {
            let message = "this machine trusts no certificate authority; name one with a CA file";
            return Err(TransportError::new(TransportErrorKind::Tls, message));
        }
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| TransportError::new(TransportErrorKind::Tls, error.to_string()))?
            .with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_cert_resolver(identity),
        };
        if !http1_only {
            config.alpn_protocols.push(b"h2".to_vec());
        }
        config.alpn_protocols.push(b"http/1.1".to_vec());
        Ok(Arc::new(config))
    }

    fn refused(&self, error: &std::io::Error, proxy: Option<&Way>) -> TransportError {
        let host = self.server.to_str();
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
        match cause {
            Some(cause) if is_final(cause) => {
                TransportError::new(TransportErrorKind::Tls, format!("{host}: {cause}"))
            }
            Some(rustls::Error::InvalidMessage(_)) if let Some(proxy) = proxy => proxy.refusal(
                &host,
                "what answers in its tunnel does not speak TLS: the proxy shows a page of its own, or the port is not one of TLS",
            ),
            _ => TransportError::new(
                TransportErrorKind::Connect,
                format!("{host}: during the TLS handshake: {error}"),
            ),
        }
    }
}

/// Whether the server has broken off a connection that was made, because it does not trust this
/// side's certificate, or misses one.
pub(crate) fn is_refusal(error: &std::io::Error) -> bool {
    // Under HTTP/2 only the text of the cause is left.
    let text = error.to_string();
    let alert = |alert: &Alert| rustls::Error::AlertReceived(*alert).to_string() == text;
    FINAL_ALERTS.iter().any(alert)
}

/// With these the other side says that trying again is of no use.
const FINAL_ALERTS: [Alert; 14] = [
    Alert::ProtocolVersion,
    Alert::HandshakeFailure,
    Alert::InsufficientSecurity,
    Alert::NoApplicationProtocol,
    Alert::UnrecognisedName,
    Alert::UnknownCA,
    Alert::AccessDenied,
    Alert::BadCertificate,
    Alert::UnsupportedCertificate,
    Alert::CertificateRevoked,
    Alert::CertificateExpired,
    Alert::CertificateUnknown,
    Alert::CertificateRequired,
    Alert::DecryptError,
];

/// Whether the two sides cannot trust or understand each other, which stops everything. The rest
/// (a garbled message, an internal error over there) may pass.
fn is_final(error: &rustls::Error) -> bool {
    match error {
        rustls::Error::InvalidCertificate(_)
        | rustls::Error::NoCertificatesPresented
        | rustls::Error::UnsupportedNameType
        | rustls::Error::PeerIncompatible(_) => true,
        rustls::Error::AlertReceived(alert) => FINAL_ALERTS.contains(alert),
        _ => false,
    }
}

#[cfg(feature = "aws-lc-rs")]
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn read_ca_file(path: &SecretFile) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let certificates = read_certificates("the CA file", path)?;
    for certificate in &certificates {
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|error| unusable("the CA file", path, &error))?;
    }
    Ok(certificates)
}

/// What is shown to a server that asks who is there.
fn read_identity(
    certificate: &SecretFile,
    key: &SecretFile,
) -> Result<Arc<dyn ResolvesClientCert>, TransportError> {
    let chain = read_certificates("the client certificate", certificate)?;
    let what = "the key of the client certificate";
    let failed = |problem: &dyn std::fmt::Display| unusable(what, key, problem);
    if let Some(problem) = crate::secret_file::exposure(key.path()) {
        tracing::warn!(problem, "secret exposed");
    }
    let pem = key.read(CERTIFICATES).map_err(|error| failed(&error))?;
    let secret = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| failed(&"it holds no private key in PEM"))?;
    let identity =
        CertifiedKey::from_der(chain, secret, &provider()).map_err(|error| failed(&error))?;
    Ok(Arc::new(SingleCertAndKey::from(identity)))
}

fn read_certificates(
    what: &str,
    path: &SecretFile,
) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let failed = |problem: &dyn std::fmt::Display| unusable(what, path, problem);
    let pem = path.read(CERTIFICATES).map_err(|error| failed(&error))?;
    let certificates = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(&error))?;
    match certificates.is_empty() {
        true => Err(failed(&"it holds no certificate")),
        false => Ok(certificates),
    }
}

fn unusable(what: &str, path: &SecretFile, problem: &dyn std::fmt::Display) -> TransportError {
    let message = path.problem(what, problem);
    TransportError::new(TransportErrorKind::Tls, message)
}
