//! Builds tests/twin for the browser, for the test that native and WASM give identical events.

use crate::Failure;
use crate::child;
use crate::tools;

/// Where it goes.
pub const FOLDER: &str = "target/twin";

/// Compiles it, unoptimised and so with checked arithmetic, and makes its JavaScript half. The tools are those that built the page.
pub fn make() -> Result<(), Failure> {
    let mut build = child::cargo();
    build.args(["build", "--quiet", "--locked", "--package", "twin", "--bin", "twin"]);
    child::run(build.args(["--target", tools::TARGET]))?;
    let mut bind = child::command("wasm-bindgen");
    bind.args(["--target", "web", "--no-typescript", "--out-dir", FOLDER]);
    child::run(bind.arg(child::target_folder().join(tools::TARGET).join("debug/twin.wasm")))
}
