//! Reads: of what waits here, of the copies, and of the ring.

use super::record::{self, Copy, Waiting};
use super::taking::Incoming;
use super::telling::gone;
use super::{FirstDial, Leaf, LeafOutput, Purpose, Waiter};
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
    /// On the ring like `Ring`, once what is read is durable on as many replicas as the level asks.
    Settled,
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
    /// When the value ends, in milliseconds since the Unix epoch, if it does.
    pub expires_at_ms: Option<u64>,
    /// Values concurrent to it.
    pub siblings: Vec<Value>,
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
    /// For a block of the copies, which say what was seen of the key: in earlier runs, or told by a watch.
    Seen,
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
            (Some(_), ReadFrom::Ring | ReadFrom::Settled) => {
                let timeout_ms = match read.timeout_ms {
                    0 => TIMEOUT_DEFAULT_MS,
                    asked => asked.min(TIMEOUT_MAX_MS),
                };
                let until = self.now + Duration::from_millis(timeout_ms.into());
                read.until = Some(until);
                self.behind.insert((until, id));
            }
            (Some(waiting), _) => {
                let answer = of_waiting(waiting, self.now.as_millis());
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
        if let Some(until) = read.until.take() {
            self.behind.remove((until, id));
        }
        let mut call = Call::get(self.settings.bucket.clone(), read.key.clone())
            .with_level(read.level)
            .with_timeout_ms(read.timeout_ms);
        if read.from == ReadFrom::Settled {
            call = call.settled();
        } else if read.from == ReadFrom::Nearest && read.level.is_none() && self.client.is_at_edge()
        {
            call = call.at_edge(None);
        }
        read.stage = Stage::Seen;
        match self.store.newest(&record::copy_key(&read.key)) {
            Newest::State(bytes) => {
                let copy = record::decode::<Copy>(bytes).unwrap_or_default();
                call = call.with_context(copy.context);
            }
            Newest::Unloaded(wanted) => return self.load(wanted, Waiter::Read(id)),
            Newest::Absent | Newest::Damaged(_) => {}
        }
        if let Some(read) = self.reads.get_mut(id) {
            read.stage = Stage::Asked;
        }
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
            let answer = of_write(value, None, context);
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
            self.incoming.push(Incoming::of_ring(key, copy));
        } else {
            self.put_copy(record::copy_key(&key), &copy);
        }
        self.answer(id, Ok(of_copy(copy, Source::Ring, 0)));
        self.take_in();
    }

    /// The connection is gone: who can do with a copy does not wait for the next.
    pub(super) fn answer_nearest(&mut self) {
        let asked = { self.reads.iter() }
            .filter(|(_, read)| matches!(read.stage, Stage::Asked | Stage::Seen))
            .filter(|(_, read)| read.from == ReadFrom::Nearest)
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

    /// A block of the copies is in memory.
    pub(super) fn go_on_reading(&mut self, id: ReadId) {
        match self.reads.get(id).map(|read| read.stage) {
            Some(Stage::Seen) => self.ask(id),
            Some(Stage::Here) => self.read_here(id),
            Some(Stage::Behind | Stage::Asked) | None => {}
        }
    }

    /// Answers from the copies.
    pub(super) fn read_here(&mut self, id: ReadId) {
        let Some(read) = self.reads.get_mut(id) else {
            return;
        };
        read.stage = Stage::Here;
        if let Some(over) = self.overlay.get(&read.key) {
            let answer = over.answer(self.now.as_millis());
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
            // Whoever has just opened a store reads what is not here: the ring will soon be there to ask.
            if read.from == ReadFrom::Nearest
                && self.first_dial == FirstDial::UnderWay
                && refused.is_none()
            {
                return self.ask(id);
            }
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

/// A write that waits, as it is at `now_ms`.
pub(super) fn of_waiting(waiting: &Waiting, now_ms: u64) -> Answer {
    let value = waiting.left(now_ms).0.cloned();
    of_write(value, waiting.expires_at_ms(), waiting.context.clone())
}

/// A write that waits, here or at an edge node.
pub(super) const fn of_write(
    value: Option<Value>,
    expires_at_ms: Option<u64>,
    context: Vec<u8>,
) -> Answer {
    Answer {
        source: Source::Waiting,
        value,
        version: None,
        expires_at_ms,
        siblings: Vec::new(),
        context,
    }
}

/// A copy as it is at `now_ms`.
pub(super) fn of_copy(copy: Copy, source: Source, now_ms: u64) -> Answer {
    let is_over = copy.is_over(now_ms);
    let Some(found) = copy.found.filter(|_| !is_over) else {
        return Answer {
            source,
            context: copy.context,
            ..gone()
        };
    };
    Answer {
        source,
        value: Some(found.value),
        version: Some(found.version),
        expires_at_ms: found.expires_at_ms,
        siblings: found.siblings,
        context: copy.context,
    }
}
