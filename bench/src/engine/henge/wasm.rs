//! The engine inside of wasmtime, as a stone runs it: the same settings of the runtime, the same
//! files outside.

use super::Machine;
use super::driver::Driver;
use crate::engine::contender::{Contender, Pair, version_of};
use henge_core::storage::{OperationId, StorageAnswer, StorageFault, StorageRequest};
use henge_core::time::Instant;
use henge_engine_guest::session::Read;
use henge_host::disk::DiskAnswer;
use std::sync::OnceLock;
use wasmtime::{
    Config, Engine, Instance, Memory, Module, Store, TypedFunc, WasmParams, WasmResults,
};

pub(crate) const CONTENDER: Contender = Contender {
    name: "henge in wasmtime",
    version: || {
        format!(
            "{}, wasmtime {}",
            env!("CARGO_PKG_VERSION"),
            version_of("wasmtime")
        )
    },
    settings: |memory| {
        format!(
            "{}; in wasmtime, as in a stone",
            super::driver::settings(memory)
        )
    },
    open: |folder, memory| Box::new(Driver::new(Guest::new(memory), folder)),
};

const GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/henge_engine_guest.wasm"));

/// The one compiled module of this process.
fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| {
        let mut config = Config::new();
        // A stone stops guests that do not return; that has its price.
        config.epoch_interruption(true);
        let engine = Engine::new(&config).expect("wasmtime runs here");
        Module::from_binary(&engine, GUEST).expect("the build has made a module")
    })
}

struct Guest {
    store: Store<()>,
    memory: Memory,
    buffer: TypedFunc<i32, i32>,
    done: TypedFunc<(i32, i64), ()>,
    requests: TypedFunc<(), i64>,
    has_work: TypedFunc<i64, i32>,
    step: TypedFunc<i64, ()>,
    is_open: TypedFunc<(), i32>,
    is_durable: TypedFunc<(), i32>,
    put: TypedFunc<i32, i32>,
    get: TypedFunc<i32, i64>,
    scan: TypedFunc<(i32, i32, i32), i64>,
    flush: TypedFunc<(), ()>,
    /// Where arguments go: address and length.
    arguments: (usize, usize),
    /// Arguments while they are being put together.
    batch: Vec<u8>,
}

impl Guest {
    fn new(memory_bytes: u64) -> Self {
        let module = module();
        let mut store = Store::new(module.engine(), ());
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = Instance::new(&mut store, module, &[]).expect("it imports nothing");
        let memory = instance
            .get_memory(&mut store, "memory")
            .expect("it exports its memory");
        let open = function::<i64, ()>(&instance, &mut store, "engine_open");
        open.call(&mut store, memory_bytes.cast_signed())
            .expect("the engine opens");
        Self {
            memory,
            buffer: function(&instance, &mut store, "engine_buffer"),
            done: function(&instance, &mut store, "engine_done"),
            requests: function(&instance, &mut store, "engine_requests"),
            has_work: function(&instance, &mut store, "engine_has_work"),
            step: function(&instance, &mut store, "engine_step"),
            is_open: function(&instance, &mut store, "engine_is_open"),
            is_durable: function(&instance, &mut store, "engine_is_durable"),
            put: function(&instance, &mut store, "engine_put"),
            get: function(&instance, &mut store, "engine_get"),
            scan: function(&instance, &mut store, "engine_scan"),
            flush: function(&instance, &mut store, "engine_flush"),
            store,
            arguments: (0, 0),
            batch: Vec::new(),
        }
    }

    /// Copies `bytes` to where the next call finds them.
    fn hand_over(&mut self, bytes: &[u8]) -> i32 {
        let length = i32::try_from(bytes.len()).expect("a batch is small");
        if self.arguments.1 < bytes.len() {
            let address = self.buffer.call(&mut self.store, length);
            let address = address.expect("the guest has memory").cast_unsigned();
            self.arguments = (address as usize, bytes.len());
        }
        self.memory
            .write(&mut self.store, self.arguments.0, bytes)
            .expect("the buffer lies in the memory");
        length
    }

    fn hand_over_batch(&mut self) -> i32 {
        let batch = std::mem::take(&mut self.batch);
        let length = self.hand_over(&batch);
        self.batch = batch;
        self.batch.clear();
        length
    }

    /// What the guest has left at a packed address and length.
    fn bytes(&self, packed: i64) -> &[u8] {
        let packed = packed.cast_unsigned();
        let (address, length) = ((packed >> 32) as usize, (packed & 0xffff_ffff) as usize);
        &self.memory.data(&self.store)[address..address + length]
    }
}

