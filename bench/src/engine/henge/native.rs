//! The engine compiled for this machine.

use super::Machine;
use super::driver::Driver;
use crate::engine::contender::{Contender, Pair};
use henge_core::storage::{OperationId, StorageAnswer, StorageFault, StorageRequest};
use henge_core::time::Instant;
use henge_engine_guest::session::{Read, Session};
use henge_host::disk::DiskAnswer;

pub(crate) const CONTENDER: Contender = Contender {
    name: "henge",
    version: || env!("CARGO_PKG_VERSION").to_owned(),
    settings: super::driver::settings,
    open: |folder, memory| Box::new(Driver::new(Session::new(memory), folder)),
};

impl Machine for Session {
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
        self.handle_done(now, operation, result);
    }

    fn requests(&mut self, each: &mut dyn FnMut(OperationId, StorageRequest)) {
        while let Some((operation, request)) = self.poll_request() {
            each(operation, request);
        }
    }

    fn has_work(&mut self, now: Instant) -> bool {
        Self::has_work(self, now)
    }

    fn step(&mut self, now: Instant) {
        self.step(now);
    }

    fn is_open(&mut self) -> bool {
        Self::is_open(self)
    }

    fn is_durable(&mut self) -> bool {
        Self::is_durable(self)
    }

    fn put(&mut self, pairs: &[Pair]) -> usize {
        let is_taken = |pair: &Pair| !self.put(&pair.key, &pair.value);
        pairs.iter().position(is_taken).unwrap_or(pairs.len())
    }

    fn get(&mut self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Read {
        self.get(key, found)
    }

    fn scan(
        &mut self,
        prefix: &[u8],
        after: Option<&[u8]>,
        count_max: usize,
        each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Read {
        self.scan(prefix, after, count_max, each)
    }

    fn flush(&mut self) {
        self.flush();
    }
}
