//! The module as JavaScript text, for bundlers that copy no other files.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

use crate::cmd::Cmd;

/// The file that holds the text, beside the module.
const FILE: &str = "henge_wasm_base64.js";

/// Writes `module` as base64, with its types, into `dist`.
pub(crate) fn write(module: &Path, dist: &Path) -> Result<()> {
    let base64 = Cmd::new("node").args(["-e", ENCODE]).arg(module).answer();
    let base64 = base64.with_context(|| format!("node could not encode {}", module.display()))?;
    let script = dist.join(FILE);
    fs::write(&script, format!("export default '{}';\n", base64.trim()))
        .with_context(|| format!("cannot write {}", script.display()))?;
    fs::write(script.with_extension("d.ts"), TYPES)?;
    Ok(())
}

/// Node.js has base64 built in.
const ENCODE: &str = "
const { readFileSync } = require('node:fs');
console.log(readFileSync(process.argv[1]).toString('base64'));
";

const TYPES: &str = "/** `henge_wasm_bg.wasm` as base64. */
declare const base64: string;
export default base64;
";
