//! Keeps records under way, in the order of each key.

use super::Prepared;
use super::checkpoint::{Checkpoint, Done};
use super::record::Record;
use super::report::Report;
use super::split::Place;
use crate::cli::args::ImportArgs;
use crate::cli::link::Link;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use henge_core::causality::Value;
use henge_core::client::Call;
use henge_core::hash::hash64;
use henge_core::id::BucketId;
use henge_core::replication::Level;
use henge_core::wire::{ErrorCode, Failure, Reply};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// How often the progress is noted.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How long to look away when the reader has nothing yet.
const READER_PAUSE: Duration = Duration::from_millis(1);
/// The encoding byte of JSON.
const JSON: u8 = 2;

/// An import under way.
pub struct Load {
    links: Vec<Link>,
    level: Option<Level>,
    timeout_ms: u32,
    parallel: usize,
    checkpoint: Checkpoint,
    report: Report,
    stop: Arc<AtomicBool>,
    saved_at: Instant,
    under_way: FuturesUnordered<Sent>,
    keys: BTreeSet<Vec<u8>>,
    stopped: Option<String>,
}

/// How an import ended.
pub struct Outcome {
    /// One line for people.
    pub summary: String,
    /// Broken records.
    pub broken: u64,
    /// Why it ended before the file did.
    pub stopped: Option<String>,
    /// How far it came.
    pub checkpoint: Checkpoint,
}

type Sent = Pin<Box<dyn Future<Output = Answered> + Send>>;

struct Answered {
    index: u64,
    place: Place,
    key: Vec<u8>,
    done: Done,
    result: Result<Reply, Failure>,
}

impl Load {
    /// An import over `links`; `stop` ends it early.
    #[must_use]
    pub fn new(
        args: &ImportArgs,
        links: Vec<Link>,
        checkpoint: Checkpoint,
        report: Report,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            links,
            level: args.w,
            timeout_ms: args.timeout_ms,
            parallel: args.parallel as usize,
            checkpoint,
            report,
            stop,
            saved_at: Instant::now(),
            under_way: FuturesUnordered::new(),
            keys: BTreeSet::new(),
            stopped: None,
        }
    }

    /// Sends all `records` and waits for them.
    pub async fn run(mut self, records: Receiver<Prepared>) -> Outcome {
        while self.goes_on() {
            match records.try_recv() {
                Ok(Ok(record)) => self.put(record).await,
                Ok(Err(faulty)) => {
                    self.report.broken(faulty.place, &faulty.why);
                    let done = Done {
                        end: faulty.end,
                        shape: faulty.shape,
                        broken: true,
                    };
                    self.checkpoint.done(faulty.index, done);
                }
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    tokio::select! {
                        Some(answered) = self.under_way.next() => self.settle(answered),
                        () = tokio::time::sleep(READER_PAUSE) => {}
                    }
                }
            }
        }
        while let Some(answered) = self.under_way.next().await {
            self.settle(answered);
        }
        Outcome {
            summary: self.report.finish(),
            broken: self.report.count_broken(),
            stopped: self.stopped,
            checkpoint: self.checkpoint,
        }
    }

    fn goes_on(&mut self) -> bool {
        if self.stop.load(Ordering::Relaxed) {
            self.stopped.get_or_insert_with(|| "interrupted".into());
        }
        self.stopped.is_none()
    }

    /// Sends one record as soon as there is room, and none of the same key is under way: of records
    /// with one key the last in the file wins.
    async fn put(&mut self, record: Record) {
        while self.under_way.len() >= self.parallel || self.keys.contains(&record.key) {
            let Some(answered) = self.under_way.next().await else {
                break;
            };
            self.settle(answered);
        }
        let Record {
            index,
            place,
            end,
            shape,
            key,
            value,
        } = record;
        // One key always goes the same way.
        let way = hash64(&key) % self.links.len().max(1) as u64;
        let link = self.links[usize::try_from(way).unwrap_or(0)].clone();
        let value = Value {
            encoding: JSON,
            bytes: value,
        };
        let call = Call::put(BucketId::default(), key.clone(), value)
            .with_level(self.level)
            .with_timeout_ms(self.timeout_ms);
        self.keys.insert(key.clone());
        self.under_way.push(Box::pin(async move {
            let result = link.call(call).await;
            let done = Done {
                end,
                shape,
                broken: false,
            };
            Answered {
                index,
                place,
                key,
                done,
                result,
            }
        }));
    }

    fn settle(&mut self, answered: Answered) {
        let Answered {
            index,
            place,
            key,
            mut done,
            result,
        } = answered;
        self.keys.remove(&key);
        match result {
            Ok(_) => self.report.loaded(),
            Err(failure) if is_about_the_record(failure.code) => {
                self.report.broken(place, &failure.message);
                done.broken = true;
            }
            Err(failure) => {
                let at = place.line;
                self.stopped
                    .get_or_insert(format!("the record of line {at} was refused: {failure}"));
                return;
            }
        }
        self.checkpoint.done(index, done);
        self.report.reached(self.checkpoint.start().place.offset);
        if self.saved_at.elapsed() >= SAVE_EVERY {
            self.saved_at = Instant::now();
            if let Err(error) = self.checkpoint.save() {
                self.stopped.get_or_insert(error.to_string());
            }
        }
    }
}

/// Failures that another attempt would meet again, while other records are taken.
const fn is_about_the_record(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::KeyTooLarge | ErrorCode::ValueTooLarge)
}
