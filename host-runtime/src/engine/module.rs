//! The compiled guest that all shards share.

use super::error::EngineError;
use std::time::Duration;
use wasmtime::{Config, Module};

/// The module that is shipped inside of this binary.
pub const GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/henge_guest.wasm"));

/// The export whose name is the ABI version.
const ABI: &str = "henge_abi_1";
/// How often a running guest is looked at.
const EPOCH: Duration = Duration::from_millis(100);

/// wasmtime and the compiled module.
#[derive(Clone)]
pub struct Engine {
    engine: wasmtime::Engine,
    module: Module,
}

impl Engine {
    /// Compiles `bytes` and checks what it exports and imports, before anything of it runs.
    ///
    /// # Errors
    /// If it is no module, or not one of this ABI version.
    pub fn new(bytes: &[u8]) -> Result<Self, EngineError> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        let refuse = |error: wasmtime::Error| EngineError::Module(format!("{error:#}"));
        let engine = wasmtime::Engine::new(&config).map_err(refuse)?;
        let module = Module::from_binary(&engine, bytes).map_err(refuse)?;
        check(&module)?;
        tick(&engine);
        Ok(Self { engine, module })
    }

    pub(super) const fn wasmtime(&self) -> &wasmtime::Engine {
        &self.engine
    }

    pub(super) const fn module(&self) -> &Module {
        &self.module
    }

    /// How many epochs there are in `time`, rounded up.
    pub(super) fn epochs(time: Duration) -> u64 {
        u64::try_from(time.as_millis().div_ceil(EPOCH.as_millis())).unwrap_or(u64::MAX)
    }
}

fn check(module: &Module) -> Result<(), EngineError> {
    let mut found: Vec<String> = Vec::new();
    for export in module.exports() {
        if export.name() == ABI {
            return match module.imports().next() {
                Some(import) => Err(EngineError::Imports(format!(
                    "{}.{}",
                    import.module(),
                    import.name()
                ))),
                None => Ok(()),
            };
        }
        if export.name().starts_with("henge_abi_") {
            found.push(export.name().to_owned());
        }
    }
    Err(EngineError::Abi { wanted: ABI, found })
}

/// Counts epochs until the last user of `engine` is gone.
fn tick(engine: &wasmtime::Engine) {
    let engine = engine.weak();
    let ticker = std::thread::Builder::new()
        .name("henge-epoch".into())
        .spawn(move || {
            loop {
                std::thread::sleep(EPOCH);
                let Some(engine) = engine.upgrade() else {
                    return;
                };
                engine.increment_epoch();
            }
        });
    // Without the ticker a guest that loops would not be stopped; everything else works.
    if let Err(error) = ticker {
        tracing::warn!("no thread watches for guests that do not return: {error}");
    }
}
