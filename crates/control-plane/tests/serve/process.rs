//! The vocabulary of these tests: the binary as a process, and requests to it.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take here.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const OPERATOR_TOKEN: &str = "the-operator-of-these-tests-and-nobody-else";
pub const GATEWAY_TOKEN: &str = "the-gateway-of-these-tests-and-nobody-else";

/// A running `portcullis serve`. Killed when it is dropped.
pub struct Process {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub address: String,
    /// What it printed after its address.
    pub announced: Vec<String>,
}

/// What is left of one that did not start.
pub struct Failure {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// `portcullis serve` on a free port, without anything from the environment of the tests.
pub fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .env_clear()
        .env("PORTCULLIS_LISTEN", "127.0.0.1:0")
        .env("PORTCULLIS_LOG", "debug")
        .args(["serve", "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The same with tokens from the environment, so that it announces none.
pub fn command_with_tokens(data: &Path) -> Command {
    let mut command = command(data);
    command
        .env("PORTCULLIS_OPERATOR_TOKEN", OPERATOR_TOKEN)
        .env("PORTCULLIS_GATEWAY_TOKEN", GATEWAY_TOKEN);
    command
}

/// Starts it, and reads its address and so many lines more.
pub fn start(mut command: Command, lines: usize) -> Process {
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let first = line();
    let announced = (0..lines).map(|_| line()).collect();
    let address = first.strip_prefix("listening on http");
    let Some((_, address)) = address.and_then(|rest| rest.split_once("://")) else {
        let said = text(child.stderr.take().unwrap());
        panic!("it printed `{first}`, and said: {said}");
    };
    Process {
        address: address.to_owned(),
        announced,
        stdout,
        child,
    }
}

/// Runs it to its end, which has to be near.
pub fn fail(mut command: Command) -> Failure {
    let mut child = command.spawn().unwrap();
    let status = wait(&mut child);
    Failure {
        code: status.code(),
        stdout: text(child.stdout.take().unwrap()),
        stderr: text(child.stderr.take().unwrap()),
    }
}

/// All that is left to read.
pub fn text(mut from: impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("it still runs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Process {
    /// Sends a request and leaves the answer for later.
    pub fn ask(&self, token: &str, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // At once: who does not like its beginning does not wait for its end.
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: portcullis\r\nauthorization: Bearer {token}\r\n\
             connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Posts JSON, and reads the whole answer.
    pub fn posts_text(&self, token: &str, path: &str, body: &str) -> String {
        let head = format!(
            "POST {path} HTTP/1.1\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        text(self.say(&self.address, &head, body))
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The same with one more line in its head.
    pub fn ask_with(&self, token: &str, path: &str, line: &str) -> TcpStream {
        let head = format!("GET {path} HTTP/1.1\r\nauthorization: Bearer {token}\r\n{line}");
        self.say(&self.address, &head, "")
    }

    /// What it answers to another method, without a token.
    pub fn ask_as(&self, method: &str, path: &str) -> String {
        text(self.say(&self.address, &format!("{method} {path} HTTP/1.1\r\n"), ""))
    }

    /// What it answers to those who watch over it.
    pub fn watched(&self, path: &str) -> String {
        let address = self.announced[0]
            .strip_prefix("metrics on http://")
            .unwrap();
        let address = address.strip_suffix("/metrics").unwrap();
        text(self.say(address, &format!("GET {path} HTTP/1.1\r\n"), ""))
    }

    fn say(&self, address: &str, head: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let rest = "host: portcullis\r\nconnection: close\r\n\r\n";
        write!(stream, "{head}{rest}{body}").unwrap();
        stream
    }

    /// What it says to a request, if anything, in whatever protocol.
    pub fn answer_if_any(&self, token: &str, path: &str) -> String {
        let mut said = Vec::new();
        let _ = self.ask(token, path).read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    }

    /// The whole answer, head and body.
    pub fn answer(&self, token: &str, path: &str) -> String {
        text(self.ask(token, path))
    }

    /// The status of the answer.
    pub fn status(&self, token: &str, path: &str) -> u16 {
        status(&self.answer(token, path))
    }

    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; tells how it ended and what else it printed and logged.
    pub fn ended(mut self) -> (ExitStatus, String, String) {
        let status = wait(&mut self.child);
        let log = text(self.child.stderr.take().unwrap());
        (status, text(&mut self.stdout), log)
    }

    pub fn stopped(self) -> (ExitStatus, String, String) {
        self.signal("TERM");
        self.ended()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn status(answer: &str) -> u16 {
    let status = answer
        .split(' ')
        .nth(1)
        .unwrap_or_else(|| panic!("{answer}"));
    status.parse().unwrap()
}
