//! HTTPS: what is spoken, and certificates that change while it runs.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::process::{OPERATOR_TOKEN, PATIENCE, Process, command_with_tokens, fail, start, status};
use crate::starting::says_one_sentence;

type Connection = StreamOwned<ClientConnection, TcpStream>;

/// A certificate that stands for itself.
struct Identity {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key_pem: String,
}

/// The two files that a process is told of.
struct Files {
    folder: TempDir,
}

fn identity() -> Identity {
    let CertifiedKey { cert, signing_key }: CertifiedKey<KeyPair> =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    Identity {
        certificate: cert.der().clone(),
        certificate_pem: cert.pem(),
        key_pem: signing_key.serialize_pem(),
    }
}

impl Files {
    fn of(identity: &Identity) -> Self {
        let folder = TempDir::new().unwrap();
        let files = Self { folder };
        files.hold(identity);
        files
    }

    fn hold(&self, identity: &Identity) {
        fs::write(self.certificate(), &identity.certificate_pem).unwrap();
        fs::write(self.key(), &identity.key_pem).unwrap();
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }
}

fn command(data: &Path, files: &Files) -> Command {
    let mut command = command_with_tokens(data);
    command
        .arg("--tls-certificate")
        .arg(files.certificate())
        .arg("--tls-key")
        .arg(files.key());
    command
}

/// A connection by a protocol of the list, to one who shows a certificate of these.
fn connect(process: &Process, believed: &[&Identity], protocols: &[&str]) -> Option<Connection> {
    let mut roots = RootCertStore::empty();
    for identity in believed {
        roots.add(identity.certificate.clone()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(&process.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    while tls.is_handshaking() {
        tls.complete_io(&mut stream).ok()?;
    }
    Some(StreamOwned::new(tls, stream))
}

/// Asks over a connection that stays, and gets the status.
fn ask(connection: &mut Connection) -> u16 {
    connection
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"live\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte).unwrap();
        said.push(byte[0]);
    }
    status(std::str::from_utf8(&said).unwrap())
}

/// Waits until a new connection is shown this one.
fn await_shown(process: &Process, identity: &Identity) {
    let deadline = Instant::now() + PATIENCE;
    while connect(process, &[identity], &[]).is_none() {
        assert!(Instant::now() < deadline, "it is not shown");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn both_versions_of_http_are_spoken_and_nothing_without_tls() {
    let data = TempDir::new().unwrap();
    let identity = identity();
    let files = Files::of(&identity);
    let process = start(command(data.path(), &files), 0);
    for (offered, chosen) in [
        (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
        (&["http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let connection = connect(&process, &[&identity], offered).unwrap();
        assert_eq!(connection.conn.alpn_protocol(), chosen);
    }
    let mut connection = connect(&process, &[&identity], &["http/1.1"]).unwrap();
    assert_eq!(ask(&mut connection), 200);
    // The preface and empty settings of HTTP/2 (RFC 9113 section 3.4): it answers with settings of its own.
    let mut connection = connect(&process, &[&identity], &["h2"]).unwrap();
    connection
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    let mut frame = [0; 9];
    connection.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], 4, "{frame:?}");

    let answer = process.answer_if_any(OPERATOR_TOKEN, "/healthz");
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(connect(&process, &[&self::identity()], &[]).is_none());
}

#[test]
fn a_new_certificate_is_shown_to_those_who_come_and_nobody_who_is_there_is_sent_away() {
    let data = TempDir::new().unwrap();
    let [first, second, third] = [identity(), identity(), identity()];
    let files = Files::of(&first);
    let process = start(command(data.path(), &files), 0);
    let mut staying = connect(&process, &[&first], &["http/1.1"]).unwrap();
    assert_eq!(ask(&mut staying), 200);

    files.hold(&second);
    process.signal("HUP");
    await_shown(&process, &second);
    assert_eq!(ask(&mut staying), 200);
    assert!(connect(&process, &[&first], &[]).is_none());

    // It notices by itself, too.
    files.hold(&third);
    await_shown(&process, &third);
    assert_eq!(ask(&mut staying), 200);
    let (ended, _, log) = process.stopped();
    assert!(ended.success(), "{log}");
}

#[test]
fn a_certificate_that_cannot_be_used_leaves_the_one_before_it_and_is_told() {
    let data = TempDir::new().unwrap();
    let [first, second] = [identity(), identity()];
    let files = Files::of(&first);
    let mut command = command(data.path(), &files);
    command.args(["--metrics-listen", "127.0.0.1:0"]);
    let process = start(command, 1);
    let is_stale = |wanted: &str| {
        let line = format!("portcullis_tls_certificate_stale {wanted}\n");
        process.watched("/metrics").contains(&line)
    };
    let await_stale = |wanted: &str| {
        let deadline = Instant::now() + PATIENCE;
        while !is_stale(wanted) {
            assert!(Instant::now() < deadline, "it is not told");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    assert!(is_stale("0"));

    // The key of another, and then no certificate at all.
    fs::write(files.key(), &second.key_pem).unwrap();
    process.signal("HUP");
    await_stale("1");
    fs::write(files.certificate(), "nothing").unwrap();
    process.signal("HUP");
    assert!(connect(&process, &[&first], &[]).is_some());

    files.hold(&second);
    await_stale("0");
    await_shown(&process, &second);
    let (_, _, log) = process.stopped();
    assert!(log.contains("the new certificate cannot be used"), "{log}");
    assert!(!log.contains("PRIVATE KEY"), "{log}");
}

#[test]
fn files_that_make_no_certificate_are_named() {
    let data = TempDir::new().unwrap();
    let [first, second] = [identity(), identity()];
    let fails = |spoil: &dyn Fn(&Files), said: &[&str]| {
        let files = Files::of(&first);
        spoil(&files);
        let mut command = command(data.path(), &files);
        command.env("PORTCULLIS_LOG", "off");
        says_one_sentence(&fail(command), said);
    };
    fails(
        &|it| fs::remove_file(it.key()).unwrap(),
        &["key.pem", "cannot read"],
    );
    fails(
        &|it| fs::write(it.certificate(), "").unwrap(),
        &["certificate.pem", "holds no certificate"],
    );
    fails(
        &|it| fs::write(it.key(), &first.certificate_pem).unwrap(),
        &["key.pem", "holds no private key"],
    );
    fails(
        &|it| fs::write(it.key(), &second.key_pem).unwrap(),
        &["certificate.pem", "key.pem", "cannot be used"],
    );
}
