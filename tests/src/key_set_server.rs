//! An identity provider, as far as a control plane sees one: it serves its key set, and can change it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::Result;
use serde_json::{Value, json};

use crate::Signer;

/// A server that answers every request with its key set. It ends when this is dropped.
#[derive(Debug)]
pub struct KeySetServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    body: Mutex<String>,
    asked: AtomicU64,
    ends: AtomicBool,
}

impl KeySetServer {
    /// Starts a server on a free port, with the keys of these signers.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(signers: &[&Signer]) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if shared.ends.load(Ordering::Relaxed) {
                        return;
                    }
                    // Who hangs up asks again.
                    answer(stream, &shared).ok();
                }
            }
        });
        let this = Self {
            address,
            shared,
            thread: Some(thread),
        };
        this.change(signers);
        Ok(this)
    }

    /// Where its key set is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    /// Serves the keys of these signers from now on.
    pub fn change(&self, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        let mut body = self
            .shared
            .body
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *body = json!({"keys": keys}).to_string();
    }

    /// How often it was asked.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.shared.asked.load(Ordering::Relaxed)
    }
}

impl Drop for KeySetServer {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        // It waits for a connection: this is one.
        TcpStream::connect(self.address).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn answer(stream: TcpStream, shared: &Shared) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    shared.asked.fetch_add(1, Ordering::Relaxed);
    let body = shared
        .body
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    Ok(reader
        .get_mut()
        .write_all(format!("{head}{body}").as_bytes())?)
}
