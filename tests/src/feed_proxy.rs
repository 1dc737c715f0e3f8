//! The way between a gateway and its control plane, for tests that let it fail: it notes every question, and treats
//! them as it is told to while it runs.

mod wire;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use portcullis_feed::{CHANGES_PATH, FeedSigningKey, SIGNATURE_HEADER};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use xtask::stage::{Answer, Headers, address_to_return_to, within};

use crate::Conduct;
use wire::{ask, more, read_question, written};

/// How long a gateway may take to ask, on a machine that may be busy: it pauses for seconds after failures.
const PATIENCE: Duration = Duration::from_secs(30);

/// The way between a gateway and its control plane. It ends when this is dropped.
#[derive(Debug)]
pub struct FeedProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A question of a gateway.
#[derive(Debug, Clone)]
pub struct Asked {
    /// When it came.
    pub at: Instant,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// What the control plane said to it, once it has.
    pub answer: Option<Answer>,
}

#[derive(Debug)]
struct Shared {
    control_plane: Mutex<SocketAddr>,
    conduct: watch::Sender<Conduct>,
    /// With what answers are signed on the way. Empty: they pass as the control plane signed them.
    keys: Mutex<Vec<FeedSigningKey>>,
    asked: Mutex<Vec<Asked>>,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl FeedProxy {
    /// A way to a control plane, on which everything passes.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(control_plane: SocketAddr) -> Result<Self> {
        let address = address_to_return_to()?;
        let shared = Arc::new(Shared {
            control_plane: Mutex::new(control_plane),
            conduct: watch::channel(Conduct::Pass).0,
            keys: Mutex::default(),
            asked: Mutex::default(),
            open: AtomicUsize::default(),
            most_open: AtomicUsize::default(),
        });
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = stopped => {}
                        _ = listen(listener, address, &shared) => {}
                    }
                });
            }
        });
        Ok(Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where gateways ask.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has questions and answers treated so from now on, those included that are open.
    pub fn conduct(&self, conduct: Conduct) {
        self.shared.conduct.send_replace(conduct);
    }

    /// Signs answers with these keys from now on, in place of the control plane.
    pub fn sign_with(&self, keys: &[FeedSigningKey]) {
        *held(&self.shared.keys) = keys.to_vec();
    }

    /// Leads to another control plane from now on.
    pub fn lead_to(&self, control_plane: SocketAddr) {
        *held(&self.shared.control_plane) = control_plane;
    }

    /// All questions so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        held(&self.shared.asked).clone()
    }

    /// All questions for changes so far.
    #[must_use]
    pub fn asked_for_changes(&self) -> Vec<Asked> {
        let mut asked = self.asked();
        asked.retain(Asked::is_for_changes);
        asked
    }

    /// How many questions for changes were open at once at most, since this was asked last.
    pub fn most_open(&self) -> usize {
        let open = self.shared.open.load(Ordering::Relaxed);
        self.shared.most_open.swap(open, Ordering::Relaxed)
    }

    /// Waits until so many further questions for changes have come.
    ///
    /// # Errors
    /// When they do not.
    pub fn until_asked(&self, count: usize) -> Result<()> {
        let goal = self.asked_for_changes().len().saturating_add(count);
        within(PATIENCE, "the gateway asks again", || {
            (self.asked_for_changes().len() >= goal).then_some(())
        })?;
        Ok(())
    }
}

