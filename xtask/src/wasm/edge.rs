//! The engine of edge nodes, for `henge/durable-object`.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

use super::{PROFILE, compiled, generate, optimise};
use crate::setup::WasmRust;
use crate::steps::Steps;

/// The folder of edge nodes in the SDK's `dist`: no page downloads anything of it.
pub(crate) const FOLDER: &str = "edge";

/// Builds the SDK's crate once more, with what edge nodes need, into a folder of its own.
pub(super) fn build(steps: &mut Steps, dist: &Path) -> Result<()> {
    let folder = dist.join(FOLDER);
    let module = folder.join("henge_edge_bg.wasm");
    steps.run("SDK: edge node to wasm", |ticker| {
        let page = compiled();
        let kept = page.with_extension("page.wasm");
        fs::rename(&page, &kept).with_context(|| format!("no {}", page.display()))?;
        let features = [
            "-p",
            "henge-wasm",
            "--features",
            "edge",
            "--profile",
            PROFILE,
        ];
        WasmRust::find(ticker)?.cargo_build(&features).run(ticker)?;
        let built = page.with_file_name("henge_edge.wasm");
        fs::rename(&page, &built)?;
        fs::rename(&kept, &page)?;
        generate(&built, &folder)?;
        Ok(String::new())
    })?;
    steps.run("SDK: wasm-opt of the edge node", |ticker| {
        optimise(&module, ticker)
    })?;
    Ok(())
}