fn function<P: WasmParams, R: WasmResults>(
    instance: &Instance,
    store: &mut Store<()>,
    name: &str,
) -> TypedFunc<P, R> {
    instance
        .get_typed_func(store, name)
        .expect("the guest was built with this host")
}

impl Machine for Guest {
    fn handle_done(
        &mut self,
        now: Instant,
        operation: OperationId,
        result: Result<DiskAnswer, StorageFault>,
    ) {
        let result = match &result {
            Ok(DiskAnswer::Done) => Ok(StorageAnswer::Done),
            Ok(DiskAnswer::Bytes(bytes)) => Ok(StorageAnswer::Bytes(bytes)),
            Err(fault) => Err(fault.clone()),
        };
        self.batch = postcard::to_extend(&(operation, result), std::mem::take(&mut self.batch))
            .expect("it can be encoded");
        let length = self.hand_over_batch();
        let arguments = (length, now.as_micros().cast_signed());
        self.done.call(&mut self.store, arguments).expect("no trap");
    }

    fn requests(&mut self, each: &mut dyn FnMut(OperationId, StorageRequest)) {
        let packed = self.requests.call(&mut self.store, ()).expect("no trap");
        if packed == 0 {
            return;
        }
        let requests: Vec<(OperationId, StorageRequest)> =
            postcard::from_bytes(self.bytes(packed)).expect("the guest was built with this host");
        for (operation, request) in requests {
            each(operation, request);
        }
    }

    fn has_work(&mut self, now: Instant) -> bool {
        let now = now.as_micros().cast_signed();
        self.has_work.call(&mut self.store, now).expect("no trap") > 0
    }

    fn step(&mut self, now: Instant) {
        let now = now.as_micros().cast_signed();
        self.step.call(&mut self.store, now).expect("no trap");
    }

    fn is_open(&mut self) -> bool {
        self.is_open.call(&mut self.store, ()).expect("no trap") > 0
    }

    fn is_durable(&mut self) -> bool {
        self.is_durable.call(&mut self.store, ()).expect("no trap") > 0
    }

    fn put(&mut self, pairs: &[Pair]) -> usize {
        for pair in pairs {
            for bytes in [&pair.key, &pair.value] {
                let length = u32::try_from(bytes.len()).expect("a pair is small");
                self.batch.extend_from_slice(&length.to_le_bytes());
            }
            self.batch.extend_from_slice(&pair.key);
            self.batch.extend_from_slice(&pair.value);
        }
        let length = self.hand_over_batch();
        let taken = self.put.call(&mut self.store, length).expect("no trap");
        usize::try_from(taken).expect("a count is not negative")
    }

    fn get(&mut self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Read {
        let length = self.hand_over(key);
        let outcome = self.get.call(&mut self.store, length).expect("no trap");
        if outcome < 0 {
            return read(outcome);
        }
        found(self.bytes(outcome));
        Read::Found
    }

    fn scan(
        &mut self,
        prefix: &[u8],
        after: Option<&[u8]>,
        count_max: usize,
        each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Read {
        self.batch.extend_from_slice(prefix);
        self.batch.extend_from_slice(after.unwrap_or_default());
        let length = self.hand_over_batch();
        let number = |count| i32::try_from(count).expect("a scan is short");
        let arguments = (number(prefix.len()), length, number(count_max));
        let packed = self.scan.call(&mut self.store, arguments).expect("no trap");
        let page = self.bytes(packed);
        let (outcome, mut rest) = page.split_first_chunk().expect("an outcome");
        while !rest.is_empty() {
            let key_length = take_length(&mut rest);
            let value_length = take_length(&mut rest);
            let (key, behind) = rest.split_at(key_length);
            let (value, behind) = behind.split_at(value_length);
            each(key, value);
            rest = behind;
        }
        read(i64::from_le_bytes(*outcome))
    }

    fn flush(&mut self) {
        self.flush.call(&mut self.store, ()).expect("no trap");
    }
}

/// What the guest's number of an outcome means.
fn read(outcome: i64) -> Read {
    match outcome {
        0.. => Read::Found,
        -1 => Read::End,
        -2 => Read::Later,
        load => Read::Load(OperationId((-3 - load).cast_unsigned())),
    }
}

fn take_length(bytes: &mut &[u8]) -> usize {
    let (length, rest) = bytes.split_first_chunk().expect("a length");
    *bytes = rest;
    u32::from_le_bytes(*length) as usize
}