impl Drop for FeedProxy {
    fn drop(&mut self) {
        // Without a receiver it has ended already.
        self.stop.take().map(|stop| stop.send(()).ok());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Asked {
    /// Whether it asks what has changed.
    #[must_use]
    pub fn is_for_changes(&self) -> bool {
        self.path.starts_with(CHANGES_PATH)
    }

    /// A member of its query.
    #[must_use]
    pub fn query(&self, member: &str) -> Option<&str> {
        let (_, query) = self.path.split_once('?')?;
        let mut members = query.split('&').filter_map(|pair| pair.split_once('='));
        members.find_map(|(name, value)| (name == member).then_some(value))
    }

    /// An answer to it with the signatures of these keys and no others: of none, without.
    #[must_use]
    pub fn signed(&self, mut answer: Answer, keys: &[FeedSigningKey]) -> Answer {
        answer.headers.retain(|(name, _)| name != SIGNATURE_HEADER);
        if let Some(nonce) = self.query("nonce").filter(|_| !keys.is_empty()) {
            let signatures = FeedSigningKey::sign(keys, answer.status, nonce, &answer.body);
            let header = (SIGNATURE_HEADER.to_owned(), signatures.into_bytes());
            answer.headers.push(header);
        }
        answer
    }

    /// A header that is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }
}

/// What goes back to the gateway.
enum Reply {
    Whole(Answer),
    Half(Answer),
    Nothing,
}

async fn listen(
    listener: std::net::TcpListener,
    address: SocketAddr,
    shared: &Arc<Shared>,
) -> Result<()> {
    let mut listener = Some(TcpListener::from_std(listener)?);
    let mut conduct = shared.conduct.subscribe();
    loop {
        let present = match listener.take() {
            Some(listener) => listener,
            None => TcpListener::bind(address).await?,
        };
        loop {
            let stream = tokio::select! {
                accepted = present.accept() => accepted?.0,
                _ = conduct.wait_for(is_away) => break,
            };
            let shared = Arc::clone(shared);
            tokio::spawn(async move {
                let mut conduct = shared.conduct.subscribe();
                tokio::select! {
                    // Who hangs up asks again.
                    _ = converse(stream, &shared) => {}
                    _ = conduct.wait_for(is_away) => {}
                }
            });
        }
        drop(present);
        conduct.wait_for(|conduct| !is_away(conduct)).await?;
    }
}

fn is_away(conduct: &Conduct) -> bool {
    matches!(conduct, Conduct::Away)
}

async fn converse(mut stream: TcpStream, shared: &Shared) -> Result<()> {
    let mut unread = Vec::new();
    loop {
        let asked = read_question(&mut stream, &mut unread).await?;
        let open = Open::new(shared, &asked);
        let place = {
            let mut all = held(&shared.asked);
            all.push(asked.clone());
            all.len() - 1
        };
        let reply = tokio::select! {
            reply = reply(&asked, place, shared) => reply,
            gone = more(&mut stream, &mut unread) => return gone,
        };
        drop(open);
        match reply {
            Reply::Whole(answer) => stream.write_all(&written(&answer)).await?,
            Reply::Half(answer) => {
                let bytes = written(&answer);
                let half = bytes.len().saturating_sub(answer.body.len() / 2 + 1);
                stream
                    .write_all(bytes.get(..half).unwrap_or(&bytes))
                    .await?;
                return Ok(());
            }
            Reply::Nothing => return Ok(()),
        }
    }
}

async fn reply(asked: &Asked, place: usize, shared: &Shared) -> Reply {
    let conduct = || shared.conduct.borrow().clone();
    match conduct() {
        Conduct::Instead(answer) => return Reply::Whole(answer),
        Conduct::Hold => return std::future::pending().await,
        Conduct::HangUp | Conduct::Away => return Reply::Nothing,
        Conduct::Pass | Conduct::Late(_) | Conduct::Altered(_) | Conduct::CutOff => {}
    }
    let control_plane = *held(&shared.control_plane);
    let Ok(mut answer) = ask(control_plane, asked).await else {
        return Reply::Nothing;
    };
    let keys = held(&shared.keys).clone();
    if !keys.is_empty() {
        answer = asked.signed(answer, &keys);
    }
    if let Some(noted) = held(&shared.asked).get_mut(place) {
        noted.answer = Some(answer.clone());
    }
    match conduct() {
        Conduct::Pass => Reply::Whole(answer),
        Conduct::Late(delay) => {
            tokio::time::sleep(delay).await;
            Reply::Whole(answer)
        }
        Conduct::Instead(answer) => Reply::Whole(answer),
        Conduct::Altered(change) => Reply::Whole(change(asked, answer)),
        Conduct::CutOff => Reply::Half(answer),
        Conduct::Hold => std::future::pending().await,
        Conduct::HangUp | Conduct::Away => Reply::Nothing,
    }
}

/// A question that is open, as long as this is.
struct Open<'s>(Option<&'s Shared>);

impl<'s> Open<'s> {
    fn new(shared: &'s Shared, asked: &Asked) -> Self {
        if !asked.is_for_changes() {
            return Self(None);
        }
        let open = shared.open.fetch_add(1, Ordering::Relaxed) + 1;
        shared.most_open.fetch_max(open, Ordering::Relaxed);
        Self(Some(shared))
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.0 {
            shared.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
