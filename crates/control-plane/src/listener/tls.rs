//! By what the listener proves itself. The files are looked at again every few seconds, and on a signal: a new certificate
//! is shown to those who connect from then on, and one that cannot be used leaves the one before it in place.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use portcullis_engine::api_key::digest;
use portcullis_feed::Digest;
use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use x509_cert::der::Decode as _;

use super::meters::{ListenerMeters, Outcome};
use crate::settings::TlsFiles;

/// How often the files are looked at. A change has to stand for as long, since it is made to one after the other.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(2);

/// The certificate that is shown, and where it comes from.
pub struct Certificates {
    files: TlsFiles,
    shown: Arc<Shown>,
    /// Of what the files held when they were last read in earnest.
    known: Digest,
    meters: ListenerMeters,
}

/// Files do not make a certificate that can be shown.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCertificate {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not PEM, or does not hold what it should.
    #[error("`{}` holds no {wanted} in PEM", path.display())]
    Malformed {
        /// Which one.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// Why not.
        source: pem::Error,
    },
    /// They do not belong together, or are of a kind that is not understood.
    #[error("the certificate in `{}` cannot be used with the key in `{}`", certificate.display(), key.display())]
    Unfit {
        /// The one.
        certificate: PathBuf,
        /// The other.
        key: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
}

#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

/// What the files hold.
struct Content {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Certificates {
    /// Reads them.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn load(files: TlsFiles, meters: ListenerMeters) -> Result<Self, InvalidCertificate> {
        let content = Content::of(&files)?;
        let certified = content.certified(&files)?;
        let this = Self {
            known: content.digest(),
            shown: Arc::new(Shown(RwLock::new(Arc::clone(&certified)))),
            files,
            meters,
        };
        this.note_shown(&certified);
        Ok(this)
    }

    /// What speaks TLS with them, whatever they become.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn acceptor(&self) -> Result<TlsAcceptor, rustls::Error> {
        // Named, since a process may hold several providers of cryptography, and a default would then have to be chosen.
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Follows the files until `stopping` becomes true: each change of them, and at once when `asked` says so.
    pub async fn follow(mut self, mut asked: Signal, mut stopping: watch::Receiver<bool>) {
        let mut ticks = interval(LOOKED_AT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = None;
        loop {
            let is_asked = tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return,
                asked = asked.recv() => asked.is_some(),
                _ = ticks.tick() => false,
            };
            let content = Content::of(&self.files);
            let found = content.as_ref().map_or(Digest([0; 32]), Content::digest);
            let is_settled = seen.replace(found) == Some(found);
            if is_asked || is_settled && found != self.known {
                self.known = found;
                self.replace(content);
            }
        }
    }

    fn replace(&self, content: Result<Content, InvalidCertificate>) {
        match content.and_then(|content| content.certified(&self.files)) {
            Ok(certified) => {
                let mut shown = self.shown.0.write().unwrap_or_else(PoisonError::into_inner);
                *shown = Arc::clone(&certified);
                drop(shown);
                self.note_shown(&certified);
                tracing::info!(certificate = %self.files.certificate.display(), "the certificate was read again");
            }
            Err(invalid) => {
                self.meters.certificate_is_stale.set(1);
                self.count("failed");
                let error: &dyn std::error::Error = &invalid;
                tracing::error!(
                    error,
                    "the new certificate cannot be used: the one before it stays"
                );
            }
        }
    }

    fn note_shown(&self, certified: &CertifiedKey) {
        self.meters.certificate_is_stale.set(0);
        self.meters.certificate_ends.set(ends(certified));
        self.count("done");
    }

    fn count(&self, outcome: &'static str) {
        let counter = self.meters.certificate.get_or_create(&Outcome { outcome });
        counter.inc();
    }
}

impl Content {
    fn of(files: &TlsFiles) -> Result<Self, InvalidCertificate> {
        let read = |path: &Path| {
            fs::read(path).map_err(|source| InvalidCertificate::Unreadable {
                path: path.to_owned(),
                source,
            })
        };
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
        })
    }

    fn digest(&self) -> Digest {
        let each = [&self.certificate, &self.key].map(|content| digest(content).0);
        digest(&each.concat())
    }

    fn certified(&self, files: &TlsFiles) -> Result<Arc<CertifiedKey>, InvalidCertificate> {
        let malformed = |path: &Path, wanted, source| InvalidCertificate::Malformed {
            path: path.to_owned(),
            wanted,
            source,
        };
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .and_then(|chain| match chain.is_empty() {
                true => Err(pem::Error::NoItemsFound),
                false => Ok(chain),
            })
            .map_err(|source| malformed(&files.certificate, "certificate", source))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|source| malformed(&files.key, "private key", source))?;
        CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map(Arc::new)
            .map_err(|source| InvalidCertificate::Unfit {
                certificate: files.certificate.clone(),
                key: files.key.clone(),
                source,
            })
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(
            &self.0.read().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificates({:?})", self.files)
    }
}

/// When a certificate ends, in seconds since 1970. Zero where it does not say so in a form that is understood.
fn ends(certified: &CertifiedKey) -> i64 {
    let certificate = certified.cert.first().map(CertificateDer::as_ref);
    let parsed = certificate.and_then(|der| x509_cert::Certificate::from_der(der).ok());
    parsed.map_or(0, |certificate| {
        let end = certificate.tbs_certificate.validity.not_after;
        i64::try_from(end.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
    })
}
