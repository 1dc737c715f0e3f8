//! The parts of the benchmarks that go to large numbers. `cargo xtask bench` builds and calls this program; what is
//! measured is printed as JSON, and judged there.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};
use scale::{Population, database};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match words.as_slice() {
        ["fill", folder, seed, profiles] => {
            let population = Population {
                seed: seed.parse()?,
                profiles: profiles.parse()?,
            };
            runtime.block_on(fill(Path::new(folder), &population))
        }
        _ => bail!("usage: fill FOLDER SEED PROFILES"),
    }
}

/// Prints the newest revision.
async fn fill(folder: &Path, population: &Population) -> Result<()> {
    let begin = Instant::now();
    let head = database::fill(folder, population, |count| {
        if count % 100_000 == 0 {
            eprintln!("    {count} profiles after {:.0?}", begin.elapsed());
        }
    });
    println!("{}", head.await?);
    Ok(())
}
