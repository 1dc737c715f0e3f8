//! Callers who send requests that differ, as fast as they are answered: load programs repeat one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Sends each request once, over so many kept connections, and counts the answers by status.
///
/// # Errors
/// When a connection fails, or an answer is none.
pub fn send(
    to: SocketAddr,
    connections: usize,
    requests: &[&[u8]],
) -> Result<BTreeMap<u16, usize>> {
    let requests: Rc<[Vec<u8>]> = requests.iter().map(|it| it.to_vec()).collect();
    let next = Rc::new(Cell::new(0));
    let answered = Rc::new(RefCell::new(BTreeMap::new()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let callers = LocalSet::new();
    runtime.block_on(callers.run_until(async {
        let calls: Vec<_> = (0..connections)
            .map(|_| {
                tokio::task::spawn_local(call(
                    to,
                    Rc::clone(&requests),
                    Rc::clone(&next),
                    Rc::clone(&answered),
                ))
            })
            .collect();
        for call in calls {
            call.await??;
        }
        anyhow::Ok(())
    }))?;
    let answered = answered.borrow().clone();
    Ok(answered)
}

/// Sends whatever request is next, until there is none.
async fn call(
    to: SocketAddr,
    requests: Rc<[Vec<u8>]>,
    next: Rc<Cell<usize>>,
    answered: Rc<RefCell<BTreeMap<u16, usize>>>,
) -> Result<()> {
    let mut stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4_096);
    while let Some(request) = requests.get(next.get()) {
        next.set(next.get() + 1);
        stream.write_all(request).await?;
        buffer.clear();
        let (status, end) = loop {
            if let Some(answer) = head(&buffer)? {
                break answer;
            }
            read(&mut stream, &mut buffer).await?;
        };
        while buffer.len() < end {
            read(&mut stream, &mut buffer).await?;
        }
        *answered.borrow_mut().entry(status).or_default() += 1;
    }
    Ok(())
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<()> {
    let count = stream.read_buf(buffer).await?;
    (count > 0).then_some(()).context("the connection ended")
}

/// The status of an answer and where it ends, once its head is there.
fn head(answer: &[u8]) -> Result<Option<(u16, usize)>> {
    let Some(end) = answer.windows(4).position(|it| it == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(answer.get(..end).unwrap_or_default())?;
    let status = head.split(' ').nth(1).context("an answer without status")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.context("an answer without length")?;
    Ok(Some((status.parse()?, end + 4 + length)))
}
