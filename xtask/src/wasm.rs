//! Building the modules that Envoy loads, and cutting off what it would otherwise call in vain.

mod trim;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::tools::WasmToolchain;
use crate::{process, workspace};

/// What the filter may weigh, so that a worker compiles it in a fraction of a second.
const LARGEST_FILTER_BYTES: usize = 1_000_000;

/// A module that Envoy loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module {
    /// Its file's name, without `.wasm`.
    pub name: &'static str,
    package: &'static str,
    library: &'static str,
    features: &'static [&'static str],
    callbacks: &'static [&'static str],
}

/// What every module has to export, besides its callbacks.
const FOUNDATION: &[&str] = &[
    "memory",
    "_initialize",
    "proxy_abi_version_0_2_1",
    "proxy_on_memory_allocate",
];

/// The callbacks that the filter answers. Envoy calls each one that is exported, for each request, answered or not.
/// The filter answers those of a request itself (`src/callbacks.rs`), so that nobody has to hear of a request's end.
const FILTER_CALLBACKS: &[&str] = &[
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_queue_ready",
    "proxy_on_http_call_response",
    "proxy_on_request_headers",
    "proxy_on_response_headers",
];

/// The filter as it ships.
pub const FILTER: Module = Module {
    name: "portcullis",
    package: "portcullis-filter",
    library: "portcullis",
    features: &[],
    callbacks: FILTER_CALLBACKS,
};

/// The filter with doors for the tests: a request can spring a trap, or have a signature verified.
pub const FILTER_WITH_DOORS: Module = Module {
    name: "portcullis-test-doors",
    features: &["test-doors"],
    ..FILTER
};

/// The filter that does nothing, for the benchmark.
pub const EMPTY: Module = Module {
    name: "empty",
    package: "empty-filter",
    library: "empty",
    features: &[],
    callbacks: &[
        "proxy_on_context_create",
        "proxy_on_request_headers",
        "proxy_on_delete",
    ],
};

/// Builds a module into `wasm/` below the build directory, with additional features, and says where it is.
///
/// # Errors
/// When it does not build, lacks an export that it should have, or is too large.
pub fn build(module: &Module, toolchain: &WasmToolchain, features: &[String]) -> Result<PathBuf> {
    let target = workspace::target_directory()?;
    let (mut command, modules) = toolchain.build(&target, "wasm");
    command.args(["--package", module.package]);
    for feature in module
        .features
        .iter()
        .copied()
        .chain(features.iter().map(String::as_str))
    {
        command.args(["--features", feature]);
    }
    process::announce(&format!("building {}.wasm", module.name), &mut command)?;

    let linked = modules.join(module.library).with_extension("wasm");
    let bytes =
        std::fs::read(&linked).with_context(|| format!("cannot read `{}`", linked.display()))?;
    let kept: Vec<&str> = FOUNDATION.iter().chain(module.callbacks).copied().collect();
    let trimmed = trim::trim(&bytes, &kept)?;
    if module == &FILTER && trimmed.len() > LARGEST_FILTER_BYTES {
        bail!(
            "{}.wasm has {} bytes, more than the {LARGEST_FILTER_BYTES} it may have",
            module.name,
            trimmed.len()
        );
    }

    let shipped = target.join("wasm").join(module.name).with_extension("wasm");
    std::fs::create_dir_all(target.join("wasm"))?;
    replace(&shipped, &trimmed)?;
    println!(
        "{}: {} bytes, {} before trimming",
        shipped.display(),
        trimmed.len(),
        bytes.len()
    );
    println!("  exports: {}", trim::exports(&trimmed)?.join(" "));
    Ok(shipped)
}

/// Writes beside the file and renames, so that an Envoy that starts meanwhile never reads half a module.
fn replace(path: &std::path::Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes)
        .with_context(|| format!("cannot write `{}`", partial.display()))?;
    std::fs::rename(&partial, path).with_context(|| format!("cannot write `{}`", path.display()))
}
