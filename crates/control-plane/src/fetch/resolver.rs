//! How names become addresses, from outside: tests bring their own.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

/// Where the addresses of a name come from.
#[derive(Clone)]
pub struct Resolver(Arc<Resolve>);

type Resolve = dyn Fn(String) -> Answer + Send + Sync;
type Answer = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

impl Resolver {
    /// The resolver of the operating system.
    #[must_use]
    pub fn of_the_system() -> Self {
        Self::new(|name| async move {
            // The port is only there because the call asks for one.
            let found = tokio::net::lookup_host((name, 443)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }

    /// A resolver that answers as `resolve` does.
    pub fn new<F>(resolve: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        Self(Arc::new(move |name| Box::pin(resolve(name))))
    }

    /// The addresses of a name.
    ///
    /// # Errors
    /// When it has none.
    pub async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let addresses = (self.0)(name.to_owned()).await?;
        if addresses.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the name has no address",
            ));
        }
        Ok(addresses)
    }
}
