//! The SDK's build: Rust to wasm, wasm-bindgen, wasm-opt, base64, TypeScript, and the guest for
//! `henge/testing`, into `wasm-sdk/dist`.

pub(crate) mod edge;
mod glue;
pub(crate) mod guest;
mod inline;
mod parts;
mod size;

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use wasm_bindgen_cli_support::Bindgen;

use crate::cmd::Cmd;
use crate::paths;
use crate::setup::{self, WasmRust};
use crate::stamp::Stamp;
use crate::steps::{Steps, Ticker};

/// Builds what has changed.
pub(crate) fn build(steps: &mut Steps) -> Result<()> {
    setup::sdk_packages(steps)?;
    let stamp = stamp()?;
    if stamp.is_fresh()? {
        steps.run("SDK", |_| Ok("unchanged".to_owned()))?;
        return Ok(());
    }
    make(steps)?;
    steps.run("SDK: size of the download", |_| {
        size::measure()?.within_budget()
    })?;
    stamp.record()
}

/// Builds everything.
fn make(steps: &mut Steps) -> Result<()> {
    let dist = paths::sdk().join("dist");
    let module = dist.join("henge_wasm_bg.wasm");
    steps.run("SDK: Rust to wasm", compile)?;
    steps.run("SDK: wasm-bindgen", |_| bindgen(&dist))?;
    steps.run("SDK: wasm-opt", |ticker| optimise(&module, ticker))?;
    edge::build(steps, &dist)?;
    steps.run("SDK: wasm as base64", |_| inline::write(&module, &dist))?;
    steps.run("SDK: TypeScript", |ticker| {
        Cmd::new("npm")
            .args(["run", "build"])
            .dir(paths::sdk())
            .run(ticker)
            .map(drop)
    })?;
    steps.run("SDK: guest for henge/testing", |ticker| {
        guest::build(&guest::shipped(), ticker)
    })?;
    Ok(())
}

/// Prints what is shipped, and what the module is made of, also if that is too much.
pub(crate) fn sizes(steps: &mut Steps) -> Result<()> {
    setup::sdk_packages(steps)?;
    if !stamp()?.is_fresh()? {
        make(steps)?;
    }
    println!("\n{}", size::measure()?);
    if !compiled().is_file() {
        steps.run("SDK: Rust to wasm", compile)?;
    }
    parts::print(&compiled())
}

/// Everything that the build reads and writes.
fn stamp() -> Result<Stamp> {
    let root = paths::root();
    let sources = [
        "core",
        "host-runtime/guest",
        "wasm-sdk",
        "xtask/src/wasm",
        "Cargo.toml",
        "Cargo.lock",
    ];
    let rustc = Cmd::new("rustc")
        .args(["--version"])
        .answer()
        .unwrap_or_default();
    Stamp::new(
        "sdk",
        &sources.map(|path| root.join(path)),
        &rustc,
        &[root.join("wasm-sdk/dist")],
    )
}

fn compile(ticker: &Ticker) -> Result<String> {
    let rust = WasmRust::find(ticker)?;
    rust.cargo_build(&["-p", "henge-wasm", "--profile", PROFILE])
        .run(ticker)?;
    Ok(format!("with {rust}"))
}

/// Writes the JavaScript glue, its types and the module into `dist`, which is emptied first.
fn bindgen(dist: &Path) -> Result<()> {
    let input = compiled();
    if !input.is_file() {
        bail!(
            "{} was not built; wasm-sdk must be a cdylib of the name henge-wasm",
            input.display()
        );
    }
    if dist.exists() {
        fs::remove_dir_all(dist).with_context(|| format!("cannot empty {}", dist.display()))?;
    }
    generate(&input, dist)
}

/// Writes the JavaScript glue of `input`, its types and the module into `dist`.
fn generate(input: &Path, dist: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).web(true)?.typescript(true);
    // The entries say where the module is: another path here would have bundlers copy it for
    // `henge/inline` and `henge/slim`, too.
    bindgen.omit_default_module_path(true);
    // The names of functions stay until wasm-opt has used them.
    bindgen.remove_producers_section(true);
    bindgen.generate(dist)?;
    let name = input.with_extension("js");
    let name = name.file_name().context("a module has a name")?;
    glue::shorten(&dist.join(name))
}

fn compiled() -> PathBuf {
    paths::target()
        .join("wasm32-unknown-unknown")
        .join(PROFILE)
        .join("henge_wasm.wasm")
}

/// Makes `module` small, in place.
fn optimise(module: &Path, ticker: &Ticker) -> Result<String> {
    let wasm_opt = setup::npm_binaries(&paths::sdk()).join("wasm-opt");
    if !wasm_opt.is_file() {
        bail!(
            "wasm-opt is missing; the npm package `binaryen` must be a devDependency of wasm-sdk/package.json"
        );
    }
    let before = fs::metadata(module)?.len();
    Cmd::new(wasm_opt)
        .args(PASSES)
        .args(FEATURES)
        .arg(module)
        .args(["-o"])
        .arg(module)
        .run(ticker)?;
    Ok(format!("{before} -> {} bytes", fs::metadata(module)?.len()))
}

/// Small instead of fast; see the workspace's Cargo.toml.
const PROFILE: &str = "wasm-size";

/// What makes the module small once it is compressed: brotli finds again what stands near in the same form, so
/// only tiny functions go into their callers, and functions stand in the order of their names, without which the
/// module is written. The linker puts the stack first, so nothing that is allocated lies in the lowest kilobyte.
const PASSES: [&str; 11] = [
    "--low-memory-unused",
    "--always-inline-max-function-size=0",
    "--one-caller-inline-max-function-size=40",
    "--partial-inlining-ifs=0",
    "-Oz",
    "--flatten",
    "--rereloop",
    "-Oz",
    "-Oz",
    "--reorder-functions-by-name",
    "--strip-debug",
];

/// What rustc's wasm32-unknown-unknown may use, which every supported runtime has; wasm-opt must
/// neither refuse these nor bring in others.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];
