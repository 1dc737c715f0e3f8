//! An identity provider on loopback: it answers as it is told to, and keeps what it was asked.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The provider. Its thread ends with the process.
pub struct Provider {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    answers: HashMap<String, Answer>,
    asked: Vec<String>,
}

/// What it answers.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    head: String,
    body: Vec<u8>,
    is_endless: bool,
}

impl Provider {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // Whoever goes away early is no failure of the provider's.
                thread::spawn(move || drop(answer(stream, &state)));
            }
        });
        Self { address, state }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it answers there from now on. 404, where nothing is said.
    pub fn answers(&self, path: &str, answer: Answer) {
        let mut state = self.state.lock().unwrap();
        state.answers.insert(path.to_owned(), answer);
    }

    /// The heads of the requests to a path so far.
    pub fn asked(&self, path: &str) -> Vec<String> {
        self.asked_by("GET", path)
    }

    /// The requests to a path with a method so far, heads and bodies.
    pub fn asked_by(&self, method: &str, path: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let begin = format!("{method} {path} ");
        let heads = state.asked.iter().filter(|head| head.starts_with(&begin));
        heads.cloned().collect()
    }
}

impl Answer {
    pub fn json(body: impl ToString) -> Self {
        Self::status(200).with_body(body.to_string())
    }

    pub fn status(status: u16) -> Self {
        Self {
            head: format!("HTTP/1.1 {status} Said\r\nconnection: close\r\n"),
            ..Self::default()
        }
    }

    /// These bytes and nothing else, HTTP or not.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            body: bytes.into(),
            ..Self::default()
        }
    }

    /// Never ends the connection.
    pub fn endless(mut self) -> Self {
        self.is_endless = true;
        self
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn bytes(&self, asked: &str) -> Vec<u8> {
        if self.head.is_empty() {
            return self.body.clone();
        }
        let line = |text: &str, name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(": "));
            let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_owned())
        };
        let etag = line(&self.head, "etag");
        if etag.is_some() && etag == line(asked, "if-none-match") {
            let head = self.head.replacen(" 200 ", " 304 ", 1);
            return format!("{head}\r\n").into_bytes();
        }
        let mut head = self.head.clone();
        if line(&head, "transfer-encoding")
            .or(line(&head, "content-length"))
            .is_none()
        {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let mut head = String::from_utf8_lossy(&head).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    head.push_str(&String::from_utf8_lossy(&body));
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let answer = {
        let mut state = state.lock().unwrap();
        state.asked.push(head.clone());
        state.answers.get(&path).cloned()
    };
    let answer = answer.unwrap_or_else(|| Answer::status(404));
    stream.write_all(&answer.bytes(&head))?;
    if answer.is_endless {
        // Until the other side gives up.
        let _ = stream.read(&mut byte)?;
    }
    Ok(())
}
