//! Building everything that plays on the stage.

use anyhow::Result;

use crate::stage::Parts;
use crate::test::Program;
use crate::wasm::{self, Module};
use crate::{process, tools, workspace};

const CONTROL_PLANE_PACKAGE: &str = "portcullis-control-plane";
const CONTROL_PLANE_BINARY: &str = "portcullis";

/// Finds Envoy, builds the control plane and the modules, and says where they are.
///
/// # Errors
/// When something cannot be found, installed or built.
pub fn assemble(modules: &[&Module]) -> Result<Parts> {
    let parts = around(modules, "debug")?;
    build(&[])?;
    Ok(parts)
}

/// The same with all tests of the workspace, which need a control plane too: built together, both share all that they
/// depend on.
///
/// # Errors
/// When something cannot be found, installed or built.
pub fn assemble_with_tests(modules: &[&Module]) -> Result<(Parts, Vec<Program>)> {
    let parts = around(modules, "debug")?;
    Ok((parts, Program::all()?))
}

/// The same with a control plane as it ships: compiled with optimisation.
///
/// # Errors
/// When something cannot be found, installed or built.
pub fn assemble_as_shipped(modules: &[&Module]) -> Result<Parts> {
    let parts = around(modules, "release")?;
    build(&["--release"])?;
    Ok(parts)
}

/// Everything but the control plane.
fn around(modules: &[&Module], profile: &str) -> Result<Parts> {
    let toolchain = tools::wasm_toolchain()?;
    let envoy = tools::envoy()?;
    for module in modules {
        wasm::build(module, &toolchain, &[])?;
    }
    let target = workspace::target_directory()?;
    Ok(Parts {
        envoy,
        control_plane: target.join(profile).join(CONTROL_PLANE_BINARY),
        modules: target.join("wasm"),
    })
}

fn build(further: &[&str]) -> Result<()> {
    let package = ["--package", CONTROL_PLANE_PACKAGE];
    let binary = ["--bin", CONTROL_PLANE_BINARY];
    let mut build = workspace::cargo();
    build.arg("build").args(package).args(binary).args(further);
    process::announce("building the control plane", &mut build)
}
