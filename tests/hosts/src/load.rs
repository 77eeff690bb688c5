//! Writers, and what became of each of their writes.

use henge_tests::process::http::{Answer, Http, path};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Where a scenario stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Nothing has gone wrong.
    Before,
    /// Something is broken.
    During,
    /// All is whole again.
    After,
}

/// Whether a writer can reach what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It asks stones that have a quorum among them whatever is broken.
    Majority,
    /// It asks stones that the fault parts from the others.
    Minority,
}

/// One acknowledged write.
#[derive(Clone, Copy, Debug)]
pub struct Ack {
    /// When, since the load began.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// When the answer came.
    pub phase: Phase,
}

/// What is known about a key. Only one writer writes it, with growing numbers.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    /// The newest number that was acknowledged; 0 if none was.
    pub newest: u64,
    /// The version that it was given.
    pub version: String,
    /// Numbers whose outcome is not known: they may take effect at any time, or never. With each,
    /// when it was given up, since the load began.
    pub unknown: BTreeMap<u64, Duration>,
}

/// What one writer knows.
#[derive(Clone, Debug)]
pub struct Story {
    /// Where it asked.
    pub side: Side,
    /// Its keys.
    pub keys: BTreeMap<String, Fate>,
    /// What was acknowledged.
    pub acks: Vec<Ack>,
    /// Writes refused in so many words: they were not applied.
    pub refused: u64,
    /// Writes without answer, and those whose answer says that the outcome is not known.
    pub unknown: u64,
    /// Answers that no fault explains.
    pub strange: Vec<String>,
    /// Longest time without an acknowledgement, at the end too.
    pub gap: Duration,
}

/// Writers that go on until they are stopped.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    phase: Arc<AtomicU8>,
    threads: Vec<JoinHandle<Story>>,
    tag: String,
    keys: u64,
    began: Instant,
}

impl Load {
    /// No writers yet; each will have so many keys, which begin with `tag`.
    #[must_use]
    pub fn new(tag: &str, keys: u64) -> Self {
        Self {
            tag: tag.into(),
            stop: Arc::default(),
            phase: Arc::default(),
            threads: Vec::new(),
            keys,
            began: Instant::now(),
        }
    }

    /// Starts `count` writers on the network of this thread. Each begins with another of the
    /// stones at `addresses` and goes on to the next when it is refused or gets no answer.
    #[must_use]
    pub fn with(mut self, side: Side, count: usize, addresses: &[String]) -> Self {
        for first in 0..count {
            let number = self.threads.len();
            let stones = addresses.iter().cycle().skip(first).take(addresses.len());
            let writer = Writer {
                stones: stones.map(|at| Http::with_time(at, CLIENT_TIME)).collect(),
                tag: format!("{}/{number}", self.tag),
                keys: self.keys,
                side,
                began: self.began,
                stop: Arc::clone(&self.stop),
                phase: Arc::clone(&self.phase),
            };
            self.threads.push(std::thread::spawn(move || writer.run()));
        }
        self
    }

    /// What is acknowledged from now on belongs to `phase`.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The time by which acknowledgements are stamped.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Stops the writers and returns what each knows.
    ///
    /// # Panics
    /// If one has panicked.
    #[must_use]
    pub fn finish(self) -> Vec<Story> {
        self.stop.store(true, Ordering::Relaxed);
        let threads = self.threads.into_iter();
        threads
            .map(|thread| thread.join().expect("a writer does not panic"))
            .collect()
    }
}

impl Story {
    /// The acknowledged writes of a phase.
    pub fn acks_in(&self, phase: Phase) -> impl Iterator<Item = &Ack> {
        self.acks.iter().filter(move |ack| ack.phase == phase)
    }
}

struct Writer {
    stones: Vec<Http>,
    tag: String,
    keys: u64,
    side: Side,
    began: Instant,
    stop: Arc<AtomicBool>,
    phase: Arc<AtomicU8>,
}

impl Writer {
    fn run(self) -> Story {
        let mut story = Story {
            side: self.side,
            keys: BTreeMap::new(),
            acks: Vec::new(),
            refused: 0,
            unknown: 0,
            strange: Vec::new(),
            gap: Duration::ZERO,
        };
        let (mut at, mut last) = (0, self.began.elapsed());
        for number in 1.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            if self.write(at, number, &mut story) {
                let now = self.began.elapsed();
                story.gap = story.gap.max(now.saturating_sub(last));
                last = now;
            } else {
                at = (at + 1) % self.stones.len();
                std::thread::sleep(PAUSE);
            }
        }
        story.gap = story.gap.max(self.began.elapsed().saturating_sub(last));
        story
    }

    /// Writes `number` through stone `at`; true if it was acknowledged.
    fn write(&self, at: usize, number: u64, story: &mut Story) -> bool {
        let key = format!("{}/{}", self.tag, number % self.keys);
        let target = format!("{}?w=quorum&timeout_ms={STONE_TIME_MS}", path(&key));
        let (value, began) = (value(&key, number), Instant::now());
        let answer = self.stones[at].try_send("PUT", &target, &[], Some(value.as_bytes()));
        let took = began.elapsed();
        let fate = story.keys.entry(key).or_default();
        match answer.as_ref().map(|answer| answer.status) {
            Some(204) => {
                fate.newest = number;
                fate.version = answer.map_or_else(String::new, |answer| version_of(&answer));
                story.acks.push(Ack {
                    at: self.began.elapsed(),
                    took,
                    phase: self.phase(),
                });
                return true;
            }
            Some(429 | 503) => story.refused += 1,
            other => {
                fate.unknown.insert(number, self.began.elapsed());
                story.unknown += 1;
                if let Some(answer) = answer
                    && other != Some(504)
                    && story.strange.len() < STRANGE_MAX
                {
                    story
                        .strange
                        .push(format!("{} {}", answer.status, answer.text().trim()));
                }
            }
        }
        false
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Before,
            1 => Phase::During,
            _ => Phase::After,
        }
    }
}

/// What is written under `key`: no two writes are the same.
#[must_use]
pub fn value(key: &str, number: u64) -> String {
    format!("{key}#{number}")
}

/// The version that an answer speaks of.
#[must_use]
pub fn version_of(answer: &Answer) -> String {
    answer.header("henge-version").to_owned()
}

/// How long a stone may try.
const STONE_TIME_MS: u64 = 1_000;
/// How long a writer waits for an answer, also for that of a host that is gone.
const CLIENT_TIME: Duration = Duration::from_millis(1_500);
/// Between a failure and the next write.
const PAUSE: Duration = Duration::from_millis(5);
/// Strange answers that a writer remembers.
const STRANGE_MAX: usize = 3;
