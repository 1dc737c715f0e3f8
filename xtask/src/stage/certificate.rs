//! A certificate that nobody trusts but the stage.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use tempfile::TempDir;

use super::Bootstrap;

/// Where `production.yaml` has its certificates, and which of ours takes the place.
const GATEWAY_CERTIFICATE: &str = "/etc/envoy/tls/gateway.crt";
const GATEWAY_KEY: &str = "/etc/envoy/tls/gateway.key";
const CONTROL_PLANE_AUTHORITY: &str = "/etc/envoy/tls/control-plane-ca.crt";

/// A self-signed certificate and its key, in files that go with the last copy of this.
#[derive(Debug, Clone)]
pub struct Certificate {
    directory: Arc<TempDir>,
}

impl Certificate {
    /// A new certificate for some hosts.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn of(hosts: &[&str]) -> Result<Self> {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(hosts)?;
        let this = Self {
            directory: Arc::new(TempDir::with_prefix("portcullis-certificate-")?),
        };
        std::fs::write(this.certificate(), made.cert.pem())?;
        std::fs::write(this.key(), made.signing_key.serialize_pem())?;
        Ok(this)
    }

    /// The file of the certificate, in PEM form.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    /// The file of its key, in PEM form.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    /// A bootstrap for production with this certificate in all places.
    ///
    /// # Errors
    /// When the bootstrap has its certificates elsewhere.
    pub fn install(&self, bootstrap: Bootstrap) -> Result<Bootstrap> {
        let certificate = self.certificate();
        bootstrap
            .value(GATEWAY_CERTIFICATE, &certificate.to_string_lossy())?
            .value(GATEWAY_KEY, &self.key().to_string_lossy())?
            .value(CONTROL_PLANE_AUTHORITY, &certificate.to_string_lossy())
    }
}
