//! Reads: of what waits here, of the copies, and of the ring.

use super::record::{self, Copy, Waiting};
use super::taking::Incoming;
use super::{Leaf, LeafOutput, Purpose, Waiter};
use crate::causality::{Hlc, Value};
use crate::client::Call;
use crate::limits::{CALLS_MAX, TIMEOUT_DEFAULT_MS, TIMEOUT_MAX_MS};
use crate::replication::Level;
use crate::storage::Newest;
use crate::time::{Duration, Instant};
use crate::wire::{EdgeReply, ErrorCode, Failure, Reply};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A read of this leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub u64);

/// Where to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFrom {
    /// Only here.
    Local,
    /// On the ring, after the writes to this key that wait.
    Ring,
    /// What waits here; else the ring; else the copy.
    Nearest,
}

/// Where an answer is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A write that waits here.
    Waiting,
    /// A copy of what the ring had.
    Copy,
    /// The ring.
    Ring,
}

/// What a read has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where.
    pub source: Source,
    /// The value; `None` if there is none.
    pub value: Option<Value>,
    /// Its version; a write that waits has none yet.
    pub version: Option<Hlc>,
    /// Values concurrent to it.
    pub siblings: Vec<Value>,
    /// When it cannot be read any more, in milliseconds since the Unix epoch, if that is known and there is
    /// an end.
    pub expires_at_ms: Option<u64>,
    /// Hand it back in a write that resolves what was read; encoded.
    pub context: Vec<u8>,
}

/// A read without an answer.
#[derive(Debug)]
pub(super) struct Read {
    key: Vec<u8>,
    from: ReadFrom,
    level: Option<Level>,
    /// In milliseconds; 0 takes the default.
    timeout_ms: u32,
    /// Until when it waits for the writes to its key, if it does.
    until: Option<Instant>,
    /// Why the ring has not answered, if it was asked.
    refused: Option<Failure>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// For the writes to its key.
    Behind,
    /// For the ring.
    Asked,
    /// For a block of the copies.
    Here,
}

impl Leaf {
    /// Reads `key`. The answer comes as [`LeafOutput::Read`].
    ///
    /// # Errors
    ///
    /// If the key cannot be one, the leaf is not open, or too many reads are under way.
    pub fn read(
        &mut self,
        now: Instant,
        key: Vec<u8>,
        from: ReadFrom,
        level: Option<Level>,
        timeout_ms: u32,
    ) -> Result<ReadId, Failure> {
        self.now = now;
        self.check_open()?;
        super::writing::check_key(&key)?;
        if self.reads.len() >= CALLS_MAX {
            let message = format!("{CALLS_MAX} reads are under way; await some of them first");
            return Err(Failure::new(ErrorCode::RateLimited, message));
        }
        let id = ReadId(self.next_read);
        self.next_read += 1;
        let read = Read {
            key,
            from,
            level,
            timeout_ms,
            until: None,
            refused: None,
            stage: Stage::Behind,
        };
        self.reads.insert(id, read);
        self.begin(id);
        Ok(id)
    }

    /// Forgets a read: it has no answer.
    pub fn cancel_read(&mut self, read: ReadId) {
        self.end(read);
    }

    /// Takes a read out.
    fn end(&mut self, id: ReadId) -> Option<Read> {
        let read = self.reads.remove(id)?;
        if let Some(until) = read.until {
            self.behind.remove((until, id));
        }
        Some(read)
    }

    fn begin(&mut self, id: ReadId) {
        let Some(key) = self.reads.get(id).map(|read| read.key.clone()) else {
            return;
        };
        let Some(read) = self.reads.get_mut(id) else {
            return;
        };
        match (self.outbox.newest(&read.key), read.from) {
            // It goes on when they are through: `go_on`.
            (Some(_), ReadFrom::Ring) => {
                let timeout_ms = match read.timeout_ms {
                    0 => TIMEOUT_DEFAULT_MS,
                    asked => asked.min(TIMEOUT_MAX_MS),
                };
                let until = self.now + Duration::from_millis(timeout_ms.into());
                read.until = Some(until);
                self.behind.insert((until, id));
            }
            (Some(waiting), _) => {
                let answer = of_waiting(waiting);
                self.answer(id, Ok(answer));
            }
            (None, ReadFrom::Local) => self.read_here(id),
            (None, ReadFrom::Nearest) if !self.is_online => self.read_here(id),
            (None, ReadFrom::Nearest) if read.level.is_none() && self.is_fresh(&key) => {
                self.read_here(id);
            }
            (None, _) => self.ask(id),
        }
    }

    /// A write of `key` is over: reads that wait for that may go on.
    pub(super) fn go_on(&mut self, key: &[u8]) {
        if self.outbox.newest(key).is_some() {
            return;
        }
        let is_of_key = |id: &ReadId| self.reads.get(*id).is_some_and(|read| read.key == key);
        let behind = self.behind.iter().map(|(_, id)| id).filter(is_of_key);
        for id in behind.collect::<Vec<_>>() {
            self.ask(id);
        }
    }

    /// Reads that have waited for writes as long as their callers do.
    pub(super) fn expire_reads(&mut self) {
        while let Some((until, id)) = self.behind.first()
            && until <= self.now
        {
            self.behind.pop_first();
            let message = "writes to the key wait for the ring, and it has not taken them in time; \
                           read it from here, or again when there is a connection";
            self.answer(id, Err(Failure::new(ErrorCode::Timeout, message)));
        }
    }

    /// The storage has failed: nothing that is read can be shown any more.
    pub(super) fn fail_reads(&mut self) {
        let failure = self.check_open().err().unwrap_or_else(not_here);
        self.fail_lists(&failure);
        for id in self.reads.keys().collect::<Vec<_>>() {
            self.answer(id, Err(failure.clone()));
        }
    }

