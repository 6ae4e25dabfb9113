//! TLS by hyper-rustls: the provider of rustls is passed by hand, nothing process-wide is installed.

use std::error::Error as StdError;
use std::io;
use std::sync::{Arc, OnceLock};

use countermand_core::{TransportError, TransportErrorKind};
use http::Uri;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use rustls::client::ResolvesClientCert;
#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as library;
#[cfg(not(feature = "aws-lc-rs"))]
use rustls::crypto::ring as library;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{AlertDescription as Alert, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::config::HyperConfig;
use crate::route::Route;
use crate::secret_file::SecretFile;

/// The largest file of certificates that is read, in bytes; that of a platform has 250 KB.
const CERTIFICATES: u64 = 16 << 20;

/// A connection to a server, in TLS or in plain text.
pub(crate) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// TLS to one host; clones share the connector.
#[derive(Clone)]
pub(crate) struct Tls(Arc<Inner>);

struct Inner {
    server: ServerName<'static>,
    route: Route,
    /// Authorities to trust besides the platform's.
    extra: RootCertStore,
    identity: Option<Arc<dyn ResolvesClientCert>>,
    http1_only: bool,
    /// Made at the first connection: reading the platform's roots takes milliseconds.
    connector: OnceLock<HttpsConnector<Route>>,
}

impl Tls {
    /// TLS to the host at the end of a route.
    pub(crate) fn new(
        host: &str,
        route: Route,
        config: &HyperConfig,
    ) -> Result<Self, TransportError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let server = ServerName::try_from(bare.to_owned())
            .map_err(|_| failed(format!("{host} is not a name that a certificate can hold")))?;
        let extra = config.ca_file.as_ref().map(read_ca_file).transpose()?;
        let identity = config
            .identity
            .as_ref()
            .map(|(certificate, key)| read_identity(certificate, key))
            .transpose()?;
        Ok(Self(Arc::new(Inner {
            server,
            route,
            extra: extra.unwrap_or_else(RootCertStore::empty),
            identity,
            http1_only: config.http1_only,
            connector: OnceLock::new(),
        })))
    }

    /// Connects and shakes hands.
    pub(crate) async fn connect(&self, origin: Uri) -> Result<Stream, TransportError> {
        if self.0.connector.get().is_none() {
            // It goes on when a connect time-out gives this up: on a machine that is slow in reading
            // its roots, the next attempt finds the connector.
            let tls = self.clone();
            let made = tokio::task::spawn_blocking(move || {
                let connector = tls.0.make()?;
                tls.0.connector.get_or_init(|| connector);
                Ok(())
            });
            made.await.map_err(failed)??;
        }
        let connector = self.0.connector.get().cloned();
        let mut connector = connector.expect("it was made above");
        let connected = connector.call(origin).await;
        connected.map_err(|error| self.0.classify(error))
    }
}

impl Inner {
    fn make(&self) -> Result<HttpsConnector<Route>, TransportError> {
        let mut roots = self.extra.clone();
        // The platform's store may hold certificates that rustls cannot read; the others do.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(failed(
                "this machine trusts no certificate authority; name one with a CA file",
            ));
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(library::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_cert_resolver(Arc::clone(identity)),
        };
        if !self.http1_only {
            config.alpn_protocols.push(b"h2".to_vec());
        }
        config.alpn_protocols.push(b"http/1.1".to_vec());
        let server = FixedServerNameResolver::new(self.server.clone());
        let route = self.route.clone();
        Ok(HttpsConnector::new(route, config, true, Arc::new(server)))
    }

    /// Tells a failure of the route, of trust and of the network apart.
    fn classify(&self, error: Box<dyn StdError + Send + Sync>) -> TransportError {
        let error = match error.downcast::<TransportError>() {
            Ok(error) => return *error,
            Err(error) => error,
        };
        let host = self.server.to_str();
        match (rustls_error(&*error), self.route.tunnel()) {
            (Some(cause), _) if is_final(cause) => failed(format!("{host}: {cause}")),
            (Some(rustls::Error::InvalidMessage(_)), Some(tunnel)) => {
                tunnel.failure(
                    TransportErrorKind::Proxy,
                    &host,
                    "what answers in its tunnel does not speak TLS: the proxy shows a page of its own, or the port is not one of TLS",
                )
            }
            _ => TransportError::new(
                TransportErrorKind::Connect,
                format!("{host}: during the TLS handshake: {error}"),
            ),
        }
    }
}

/// The error of rustls, which two I/O errors are around: one of tokio-rustls, one of hyper-rustls.
fn rustls_error<'a>(
    error: &'a (dyn StdError + Send + Sync + 'static),
) -> Option<&'a rustls::Error> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => rustls_error(error.get_ref()?),
        None => error.downcast_ref(),
    }
}

fn failed(problem: impl Into<Box<dyn StdError + Send + Sync>>) -> TransportError {
    TransportError::new(TransportErrorKind::Tls, problem)
}

/// Tells whether the server has broken off a connection that was made, because it does not trust
/// this side's certificate, or misses one.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
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

/// Tells whether the two sides cannot trust or understand each other, which stops everything. The
/// rest (a garbled message, an internal error over there) may pass.
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

fn read_ca_file(path: &SecretFile) -> Result<RootCertStore, TransportError> {
    let mut authorities = RootCertStore::empty();
    for certificate in read_certificates("the CA file", path)? {
        let added = authorities.add(certificate);
        added.map_err(|error| unusable("the CA file", path, &error))?;
    }
    Ok(authorities)
}

/// The certificate and the key for a server that asks for them.
fn read_identity(
    certificate: &SecretFile,
    key: &SecretFile,
) -> Result<Arc<dyn ResolvesClientCert>, TransportError> {
    let chain = read_certificates("the client certificate", certificate)?;
    let what = "the key of the client certificate";
    let failed = |problem: &dyn std::fmt::Display| unusable(what, key, problem);
    if let Some(problem) = key.exposure() {
        tracing::warn!(problem, "secret exposed");
    }
    let pem = key.read(CERTIFICATES).map_err(|error| failed(&error))?;
    let secret = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| failed(&"it holds no private key in PEM"))?;
    let identity = CertifiedKey::from_der(chain, secret, &library::default_provider())
        .map_err(|error| failed(&error))?;
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
    failed(path.problem(what, problem))
}
