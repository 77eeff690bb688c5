//! A trapped guest is replaced: `docs/guest-abi.md`, "Traps".

use super::care::Lost;
use super::status::ShardState;
use super::worker::Worker;
use crate::disk::DiskGone;
use crate::engine::{Engine, EngineError, Guest, Trap};
use henge_core::config::Config;
use henge_core::node::Input;
use henge_core::time::{Duration, Instant};
use std::collections::VecDeque;
use thiserror::Error;

/// So many traps in [`CRASH_LOOP_TIME`] without one answer in between are a loop.
const CRASH_LOOP_TRAPS: usize = 5;
const CRASH_LOOP_TIME: Duration = Duration::from_millis(10_000);

/// How long requests wait for a replaced guest to replay its log; then it may answer itself.
const HOLD: Duration = Duration::from_millis(250);

/// Why a shard cannot go on.
#[derive(Debug, Error)]
pub(super) enum Fatal {
    #[error("the system gives no thread or file: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Engine(EngineError),
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    #[error(
        "its guest trapped {CRASH_LOOP_TRAPS} times in a row without answering anything; the last \
         time it said: {0}. What is on the disk is untouched. Report this with the log above; until \
         then start another version of the server, or let the other replicas fill a new data folder"
    )]
    CrashLoop(Trap),
    /// The disk has said why itself.
    #[error("its disk has failed")]
    Disk,
}

impl From<DiskGone> for Fatal {
    fn from(_: DiskGone) -> Self {
        Self::Disk
    }
}

/// What a guest is made of, and how the last ones ended.
pub(super) struct Life {
    pub(super) config: Config,
    pub(super) engine: Engine,
    pub(super) memory_bytes_max: usize,
    /// Since the last answer.
    pub(super) traps: VecDeque<Instant>,
    /// When the trap was that the guest is recovering from.
    pub(super) trapped_at: Option<Instant>,
}

impl Life {
    /// The guest has answered a client: it is no crash loop.
    pub(super) fn answered(&mut self) {
        self.traps.clear();
    }

    /// The guest serves. Returns when the trap was, if it came after one.
    pub(super) const fn recovered(&mut self) -> Option<Instant> {
        self.trapped_at.take()
    }

    /// Notes a trap; true if they have become a loop.
    fn trapped(&mut self, now: Instant) -> bool {
        self.trapped_at.get_or_insert(now);
        self.traps.push_back(now);
        while self
            .traps
            .front()
            .is_some_and(|&at| now.since(at) > CRASH_LOOP_TIME)
        {
            self.traps.pop_front();
        }
        self.traps.len() > CRASH_LOOP_TRAPS
    }
}

impl Worker {
    /// The first instance, before any client is there.
    pub(super) fn first_guest(&mut self) -> Result<Option<Guest>, Fatal> {
        self.open_guest()
    }

    pub(super) fn note_trap(&mut self, trap: &Trap) -> Result<(), Fatal> {
        tracing::error!("{} trapped: {trap} ({})", self.name, trap.reason);
        self.status.trapped();
        // Whoever asked for numbers asks again.
        self.inspections.clear();
        self.settle_requests();
        if self.life.trapped(self.clock.now()) {
            let (reason, panic) = (trap.reason.clone(), trap.panic.clone());
            return Err(Fatal::CrashLoop(Trap { reason, panic }));
        }
        Ok(())
    }

    /// Says to those whose requests are lost that they are.
    fn settle_requests(&mut self) {
        let (shard, shards) = (self.life.config.shard, self.life.config.shards);
        // What they watch is lost with the guest, whatever they have asked.
        for client in std::mem::take(&mut self.watchers) {
            if let Some(sink) = self.clients.get(&client) {
                for frame in sink.restarted(shard, shards) {
                    self.care.put(client, frame);
                }
            }
        }
        match self.care.trapped(self.clock.now()) {
            Lost::Nothing => {}
            Lost::Refused(client, answer) => {
                if let Some(sink) = self.clients.get(&client)
                    && sink.push(answer)
                {
                    sink.wake();
                }
            }
            Lost::Some => {
                let (shard, shards) = (self.life.config.shard, self.life.config.shards);
                for (&client, sink) in &self.clients {
                    for frame in sink.restarted(shard, shards) {
                        self.care.put(client, frame);
                    }
                }
            }
        }
    }

    /// A new instance in the place of one that trapped; `None` if it trapped as well.
    pub(super) fn reborn(&mut self) -> Result<Option<Guest>, Fatal> {
        let Some(guest) = self.open_guest()? else {
            return Ok(None);
        };
        if self.status.state() == ShardState::Replaying {
            self.held_until = Some(self.clock.now() + HOLD);
        }
        Ok(Some(guest))
    }

    /// Makes an instance and tells it what there is: files and peers.
    fn open_guest(&mut self) -> Result<Option<Guest>, Fatal> {
        let files = self.disk.drain_and_list()?;
        // Answers to an instance that is no more.
        while self.completions.try_recv().is_ok() {}
        let (life, now) = (&self.life, self.clock.now());
        let seed = getrandom::u64()?;
        let made = Guest::new(&life.engine, &life.config, seed, now, life.memory_bytes_max);
        let mut guest = match made {
            Ok(guest) => guest,
            Err(EngineError::Start(trap)) => {
                self.note_trap(&trap)?;
                return Ok(None);
            }
            Err(error) => return Err(Fatal::Engine(error)),
        };
        self.batch.clear();
        self.batch.put(&Input::Opened(files));
        for &member in &self.peers_up {
            self.batch.put(&Input::PeerUp(member));
        }
        match self.step(&mut guest) {
            Ok(()) => Ok(Some(guest)),
            Err(trap) => {
                self.note_trap(&trap)?;
                Ok(None)
            }
        }
    }
}
