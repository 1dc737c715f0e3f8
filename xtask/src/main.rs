//! The command line of the developer tasks. What they do lives in the library.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::assemble::assemble;
use xtask::{bench, tools, wasm};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tasks of Portcullis")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Find or install everything that the other tasks need
    Tools,
    /// Build the filter, and the empty one of the benchmark, into target/wasm/
    Wasm {
        /// A feature of the filter to build with
        #[arg(long)]
        features: Vec<String>,
    },
    /// Measure beside Envoy's own filters
    #[command(subcommand)]
    Bench(Bench),
}

#[derive(Subcommand)]
enum Bench {
    /// What one request costs: CPU time of one Envoy process
    Request {
        /// How often each measure takes its turn
        #[arg(long, default_value_t = 9)]
        rounds: usize,
        /// How many requests each turn has
        #[arg(long, default_value_t = 50_000)]
        requests: u32,
    },
}

fn main() -> ExitCode {
    match perform(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Result<()> {
    match task {
        Task::Tools => {
            println!("Wasm toolchain: {}", tools::wasm_toolchain()?);
            println!("Envoy: {}", tools::envoy()?.display());
            println!("h2load: {}", tools::h2load()?.display());
            Ok(())
        }
        Task::Wasm { features } => {
            let toolchain = tools::wasm_toolchain()?;
            wasm::build(&wasm::EMPTY, &toolchain, &[])?;
            wasm::build(&wasm::FILTER, &toolchain, &features)?;
            Ok(())
        }
        Task::Bench(Bench::Request { rounds, requests }) => {
            let parts = assemble(&[&wasm::FILTER, &wasm::EMPTY])?;
            bench::request(&parts, rounds, requests)
        }
    }
}
