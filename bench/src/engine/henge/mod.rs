//! Henge's own engine: a sans-IO state machine on one thread, with threads for its files beside it.
//!
//! * [`driver`]: carries out what it asks for, and drives its background work.
//! * [`disk`]: real files.
//! * [`native`], [`wasm`]: the engine compiled for this machine, and inside of wasmtime.

mod disk;
mod driver;
mod native;
mod wasm;

pub(super) use native::CONTENDER as NATIVE;
pub(super) use wasm::CONTENDER as WASM;

use super::contender::Pair;
use henge_core::storage::{OperationId, StorageFault, StorageRequest};
use henge_core::time::Instant;
use henge_engine_guest::session::Read;
use henge_host::disk::DiskAnswer;

/// The engine, wherever it runs: [`henge_engine_guest::session::Session`] says what each does.
trait Machine {
    fn handle_done(
        &mut self,
        now: Instant,
        operation: OperationId,
        result: Result<DiskAnswer, StorageFault>,
    );
    fn requests(&mut self, each: &mut dyn FnMut(OperationId, StorageRequest));
    fn has_work(&mut self, now: Instant) -> bool;
    fn step(&mut self, now: Instant);
    fn is_open(&mut self) -> bool;
    fn is_durable(&mut self) -> bool;
    /// Says how many it has taken.
    fn put(&mut self, pairs: &[Pair]) -> usize;
    fn get(&mut self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Read;
    fn scan(
        &mut self,
        prefix: &[u8],
        after: Option<&[u8]>,
        count_max: usize,
        each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Read;
    fn flush(&mut self);
}
