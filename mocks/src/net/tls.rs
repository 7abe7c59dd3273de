//! TLS: a certificate authority per run, and a certificate for every name that is asked for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::Transport;

/// Names of protocols as clients and servers agree on them (RFC 7301 §6).
pub(crate) const HTTP_1_1: &[u8] = b"http/1.1";
/// HTTP/2.
pub(crate) const H2: &[u8] = b"h2";

/// The authority that signs a run's certificates. Its key exists in this process only and ends with it.
pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
    /// One key serves all leaves: making keys is the slow part, and they all live here anyway.
    leaf_key: KeyPair,
    leaves: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The certificate could not be made.
    #[error("cannot make a certificate for {name}: {source}")]
    Generate {
        /// For whom.
        name: String,
        /// Why.
        source: rcgen::Error,
    },
    /// The certificate cannot be used.
    #[error("cannot use the certificate for {name}: {source}")]
    Use {
        /// For whom.
        name: String,
        /// Why.
        source: rustls::Error,
    },
}

impl CertificateAuthority {
    /// A new authority with a new key.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new() -> Result<Self, CertificateError> {
        let failed = |source| CertificateError::Generate {
            name: "the authority".to_owned(),
            source,
        };
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "loginproof run authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Self {
            der: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
            leaf_key: KeyPair::generate().map_err(failed)?,
            leaves: Mutex::default(),
        })
    }

    /// The authority's certificate in PEM, for a bundle or a `SSL_CERT_FILE`.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The authority's certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// A certificate for a host name or an address; made once, then kept.
    ///
    /// # Errors
    /// When the name cannot stand in a certificate.
    pub fn leaf(&self, name: &str) -> Result<Arc<CertifiedKey>, CertificateError> {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = leaves.get(name) {
            return Ok(Arc::clone(leaf));
        }
        let leaf = Arc::new(self.sign(name)?);
        leaves.insert(name.to_owned(), Arc::clone(&leaf));
        Ok(leaf)
    }

    fn sign(&self, name: &str) -> Result<CertifiedKey, CertificateError> {
        let failed = |source| CertificateError::Generate {
            name: name.to_owned(),
            source,
        };
        let unusable = |source| CertificateError::Use {
            name: name.to_owned(),
            source,
        };
        let mut params = CertificateParams::new([name.to_owned()]).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params
            .signed_by(&self.leaf_key, &self.issuer)
            .map_err(failed)?;
        let key = PrivateKeyDer::try_from(self.leaf_key.serialize_der())
            .map_err(|why| unusable(rustls::Error::General(why.to_owned())))?;
        let key = ring::sign::any_supported_type(&key).map_err(unusable)?;
        let chain = vec![certificate.der().clone(), self.der.clone()];
        Ok(CertifiedKey::new(chain, key))
    }

    /// Certificates by the name that is asked for; for clients that name no host, one for `unnamed`. `protocols`
    /// are offered in the server's order of preference (RFC 7301).
    pub(crate) fn server_config(
        self: &Arc<Self>,
        unnamed: &str,
        protocols: &[&[u8]],
    ) -> Result<Arc<ServerConfig>, CertificateError> {
        self.leaf(unnamed)?;
        let names = ByName {
            authority: Arc::clone(self),
            unnamed: unnamed.to_owned(),
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|source| CertificateError::Use {
                name: unnamed.to_owned(),
                source,
            })?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(names));
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateAuthority")
            .finish_non_exhaustive()
    }
}

impl Transport for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Chooses the certificate by the name that the client asks for.
#[derive(Debug)]
struct ByName {
    authority: Arc<CertificateAuthority>,
    unnamed: String,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.authority
            .leaf(hello.server_name().unwrap_or(&self.unnamed))
            .ok()
    }
}
