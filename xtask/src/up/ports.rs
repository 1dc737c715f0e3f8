//! The ports of the demo: the usual ones, unless something else listens there.

use std::net::{SocketAddr, TcpListener};

use anyhow::Result;

/// The usual port of this machine, or a free one, which is said.
pub fn usual_or_free(what: &str, usual: u16) -> Result<SocketAddr> {
    let address = SocketAddr::from(([127, 0, 0, 1], usual));
    if TcpListener::bind(address).is_ok() {
        return Ok(address);
    }
    let free = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    println!("port {usual} is in use: {what} takes {}", free.port());
    Ok(free)
}
