//! Building everything that plays on the stage.

use anyhow::Result;

use crate::stage::Parts;
use crate::wasm::{self, Module};
use crate::{process, tools, workspace};

const CONTROL_PLANE_PACKAGE: &str = "portcullis-control-plane";
const CONTROL_PLANE_BINARY: &str = "portcullis";

/// Finds Envoy, builds the control plane and the modules, and says where they are.
///
/// # Errors
/// When something cannot be found, installed or built.
pub fn assemble(modules: &[&Module]) -> Result<Parts> {
    build(modules, "debug", &[])
}

/// The same with a control plane as it ships: compiled with optimisation.
///
/// # Errors
/// When something cannot be found, installed or built.
pub fn assemble_as_shipped(modules: &[&Module]) -> Result<Parts> {
    build(modules, "release", &["--release"])
}

fn build(modules: &[&Module], profile: &str, further: &[&str]) -> Result<Parts> {
    let toolchain = tools::wasm_toolchain()?;
    let envoy = tools::envoy()?;
    for module in modules {
        wasm::build(module, &toolchain, &[])?;
    }
    let target = workspace::target_directory()?;
    process::announce(
        "building the control plane",
        workspace::cargo()
            .args([
                "build",
                "--package",
                CONTROL_PLANE_PACKAGE,
                "--bin",
                CONTROL_PLANE_BINARY,
            ])
            .args(further),
    )?;
    Ok(Parts {
        envoy,
        control_plane: target.join(profile).join(CONTROL_PLANE_BINARY),
        modules: target.join("wasm"),
    })
}
