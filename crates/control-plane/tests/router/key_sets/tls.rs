//! Providers over TLS: who is believed.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use portcullis_control_plane::fetch::{Fetcher, Limits, Resolver, Trust};
use rcgen::CertifiedKey;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::samples::{jwks, set};

/// A provider that proves to have a name, and the file with the certificate that proves it.
async fn provider(name: &str) -> (SocketAddr, NamedTempFile) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(cert.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Whoever does not believe it goes away.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut asked = [0; 4_096];
            let _ = stream.read(&mut asked).await;
            let body = set(&["a"]).to_string();
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (address, file)
}

async fn fetched(trust: Trust, host: &str, address: SocketAddr) -> Result<usize, String> {
    let fetcher = Fetcher {
        resolver: Resolver::new(async |_| Ok(vec!["127.0.0.1".parse().unwrap()])),
        trust,
        networks: "127.0.0.1/32".parse().unwrap(),
        limits: Limits::default(),
    };
    let url = format!("https://{host}:{}/jwks", address.port());
    let outcome = fetcher.fetch(&jwks(url), 0).await;
    outcome
        .map(|fetched| fetched.keys.unwrap_or_default().len())
        .map_err(|failure| failure.sentence())
}

#[tokio::test]
async fn an_authority_of_ones_own_is_believed_when_it_is_named() {
    let (address, file) = provider("idp.example").await;
    let trust = || Trust::with(Some(file.path())).unwrap();
    assert_eq!(fetched(trust(), "idp.example", address).await, Ok(1));

    let of_other_name = fetched(trust(), "other.example", address).await;
    let sentence = of_other_name.unwrap_err();
    let begin = "`other.example` does not prove who it is: ";
    assert!(sentence.starts_with(begin), "{sentence}");

    let unnamed = fetched(Trust::with(None).unwrap(), "idp.example", address).await;
    let sentence = unnamed.unwrap_err();
    let begin = "`idp.example` does not prove who it is: ";
    assert!(sentence.starts_with(begin), "{sentence}");
}

#[test]
fn a_file_without_certificates_is_refused_with_its_name() {
    let file = NamedTempFile::new().unwrap();
    let path = file.path().display().to_string();
    let refusal = || {
        Trust::with(Some(file.path()))
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(refusal(), format!("`{path}` holds no certificate"));
    writeln!(file.as_file(), "-----BEGIN CERTIFICATE-----\n!\n").unwrap();
    assert_eq!(refusal(), format!("cannot read certificates from `{path}`"));
    let absent = Trust::with(Some("/nowhere/ca.pem".as_ref()));
    let said = absent.map(drop).unwrap_err().to_string();
    assert_eq!(said, "cannot read certificates from `/nowhere/ca.pem`");
}
