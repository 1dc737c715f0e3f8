//! Whose certificates are believed when keys are fetched: those of the public authorities, and of one that is named.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Whom to believe.
#[derive(Clone)]
pub struct Trust(pub(super) Arc<ClientConfig>);

/// A file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTrust {
    /// It cannot be read, or holds something else.
    #[error("cannot read certificates from `{}`", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// It holds none.
    #[error("`{}` holds no certificate", path.display())]
    Empty {
        /// Which one.
        path: PathBuf,
    },
    /// A certificate is none, or TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
}

impl Trust {
    /// How TLS is spoken with those who are believed.
    pub(crate) fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }

    /// In the authorities that browsers believe, and those whose certificates a PEM file holds.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn with(file: Option<&Path>) -> Result<Self, InvalidTrust> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        if let Some(path) = file {
            let unreadable = |source| InvalidTrust::Unreadable {
                path: path.to_owned(),
                source,
            };
            let found = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
            let known = roots.len();
            for certificate in found {
                roots.add(certificate.map_err(unreadable)?)?;
            }
            if roots.len() == known {
                return Err(InvalidTrust::Empty {
                    path: path.to_owned(),
                });
            }
        }
        // Named, since a process may hold several providers of cryptography, and a default would then have to be chosen.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}
