//! A store with its disk.

use super::Disk;
use henge_core::id::{BucketId, PartitionId};
use henge_core::storage::store::{Page, Scan, Scanned};
use henge_core::storage::{
    BatchNumber, Facts, Lookup, OperationId, Reading, Replayed, StorageAnswer, StorageFault,
    StorageRequest, Store, StoreEvent, StoreSettings, StoredKey, WriteRefused,
};
use henge_core::time::{Duration, Instant};

/// How the disk answers a request: [`Disk::carry_out`] is the one without faults.
pub type Answers<'a> =
    &'a mut dyn FnMut(&mut Disk, StorageRequest) -> Result<Option<Vec<u8>>, StorageFault>;

/// A store on a disk in memory. Time passes only when it is told to.
#[derive(Debug)]
pub struct Engine {
    /// The store.
    pub store: Store,
    /// Its files.
    pub disk: Disk,
    /// The time.
    pub now: Instant,
    /// The newest batch that is durable.
    pub durable: BatchNumber,
    /// Everything else that the store has said.
    pub events: Vec<StoreEvent>,
    /// Requests that were given out and not carried out yet.
    waiting: Vec<(OperationId, StorageRequest)>,
}

/// How a read has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// This state, or none.
    State(Option<Vec<u8>>),
    /// What is there cannot be read.
    Damaged,
}

/// A store with little memory, so that few bytes make many tables.
#[must_use]
pub const fn small() -> StoreSettings {
    StoreSettings {
        memory_bytes_max: 512 << 10,
        block_bytes: 1_024,
        ..StoreSettings::new(7, Reading::OPAQUE)
    }
}

impl Engine {
    /// Opens what `disk` holds and drives it until it rests.
    #[must_use]
    pub fn open(settings: StoreSettings, disk: Disk) -> Self {
        Self::open_with(settings, disk, &mut Disk::carry_out)
    }

    /// The same with faults.
    pub fn open_with(settings: StoreSettings, disk: Disk, answers: Answers<'_>) -> Self {
        let mut store = Store::new(settings);
        store.open(&disk.list(), &mut |_| true);
        let mut engine = Self {
            store,
            disk,
            now: Instant::from_micros(1_000_000),
            durable: BatchNumber(0),
            events: Vec::new(),
            waiting: Vec::new(),
        };
        engine.drive_with(answers);
        engine
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.events
            .iter()
            .any(|event| matches!(event, StoreEvent::Opened { .. }))
            && self.failure().is_none()
    }

