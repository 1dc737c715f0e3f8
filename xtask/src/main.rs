//! The command line of the developer tasks. What they do lives in the library.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::assemble::assemble;
use xtask::stage::Service;
use xtask::{bench, ci, fuzz, test, tools, up, wasm};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tasks of Portcullis")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start everything on this machine, with a sample client, and print what to try
    Up {
        /// Try what is printed instead, and end
        #[arg(long)]
        check: bool,
    },
    /// Run all tests
    Test {
        /// What goes to `cargo test`, such as `--test e2e_stage`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        further: Vec<String>,
    },
    /// Check everything that can be checked without running the product
    Ci,
    /// Run only the sample service of the demo, which answers with what reached it
    Service {
        /// Where it listens
        #[arg(long, default_value = "127.0.0.1:8081")]
        listen: SocketAddr,
    },
    /// Find or install everything that the other tasks need
    Tools,
    /// Build the filter, and the empty one of the benchmark, into target/wasm/
    Wasm {
        /// A feature of the filter to build with
        #[arg(long)]
        features: Vec<String>,
    },
    /// Try what callers can send, and what the feed can bring, with inputs that libFuzzer makes up
    Fuzz {
        /// Only this one: see `fuzz/src`
        target: Option<String>,
        /// How long each is tried
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Measure beside Envoy's own filters
    #[command(subcommand)]
    Bench(Bench),
}

#[derive(Subcommand)]
enum Bench {
    /// What the engine costs on its own: address lists, routes, decisions
    Engine {
        /// How often each measure takes its turn
        #[arg(long, default_value_t = 51)]
        rounds: usize,
    },
    /// What one request costs: CPU time of one Envoy process
    Request {
        /// How often each measure takes its turn
        #[arg(long, default_value_t = 25)]
        rounds: usize,
        /// How many requests each turn has
        #[arg(long, default_value_t = 10_000)]
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
        Task::Up { check } => up::up(check),
        Task::Test { further } => test::test(&further),
        Task::Ci => ci::ci(),
        Task::Service { listen } => {
            let service = Service::start_on(listen)?;
            println!("listening on http://{}", service.address());
            service.wait();
            Ok(())
        }
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
        Task::Fuzz { target, seconds } => fuzz::fuzz(target.as_deref(), seconds),
        Task::Bench(Bench::Engine { rounds }) => bench::engine(rounds),
        Task::Bench(Bench::Request { rounds, requests }) => {
            let parts = assemble(&[&wasm::FILTER, &wasm::EMPTY])?;
            bench::request(&parts, rounds, requests)
        }
    }
}
