//! The command line of the developer tasks. What they do lives in the library.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::assemble::{assemble, assemble_as_shipped};
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
    /// Write the files that are generated and committed: `docs/openapi.json` and `docs/roles.md`
    Generate,
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
    /// What usage costs the control plane: taking it in from many gateways, and questions about a month
    Usage {
        /// How many gateways send a batch each 10 s
        #[arg(long, default_value_t = 2_000)]
        gateways: usize,
        /// For how long
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// How many profiles are active
        #[arg(long, default_value_t = 10_000)]
        profiles: usize,
        /// How many requests are counted while the control plane is killed and workers fall
        #[arg(long, default_value_t = 10_000_000)]
        requests: u32,
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
    /// What limits and counting cost, and how much passes under more requests than may
    Limits {
        /// How often each measure takes its turn
        #[arg(long, default_value_t = 100)]
        rounds: usize,
        /// How many requests each turn has
        #[arg(long, default_value_t = 2_000)]
        requests: u32,
        /// For how long more requests come than may pass, in seconds
        #[arg(long, default_value_t = 10)]
        stretch_s: u64,
        /// Only one part of it
        #[arg(long)]
        only: Option<bench::LimitsPart>,
    },
    /// What a million profiles cost: first sync, memory, requests, latency meanwhile
    Sync {
        /// How many profiles are many
        #[arg(long, default_value_t = 1_000_000)]
        profiles: usize,
        /// How often the two Envoys whose requests are compared take their turns
        #[arg(long, default_value_t = 15)]
        rounds: usize,
        /// How many quiet and busy stretches take turns
        #[arg(long, default_value_t = 5)]
        stretches: usize,
        /// How long each of them is
        #[arg(long, default_value_t = 15)]
        stretch_s: u32,
        /// Only one part of it
        #[arg(long)]
        only: Option<bench::Part>,
    },
    /// How long a withdrawn key keeps working, in an Envoy and across gateways, and what waiting for news costs
    Revoke {
        /// How many keys are withdrawn before the Envoy
        #[arg(long, default_value_t = 300)]
        changes: usize,
        /// How many gateways there are without an Envoy
        #[arg(long, default_value_t = 1_000)]
        gateways: usize,
        /// How many keys are withdrawn before these
        #[arg(long, default_value_t = 50)]
        changes_across: usize,
        /// For how long an idle Envoy is watched
        #[arg(long, default_value_t = 120)]
        idle_s: u64,
    },
    /// What configuration in files costs: plan, apply, export; and creating clients one by one
    Configuration {
        /// How many profiles the files have
        #[arg(long, default_value_t = 100_000)]
        profiles: usize,
        /// How many clients are made one by one
        #[arg(long, default_value_t = 5_000)]
        clients: usize,
    },
    /// How quickly the console's pages are made over many records, and how large they are
    Console {
        /// How many access profiles there are: three for each two clients
        #[arg(long, default_value_t = 150_000)]
        profiles: usize,
        /// How many of them have called lately
        #[arg(long, default_value_t = 10_000)]
        active: usize,
        /// How often each page is read
        #[arg(long, default_value_t = 21)]
        rounds: usize,
    },
    /// Whether Envoy's memory grows while records change without end
    Endurance {
        /// How many profiles there are
        #[arg(long, default_value_t = 1_000_000)]
        profiles: usize,
        /// How many changes are judged
        #[arg(long, default_value_t = 50_000)]
        changes: usize,
        /// Change at 1,000 a minute for so long, instead of as fast as possible
        #[arg(long)]
        minutes: Option<usize>,
        /// How many profiles come and go at once
        #[arg(long, default_value_t = 100_000)]
        turnover: usize,
        /// How often they do
        #[arg(long, default_value_t = 3)]
        cycles: usize,
        /// For how long Envoy is watched while nothing changes
        #[arg(long, default_value_t = 30)]
        idle_s: u64,
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
        Task::Generate => ci::generated::write(),
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
        Task::Bench(Bench::Usage {
            gateways,
            seconds,
            profiles,
            requests,
        }) => {
            let parts = assemble_as_shipped(&[&wasm::FILTER_WITH_DOORS])?;
            let load = bench::UsageLoad {
                gateways,
                seconds,
                profiles,
                requests,
            };
            bench::usage(&parts, &load)
        }
        Task::Bench(Bench::Request { rounds, requests }) => {
            let parts = assemble(&[&wasm::FILTER, &wasm::EMPTY])?;
            bench::request(&parts, rounds, requests)
        }
        Task::Bench(Bench::Limits {
            rounds,
            requests,
            stretch_s,
            only,
        }) => {
            let parts = assemble(&[&wasm::FILTER])?;
            let how_much = bench::Limits {
                rounds,
                requests,
                stretch_s,
                only,
            };
            bench::limits(&parts, how_much)
        }
        Task::Bench(Bench::Sync {
            profiles,
            rounds,
            stretches,
            stretch_s,
            only,
        }) => {
            let parts = assemble_as_shipped(&[&wasm::FILTER])?;
            let how_much = bench::Sync {
                many: profiles,
                rounds,
                stretch_s,
                stretches,
                only,
            };
            bench::sync(&parts, &how_much)
        }
        Task::Bench(Bench::Revoke {
            changes,
            gateways,
            changes_across,
            idle_s,
        }) => {
            let parts = assemble_as_shipped(&[&wasm::FILTER])?;
            let how_much = bench::Revocations {
                changes,
                gateways,
                changes_across,
                idle_s,
            };
            bench::revoke(&parts, &how_much)
        }
        Task::Bench(Bench::Configuration { profiles, clients }) => {
            let parts = assemble_as_shipped(&[])?;
            bench::configuration(&parts, &bench::Configuration { profiles, clients })
        }
        Task::Bench(Bench::Console {
            profiles,
            active,
            rounds,
        }) => {
            let parts = assemble_as_shipped(&[])?;
            let how_much = bench::Console {
                profiles,
                active,
                rounds,
            };
            bench::console(&parts, &how_much)
        }
        Task::Bench(Bench::Endurance {
            profiles,
            changes,
            minutes,
            turnover,
            cycles,
            idle_s,
        }) => {
            let parts = assemble_as_shipped(&[&wasm::FILTER])?;
            let how_much = bench::Endurance {
                profiles,
                changes: minutes.map_or(changes, |minutes| minutes.saturating_mul(1_000)),
                per_minute: minutes.map(|_| 1_000),
                turnover,
                cycles,
                idle_s,
            };
            bench::endurance(&parts, &how_much)
        }
    }
}