    /// Why it has failed.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.events.iter().find_map(|event| match event {
            StoreEvent::Failed(why) => Some(why.as_str()),
            _ => None,
        })
    }

    /// Writes without waiting.
    ///
    /// # Errors
    /// That the store does not take it now.
    pub fn put(
        &mut self,
        key: &StoredKey,
        state: &[u8],
        facts: Facts,
    ) -> Result<BatchNumber, WriteRefused> {
        self.store.can_write()?;
        if self.store.wants_rotation() {
            self.store.rotate();
            self.store.note(b"note");
        }
        Ok(self.store.write(key.clone(), state, facts, true))
    }

    /// Carries out everything, background work too, until nothing is left to do.
    pub fn drive(&mut self) {
        self.drive_with(&mut Disk::carry_out);
    }

    /// The same with faults.
    pub fn drive_with(&mut self, answers: Answers<'_>) {
        for _ in 0..100_000 {
            self.drive_requests(answers);
            if self.store.poll_timeout().is_none_or(|at| at > self.now) {
                return;
            }
            self.store.handle_timeout(self.now);
        }
        panic!("no rest: {:?}", self.store.report());
    }

    /// Carries out what is asked for, without background work.
    pub fn drive_requests(&mut self, answers: Answers<'_>) {
        loop {
            self.collect();
            if self.waiting.is_empty() {
                return;
            }
            let (operation, request) = self.waiting.remove(0);
            self.carry_out(operation, request, answers);
        }
    }

    /// Carries out one request, the `choice`-th that may come next: files keep their order, and
    /// nothing else does. Without a request it does a step of background work. `false` at rest.
    pub fn step(&mut self, choice: usize) -> bool {
        self.step_with(choice, &mut Disk::carry_out)
    }

    /// The same with faults.
    pub fn step_with(&mut self, choice: usize, answers: Answers<'_>) -> bool {
        self.collect();
        let ready = self.ready();
        if ready.is_empty() {
            if self.store.poll_timeout().is_none_or(|at| at > self.now) {
                return false;
            }
            self.store.handle_timeout(self.now);
            return true;
        }
        let (operation, request) = self.waiting.remove(ready[choice % ready.len()]);
        self.carry_out(operation, request, answers);
        true
    }

    /// Time passes.
    pub fn pass_ms(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
    }

    /// Reads, loading what is missing.
    pub fn get(&mut self, key: &StoredKey) -> Got {
        self.get_with(key, &mut Disk::carry_out)
    }

    /// The same with faults.
    ///
    /// # Panics
    /// If it does not end.
    pub fn get_with(&mut self, key: &StoredKey, answers: Answers<'_>) -> Got {
        for _ in 0..1_000 {
            match self.store.lookup(key) {
                Lookup::Absent => return Got::State(None),
                Lookup::Durable(state) => return Got::State(Some(state.to_vec())),
                Lookup::Damaged(_) => return Got::Damaged,
                Lookup::Pending(_) => {}
                Lookup::Unloaded(wanted) => drop(self.store.load(wanted)),
            }
            self.drive_requests(answers);
            if self.failure().is_some() {
                return Got::Damaged;
            }
        }
        panic!("a read of {key:?} does not end")
    }

    /// The next page of `scan`; `None` if it cannot be read.
    ///
    /// # Panics
    /// If it does not end.
    pub fn scan(&mut self, scan: &Scan<'_>) -> Option<Page> {
        self.scan_with(scan, &mut Disk::carry_out)
    }

    /// The same with faults.
    ///
    /// # Panics
    /// If it does not end.
    pub fn scan_with(&mut self, scan: &Scan<'_>, answers: Answers<'_>) -> Option<Page> {
        for _ in 0..10_000 {
            match self.store.scan(scan) {
                Scanned::Page(page) => return Some(page),
                Scanned::Damaged(_) => return None,
                Scanned::Pending(_) => {}
                Scanned::Unloaded(wanted) => drop(self.store.load(wanted)),
            }
            self.drive_requests(answers);
            if self.failure().is_some() {
                return None;
            }
        }
        panic!("a scan does not end")
    }

    fn collect(&mut self) {
        while let Some(event) = self.store.poll_event() {
            match event {
                StoreEvent::Durable(batch) => self.durable = batch,
                other => self.events.push(other),
            }
        }
        while let Some(request) = self.store.poll_request() {
            self.waiting.push(request);
        }
    }

    /// Which of the waiting requests may come next: the first of each file, and reads of tables.
    fn ready(&self) -> Vec<usize> {
        let mut seen = Vec::new();
        let mut ready = Vec::new();
        for (index, (_, request)) in self.waiting.iter().enumerate() {
            let file = request.file();
            if !seen.contains(&file) {
                ready.push(index);
            }
            seen.push(file);
        }
        ready
    }

    fn carry_out(&mut self, operation: OperationId, request: StorageRequest, answers: Answers<'_>) {
        let answer = answers(&mut self.disk, request);
        let answer = match &answer {
            Ok(None) => Ok(StorageAnswer::Done),
            Ok(Some(bytes)) => Ok(StorageAnswer::Bytes(bytes)),
            Err(fault) => Err(fault.clone()),
        };
        let replay = &mut |_: Replayed<'_>| true;
        self.store.handle_done(self.now, operation, answer, replay);
        self.collect();
    }
}

/// Key `number` of one of four partitions.
#[must_use]
pub fn key(number: u64) -> StoredKey {
    let partition = u16::try_from(number % 4).expect("below four");
    StoredKey::new(
        PartitionId(partition),
        BucketId(0),
        format!("key/{number:05}").as_bytes(),
    )
}