    fn ask(&mut self, id: ReadId) {
        let Some(read) = self.reads.get_mut(id) else {
            return;
        };
        read.stage = Stage::Asked;
        if let Some(until) = read.until.take() {
            self.behind.remove((until, id));
        }
        let call = Call::get(self.settings.bucket.clone(), read.key.clone())
            .with_level(read.level)
            .with_timeout_ms(read.timeout_ms);
        let is_for_edge = read.from == ReadFrom::Nearest && read.level.is_none();
        let call = match is_for_edge && self.client.is_at_edge() {
            true => call.at_edge(None),
            false => call,
        };
        match self.client.submit(self.now, call) {
            Ok(call) => {
                self.calls.insert(call, Purpose::Read(id));
            }
            Err(failure) => self.refused(id, failure),
        }
    }

    /// The ring has answered a read.
    pub(super) fn answered(&mut self, id: ReadId, result: Result<Reply, Failure>) {
        let is_asked = |read: &Read| read.stage == Stage::Asked;
        if !self.reads.get(id).is_some_and(is_asked) {
            return;
        }
        if let Ok(Reply::Edge(EdgeReply::Waiting { value, context })) = result {
            let answer = of_write(value, context);
            return self.answer(id, Ok(answer));
        }
        let copy = match result.map(Copy::of_reply) {
            Ok(Some(copy)) => copy,
            Ok(None) => return,
            Err(failure) => return self.refused(id, failure),
        };
        let Some(key) = self.reads.get(id).map(|read| read.key.clone()) else {
            return;
        };
        if self.is_kept(&key) {
            let copy = copy.clone();
            self.incoming.push_back(Incoming::of_ring(key, copy));
        } else {
            self.put_copy(record::copy_key(&key), &copy);
        }
        self.answer(id, Ok(of_copy(copy, Source::Ring, 0)));
        self.take_in();
    }

    /// The connection is gone: who can do with a copy does not wait for the next.
    pub(super) fn answer_nearest(&mut self) {
        let asked = { self.reads.iter() }
            .filter(|(_, read)| read.stage == Stage::Asked && read.from == ReadFrom::Nearest)
            .map(|(id, _)| id);
        for id in asked.collect::<Vec<_>>() {
            self.read_here(id);
        }
    }

    /// The ring has not answered: who can do with a copy gets one.
    fn refused(&mut self, id: ReadId, failure: Failure) {
        let Some(read) = self.reads.get_mut(id) else {
            return;
        };
        if read.from == ReadFrom::Nearest && failure.code.is_retryable() {
            read.refused = Some(failure);
            return self.read_here(id);
        }
        self.answer(id, Err(failure));
    }

    /// Answers from the copies.
    pub(super) fn read_here(&mut self, id: ReadId) {
        let Some(read) = self.reads.get_mut(id) else {
            return;
        };
        read.stage = Stage::Here;
        if let Some(over) = self.overlay.get(&read.key) {
            let answer = over.answer();
            return self.answer(id, Ok(answer));
        }
        let key = record::copy_key(&read.key);
        let copy = match self.store.newest(&key) {
            Newest::State(bytes) => record::decode::<Copy>(bytes),
            Newest::Unloaded(wanted) => return self.load(wanted, Waiter::Read(id)),
            Newest::Absent | Newest::Damaged(_) => None,
        };
        let is_whole = copy.is_none() && self.is_whole(record::key_of(&key));
        let copy = match is_whole {
            true => Some(Copy::default()),
            false => copy,
        };
        let Some(copy) = copy else {
            let Some(read) = self.reads.get_mut(id) else {
                return;
            };
            let refused = read.refused.take();
            return self.answer(id, Err(refused.unwrap_or_else(not_here)));
        };
        if self.copies.contains(&key) {
            self.copies.touch(&key);
        }
        let now_ms = self.now.as_millis();
        self.answer(id, Ok(of_copy(copy, Source::Copy, now_ms)));
    }

    fn answer(&mut self, read: ReadId, result: Result<Answer, Failure>) {
        if self.end(read).is_some() {
            self.outputs.push_back(LeafOutput::Read { read, result });
        }
    }
}

/// What is said when there is neither a connection nor a copy.
fn not_here() -> Failure {
    let message = "not here: the key was neither written nor read on this device lately; read it when \
                   there is a connection";
    Failure::new(ErrorCode::Unavailable, String::from(message))
}

pub(super) fn of_waiting(waiting: &Waiting) -> Answer {
    of_write(waiting.value.clone(), waiting.context.clone())
}

/// A write that waits, here or at an edge node.
pub(super) const fn of_write(value: Option<Value>, context: Vec<u8>) -> Answer {
    Answer {
        source: Source::Waiting,
        value,
        version: None,
        siblings: Vec::new(),
        expires_at_ms: None,
        context,
    }
}

/// A copy as it is at `now_ms`.
pub(super) fn of_copy(copy: Copy, source: Source, now_ms: u64) -> Answer {
    let is_live = |expires_at_ms: Option<u64>| expires_at_ms.is_none_or(|at| at > now_ms);
    let found = copy.found.filter(|found| is_live(found.expires_at_ms));
    let expires_at_ms = found.as_ref().and_then(|found| found.expires_at_ms);
    let (value, version, siblings) = match found {
        Some(found) => (Some(found.value), Some(found.version), found.siblings),
        None => (None, None, Vec::new()),
    };
    Answer {
        source,
        value,
        version,
        siblings,
        expires_at_ms,
        context: copy.context,
    }
}
