//! A name server for one name, which can forget it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use anyhow::Result;

/// The length of the header of a message (RFC 1035, section 4.1.1).
const HEADER: usize = 12;
const TYPE_A: [u8; 2] = [0, 1];
const NO_ERROR: u8 = 0;
const NAME_ERROR: u8 = 3;

/// A name server on loopback, which knows every name as 127.0.0.1 or knows none. It ends when this is dropped.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    knows: AtomicBool,
    denied: AtomicU64,
    ends: AtomicBool,
}

impl NameServer {
    /// Starts a name server on a free port, which knows every name.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start() -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let shared = Arc::new(Shared::default());
        shared.knows.store(true, Ordering::Relaxed);
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let mut message = [0; 512];
                while let Ok((length, peer)) = socket.recv_from(&mut message) {
                    if shared.ends.load(Ordering::Relaxed) {
                        return;
                    }
                    if let Some(answer) = answer(message.get(..length).unwrap_or(&[]), &shared) {
                        // Who does not get it asks again.
                        socket.send_to(&answer, peer).ok();
                    }
                }
            }
        });
        Ok(Self {
            address,
            shared,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Knows every name from now on, or none.
    pub fn know(&self, knows: bool) {
        self.shared.knows.store(knows, Ordering::Relaxed);
    }

    /// How often it has said that there is no such name.
    #[must_use]
    pub fn denied(&self) -> u64 {
        self.shared.denied.load(Ordering::Relaxed)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        // It waits for a message: this is one.
        if let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            socket.send_to(&[], self.address).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// The answer to a question of one name: its address, that it has none of the type asked for, or that there is no such
/// name.
fn answer(question: &[u8], shared: &Shared) -> Option<Vec<u8>> {
    let id = question.get(..2)?;
    let rest = question.get(HEADER..)?;
    let name = rest.iter().position(|&byte| byte == 0)?;
    let asked = rest.get(..name + 5)?;
    let wanted = asked.get(name + 1..name + 3)?;
    let knows = shared.knows.load(Ordering::Relaxed);
    if !knows {
        shared.denied.fetch_add(1, Ordering::Relaxed);
    }
    let code = if knows { NO_ERROR } else { NAME_ERROR };
    let has_address = knows && wanted == TYPE_A;
    let mut answer = Vec::new();
    answer.extend(id);
    // An answer, with authority, recursion available.
    answer.extend([
        0x84,
        0x80 | code,
        0,
        1,
        0,
        u8::from(has_address),
        0,
        0,
        0,
        0,
    ]);
    answer.extend(asked);
    if has_address {
        // The name that was asked for, its address in the internet, for no time, of four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        answer.extend(Ipv4Addr::LOCALHOST.octets());
    }
    Some(answer)
}
