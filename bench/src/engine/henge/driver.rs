//! Carries out what the engine asks for, and does its background work between operations, as a
//! shard's thread does.

use super::Machine;
use super::disk::{Disk, Ended};
use crate::engine::contender::{Durability, Engine, Pair};
use henge_core::storage::{OperationId, StorageRequest};
use henge_core::time::Instant;
use henge_engine_guest::session::Read;
use henge_host::clock::Clock;
use henge_host::disk::DiskAnswer;
use std::path::Path;
use std::time::Duration;

/// What the engine is told, for whoever reads the table.
pub(super) fn settings(memory_bytes: u64) -> String {
    format!(
        "all of it {} MiB, its defaults else; one thread, and two for its files; syncs its log \
         during the load too",
        memory_bytes >> 20
    )
}

/// The engine in a folder.
pub(super) struct Driver<M> {
    machine: M,
    disk: Disk,
    clock: Clock,
    /// Something has happened since there was no background work.
    may_work: bool,
}

impl<M: Machine> Driver<M> {
    /// Opens `machine` in `folder`, which is empty.
    pub(super) fn new(machine: M, folder: &Path) -> Self {
        let mut driver = Self {
            machine,
            disk: Disk::new(folder),
            clock: Clock::start(),
            may_work: true,
        };
        driver.pump();
        while !driver.machine.is_open() {
            driver.wait();
        }
        driver
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Takes in what has ended and sends out what is asked for, without waiting; says whether
    /// anything had ended.
    fn pump(&mut self) -> bool {
        let mut has_ended = false;
        while let Some(ended) = self.disk.try_ended() {
            self.hand_in(ended);
            has_ended = true;
        }
        let disk = &mut self.disk;
        self.machine
            .requests(&mut |operation, request| disk.push(operation, request));
        has_ended
    }

    fn hand_in(&mut self, (operation, result): Ended) {
        self.may_work = true;
        let now = self.now();
        self.machine.handle_done(now, operation, result);
    }

    /// One step of background work if there is any; says whether there was.
    fn step(&mut self) -> bool {
        if !self.may_work {
            return false;
        }
        let now = self.now();
        self.may_work = self.machine.has_work(now);
        if self.may_work {
            self.machine.step(now);
            self.pump();
        }
        self.may_work
    }

    /// Lets something happen: background work, or else the end of a request.
    fn wait(&mut self) {
        if !self.pump() && !self.step() {
            let ended = self.disk.ended();
            self.hand_in(ended);
            self.pump();
        }
    }

    /// Carries out what is asked of the log, on this thread if it can be; says whether anything was.
    fn commit(&mut self) -> bool {
        let mut done = Vec::new();
        let disk = &mut self.disk;
        self.machine
            .requests(&mut |operation, request| done.extend(disk.commit(operation, request)));
        let has_done = !done.is_empty();
        done.into_iter().for_each(|ended| self.hand_in(ended));
        has_done
    }

    /// What is done before each read, so that background work goes on.
    fn tend(&mut self) {
        if self.disk.is_busy() {
            self.pump();
        }
        self.step();
    }

    /// Carries out the read `operation` at once: whoever asked for it waits for nothing else.
    fn load(&mut self, operation: OperationId) {
        let mut loaded = None;
        let disk = &mut self.disk;
        self.machine.requests(&mut |other, request| match request {
            StorageRequest::Read {
                file,
                offset,
                length,
            } if other == operation => {
                loaded = Some(disk.read(file, offset, length));
            }
            request => disk.push(other, request),
        });
        match loaded {
            Some(bytes) => self.hand_in((operation, Ok(DiskAnswer::Bytes(bytes)))),
            None => self.wait(),
        }
    }
}

impl<M: Machine> Engine for Driver<M> {
    fn put(&mut self, pairs: &[Pair], durability: Durability) {
        self.may_work = true;
        let mut rest = pairs;
        loop {
            let taken = self.machine.put(rest);
            rest = &rest[taken..];
            if rest.is_empty() {
                break;
            }
            self.wait();
        }
        match durability {
            Durability::Later => {
                self.pump();
                self.step();
            }
            Durability::Now => {
                self.sync();
                self.tend();
            }
        }
    }

    fn sync(&mut self) {
        while !self.machine.is_durable() {
            if !self.commit() {
                self.wait();
            }
        }
    }

    fn get(&mut self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> bool {
        self.tend();
        loop {
            match self.machine.get(key, found) {
                Read::Found => return true,
                Read::End => return false,
                Read::Load(operation) => self.load(operation),
                Read::Later => self.wait(),
            }
        }
    }

    fn scan_prefix(&mut self, prefix: &[u8], count_max: usize, each: &mut dyn FnMut(&[u8], &[u8])) {
        self.tend();
        let (mut last, mut count) = (None::<Vec<u8>>, 0);
        while count < count_max {
            let left = count_max - count;
            let mut newest = None;
            let mut hand_on = |key: &[u8], value: &[u8]| {
                count += 1;
                newest = Some(key.to_vec());
                each(key, value);
            };
            let read = self
                .machine
                .scan(prefix, last.as_deref(), left, &mut hand_on);
            last = newest.or(last);
            match read {
                Read::Found => {}
                Read::End => return,
                Read::Load(operation) => self.load(operation),
                Read::Later => self.wait(),
            }
        }
    }

    fn settle(&mut self) -> Duration {
        self.sync();
        self.machine.flush();
        self.may_work = true;
        self.pump();
        loop {
            if self.step() {
                continue;
            }
            if !self.disk.is_busy() {
                return Duration::ZERO;
            }
            self.wait();
        }
    }
}
