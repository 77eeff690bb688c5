//! One instance of the guest.

use super::error::{EngineError, Trap};
use super::module::Engine;
use henge_core::config::Config;
use henge_core::node::{Output, batch};
use henge_core::time::Instant;
use std::time::Duration;
use wasmtime::{Instance, Memory, Store, StoreLimits, StoreLimitsBuilder, TypedFunc};

/// A call that takes longer than this is a loop that does not end.
const CALL_TIME_MAX: Duration = Duration::from_secs(10);

/// A node inside of wasmtime.
pub struct Guest {
    store: Store<StoreLimits>,
    memory: Memory,
    buffer: TypedFunc<i32, i32>,
    step: TypedFunc<(i32, i64), i64>,
    last_words: Option<u32>,
}

impl Guest {
    /// Instantiates the module and makes its node.
    ///
    /// # Errors
    /// If the instance cannot be made, or its node refuses `config`.
    pub fn new(
        engine: &Engine,
        config: &Config,
        seed: u64,
        now: Instant,
        memory_bytes_max: usize,
    ) -> Result<Self, EngineError> {
        let limits = StoreLimitsBuilder::new()
            .memory_size(memory_bytes_max)
            .build();
        let mut store = Store::new(engine.wasmtime(), limits);
        store.limiter(|limits| limits);
        store.set_epoch_deadline(Engine::epochs(CALL_TIME_MAX));
        let refuse = |error: wasmtime::Error| EngineError::Module(format!("{error:#}"));
        let instance = Instance::new(&mut store, engine.module(), &[]).map_err(refuse)?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or_else(|| EngineError::Module("it exports no memory".into()))?;
        let buffer = instance
            .get_typed_func(&mut store, "henge_buffer")
            .map_err(refuse)?;
        let init = instance
            .get_typed_func(&mut store, "henge_init")
            .map_err(refuse)?;
        let step = instance
            .get_typed_func(&mut store, "henge_step")
            .map_err(refuse)?;
        let last_words = last_words_address(&instance, &mut store);
        let mut guest = Self {
            store,
            memory,
            buffer,
            step,
            last_words,
        };
        guest.init(&init, config, seed, now)?;
        Ok(guest)
    }

    fn init(
        &mut self,
        init: &TypedFunc<(i32, i64, i64), i64>,
        config: &Config,
        seed: u64,
        now: Instant,
    ) -> Result<(), EngineError> {
        let config = postcard::to_allocvec(config)
            .map_err(|error| EngineError::Config(format!("the configuration: {error}")))?;
        let length = self.write(&config)?;
        let arguments = (length, seed.cast_signed(), now.as_micros().cast_signed());
        let packed = init
            .call(&mut self.store, arguments)
            .map_err(|error| self.trap(&error))?;
        match self.bytes(packed)? {
            [] => Ok(()),
            why => Err(EngineError::Config(
                String::from_utf8_lossy(why).into_owned(),
            )),
        }
    }

    /// Hands over a batch of inputs, puts what the node wants done behind `outputs`, and returns
    /// when it wants to be called at the latest.
    ///
    /// # Errors
    /// A trap. The instance is of no use after it.
    pub fn step(
        &mut self,
        now: Instant,
        batch: &[u8],
        outputs: &mut Vec<Output>,
    ) -> Result<Option<Instant>, Trap> {
        // Before the first call into the guest: the time that passed since the last step is not its.
        self.store.set_epoch_deadline(Engine::epochs(CALL_TIME_MAX));
        let length = self.write(batch)?;
        let arguments = (length, now.as_micros().cast_signed());
        let packed = self
            .step
            .call(&mut self.store, arguments)
            .map_err(|error| self.trap(&error))?;
        let broken = |error: batch::BatchError| Trap {
            reason: error.to_string(),
            panic: None,
        };
        let (timeout, mut rest) = batch::split_outputs(self.bytes(packed)?).map_err(broken)?;
        while let Some(output) = batch::take_output(&mut rest).map_err(broken)? {
            outputs.push(output);
        }
        Ok(timeout)
    }

    /// Bytes of memory that the instance has taken; it never gives any back.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    fn write(&mut self, batch: &[u8]) -> Result<i32, Trap> {
        let out_of_bounds = || Trap {
            reason: "the guest has no room for a batch".into(),
            panic: None,
        };
        let length = i32::try_from(batch.len()).map_err(|_| out_of_bounds())?;
        let buffer = self
            .buffer
            .call(&mut self.store, length)
            .map_err(|error| self.trap(&error))?;
        let at = buffer.cast_unsigned() as usize;
        self.memory
            .write(&mut self.store, at, batch)
            .map_err(|_| out_of_bounds())?;
        Ok(length)
    }

    fn bytes(&self, packed: i64) -> Result<&[u8], Trap> {
        let packed = packed.cast_unsigned();
        let (address, length) = ((packed >> 32) as usize, (packed & 0xffff_ffff) as usize);
        let inside = |data: &'_ [u8]| data.len().saturating_sub(address) >= length;
        let data = self.memory.data(&self.store);
        if !inside(data) {
            let reason = "the guest's answer lies outside of its memory".into();
            return Err(Trap {
                reason,
                panic: None,
            });
        }
        Ok(&data[address..address + length])
    }

    fn trap(&self, error: &wasmtime::Error) -> Trap {
        Trap {
            reason: format!("{:#}", error.root_cause()),
            panic: self.last_words(),
        }
    }

    fn last_words(&self) -> Option<String> {
        let data = self
            .memory
            .data(&self.store)
            .get(self.last_words? as usize..)?;
        let (length, text) = data.split_first_chunk()?;
        let text = text.get(..u32::from_le_bytes(*length) as usize)?;
        (!text.is_empty()).then(|| String::from_utf8_lossy(text).into_owned())
    }
}

/// Where the guest leaves the message of a panic; a module without one is silent about it.
fn last_words_address(instance: &Instance, store: &mut Store<StoreLimits>) -> Option<u32> {
    let global = instance.get_global(&mut *store, "HENGE_PANIC")?;
    global.get(store).i32().map(i32::cast_unsigned)
}
