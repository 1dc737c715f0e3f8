//! The parts of the benchmarks that are nothing without an optimising compiler. `cargo xtask bench` builds and calls it;
//! what is measured is printed as JSON, and judged there.

mod callers;
mod decisions;
mod issuer;
mod lists;
mod rounds;

use std::io::{Read as _, Write as _};

use anyhow::{Context as _, Result, bail};
use portcullis_feed::Algorithm;

use issuer::Issuer;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["engine", rounds] => engine(rounds.parse()?),
        ["tokens", algorithm, client, count] => tokens(algorithm, client, count.parse()?),
        ["send", address, connections] => send(address, connections.parse()?),
        _ => {
            bail!("usage: engine ROUNDS | tokens ALGORITHM CLIENT COUNT | send ADDRESS CONNECTIONS")
        }
    }
}

/// Prints, for each measure, the nanoseconds of each round.
fn engine(rounds: usize) -> Result<()> {
    let mut measures = lists::measures()?;
    measures.extend(decisions::measures()?);
    let measured = rounds::run(measures, rounds);
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

/// Prints the key that verifies, and then tokens for a client, no two alike, each on a line.
fn tokens(algorithm: &str, client: &str, count: usize) -> Result<()> {
    let known = Algorithm::ALL.into_iter().find(|it| it.name() == algorithm);
    let issuer = Issuer::new(known.with_context(|| format!("`{algorithm}` is no algorithm"))?)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    writeln!(out, "{}", serde_json::to_string(&issuer.key()?)?)?;
    for number in 0..count {
        writeln!(out, "{}", issuer.token(client, number)?)?;
    }
    Ok(out.flush()?)
}

/// Sends each request of the standard input once, with NUL between, and prints how many got which status.
fn send(address: &str, connections: usize) -> Result<()> {
    let mut text = vec![];
    std::io::stdin().read_to_end(&mut text)?;
    let requests: Vec<&[u8]> = text.split(|byte| *byte == 0).collect();
    let answered = callers::send(address.parse()?, connections, &requests)?;
    println!("{}", serde_json::to_string(&answered)?);
    Ok(())
}
