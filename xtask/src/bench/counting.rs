//! Somebody between Envoy and the control plane who counts the questions, and how many are open at once.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use anyhow::Result;

/// How a question begins.
const QUESTION: &[u8] = b"GET /feed/v1/changes";

/// Takes connections until the task ends.
pub struct Counting {
    /// Where.
    pub address: SocketAddr,
    tally: Arc<Tally>,
}

#[derive(Default)]
struct Tally {
    questions: AtomicU32,
    open: AtomicU32,
    most_open: AtomicU32,
}

impl Counting {
    /// Passes everything on to a control plane.
    pub fn before(control_plane: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let this = Self {
            address: listener.local_addr()?,
            tally: Arc::default(),
        };
        let tally = Arc::clone(&this.tally);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Ok(other) = TcpStream::connect(control_plane) {
                    // A connection that cannot be passed on ends.
                    pass_on(&stream, &other, &tally).ok();
                }
            }
        });
        Ok(this)
    }

    /// How many questions there were so far.
    pub fn questions(&self) -> u32 {
        self.tally.questions.load(Ordering::Relaxed)
    }

    /// How many of them were open at once, at most.
    pub fn most_open(&self) -> u32 {
        self.tally.most_open.load(Ordering::Relaxed)
    }
}

/// HTTP/1.1 without pipelining: on one connection there is one question at a time, and the next bytes that come back
/// begin its answer.
fn pass_on(asking: &TcpStream, answering: &TcpStream, tally: &Arc<Tally>) -> Result<()> {
    let is_open = Arc::new(AtomicBool::new(false));
    let (is_asked, tally_asked) = (Arc::clone(&is_open), Arc::clone(tally));
    copy(asking.try_clone()?, answering.try_clone()?, move |bytes| {
        if bytes.starts_with(QUESTION) && !is_asked.swap(true, Ordering::Relaxed) {
            tally_asked.questions.fetch_add(1, Ordering::Relaxed);
            let open = tally_asked.open.fetch_add(1, Ordering::Relaxed) + 1;
            tally_asked.most_open.fetch_max(open, Ordering::Relaxed);
        }
    });
    let tally = Arc::clone(tally);
    copy(answering.try_clone()?, asking.try_clone()?, move |_| {
        if is_open.swap(false, Ordering::Relaxed) {
            tally.open.fetch_sub(1, Ordering::Relaxed);
        }
    });
    Ok(())
}

/// Copies until one side ends, then ends the other.
fn copy(mut from: TcpStream, mut to: TcpStream, look: impl Fn(&[u8]) + Send + 'static) {
    thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        loop {
            let count = from.read(&mut bytes).unwrap_or(0);
            let read = bytes.get(..count).unwrap_or_default();
            // Also at the end: whatever was open is not any more.
            look(read);
            if read.is_empty() || to.write_all(read).is_err() {
                break;
            }
        }
        from.shutdown(Shutdown::Both).ok();
        to.shutdown(Shutdown::Both).ok();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_counted_and_open_until_they_are_answered() {
        let control_plane = TcpListener::bind("127.0.0.1:0").unwrap();
        let counting = Counting::before(control_plane.local_addr().unwrap()).unwrap();
        let mut asking: Vec<TcpStream> = Vec::new();
        let mut answering = Vec::new();
        let mut buffer = [0; 64];
        let ask = |asking: &mut TcpStream, answering: &mut TcpStream, buffer: &mut [u8]| {
            asking
                .write_all(b"GET /feed/v1/changes?after=0 HTTP/1.1\r\n\r\n")
                .unwrap();
            assert!(answering.read(buffer).unwrap() > 0);
        };
        for _ in 0..2 {
            asking.push(TcpStream::connect(counting.address).unwrap());
            answering.push(control_plane.accept().unwrap().0);
        }
        // One after the other.
        for place in 0..2 {
            ask(&mut asking[place], &mut answering[place], &mut buffer);
            answering[place]
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .unwrap();
            assert!(asking[place].read(&mut buffer).unwrap() > 0);
        }
        assert_eq!((counting.questions(), counting.most_open()), (2, 1));
        // Both at once.
        for place in 0..2 {
            ask(&mut asking[place], &mut answering[place], &mut buffer);
        }
        assert_eq!((counting.questions(), counting.most_open()), (4, 2));
        // What is no question does not count.
        let mut other = TcpStream::connect(counting.address).unwrap();
        let mut told = control_plane.accept().unwrap().0;
        other
            .write_all(b"POST /feed/v1/reports HTTP/1.1\r\n\r\n")
            .unwrap();
        assert!(told.read(&mut buffer).unwrap() > 0);
        assert_eq!((counting.questions(), counting.most_open()), (4, 2));
    }
}
