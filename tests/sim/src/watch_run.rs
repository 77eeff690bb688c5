//! Random writes and faults with clients that watch, and the law for them: once all is healed and quiet,
//! what each has been told, and has read when it was told to, is what the ring has. Nothing is told twice,
//! and nothing old after something new.

use crate::Cluster;
use crate::watcher::{Watcher, run};
use crate::world::LinkSettings;
use henge_core::causality::{Context, Dot, Hlc, Token, Value};
use henge_core::client::{WatchId, WatchOutput};
use henge_core::replication::Level;
use henge_core::rng::Rng;
use henge_core::selector::Span;
use henge_core::time::Duration;
use henge_core::watch::Change;
use henge_core::wire::{Operation, Reply};
use std::collections::BTreeMap;

/// What happened in a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Changes that watchers were told.
    pub changes: u64,
    /// How often one was told to read anew.
    pub resyncs: u64,
    /// Seats that were killed.
    pub kills: u64,
    /// Watchers that went to another seat.
    pub moves: u64,
}

/// What one watch has to know.
struct Follower {
    watcher: usize,
    watch: WatchId,
    span: Span,
    keys: BTreeMap<String, Known>,
    must_read: bool,
}

/// What a watch knows of a key.
#[derive(Default)]
struct Known {
    version: Hlc,
    value: Option<String>,
    /// The write that was told last, and those that a read has taken in.
    told: Option<Dot>,
    read: Context,
}

struct Run {
    cluster: Cluster,
    watchers: Vec<Watcher>,
    followers: Vec<Follower>,
    rng: Rng,
    written: u64,
    counts: Counts,
}

/// Plays the run of `seed`. Says what was wrong, if something was.
///
/// # Errors
/// If the law is broken.
pub fn play(seed: u64) -> Result<Counts, String> {
    let mut run = Run::new(seed);
    for _ in 0..STEPS {
        run.step();
    }
    run.heal();
    run.check()?;
    Ok(run.counts)
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x5ee);
        let seats = if rng.below(3) == 0 { 5 } else { 3 };
        let mut cluster = Cluster::with(seats, seed, |config| {
            config.partitions = 16;
            config.sync_round_ms = 1_000;
            // Some remember hardly anything.
            if rng.below(3) == 0 {
                config.watch_tail_bytes_max = 2_000;
            }
        });
        if rng.below(2) == 0 {
            cluster.link_all(HARSH);
        }
        let mut watchers = Vec::new();
        let mut followers = Vec::new();
        for number in 0..3 {
            let server = draw(&mut rng, seats);
            let mut watcher = Watcher::new(&cluster, number as u64, Some(server));
            let range = Span::Range {
                from: b"k3".to_vec(),
                to: b"k8".to_vec(),
            };
            for span in [
                Span::Prefix(b"k".to_vec()),
                Span::Key(b"k1".to_vec()),
                range,
            ] {
                if rng.below(3) > 0 {
                    followers.push(Follower {
                        watcher: number,
                        watch: watcher.watch(&cluster, span.clone()),
                        span,
                        keys: BTreeMap::new(),
                        must_read: false,
                    });
                }
            }
            watchers.push(watcher);
        }
        Self {
            cluster,
            watchers,
            followers,
            rng,
            written: 0,
            counts: Counts::default(),
        }
    }

    fn step(&mut self) {
        let seats = self.cluster.seats.len();
        match self.rng.below(20) {
            0 => {
                let seat = draw(&mut self.rng, seats);
                let running = (0..seats).filter(|it| self.cluster.is_running(*it));
                if self.cluster.is_running(seat) && running.count() * 2 > seats + 1 {
                    self.cluster.crash(seat);
                    self.counts.kills += 1;
                }
            }
            1 | 2 => {
                let down = (0..seats).find(|seat| !self.cluster.is_running(*seat));
                if let Some(seat) = down {
                    self.cluster.start(seat);
                }
            }
            3 => {
                let (a, b) = (draw(&mut self.rng, seats), draw(&mut self.rng, seats));
                let is_cut = self.rng.below(2) == 0;
                if a != b {
                    self.cluster.cut(a, b, is_cut);
                }
            }
            4 => {
                let number = draw(&mut self.rng, self.watchers.len());
                let server = draw(&mut self.rng, seats + 1);
                self.watchers[number].server = (server < seats).then_some(server);
                self.counts.moves += 1;
            }
            _ => self.write(),
        }
        let micros = match self.rng.below(10) {
            0 => self.rng.below(400_000),
            _ => self.rng.below(4_000),
        };
        run(
            &mut self.cluster,
            &mut self.watchers,
            Duration::from_micros(micros),
        );
        self.heed();
    }

    /// Writes some keys through some seats, without waiting.
    fn write(&mut self) {
        let seats = self.cluster.seats.len();
        for _ in 0..=self.rng.below(4) {
            let seat = draw(&mut self.rng, seats);
            if !self.cluster.is_running(seat) {
                continue;
            }
            self.written += 1;
            let key = name(draw(&mut self.rng, KEYS));
            let level = match self.rng.below(2) {
                0 => Level::One,
                _ => Level::Quorum,
            };
            let mut operation = self.cluster.write(&self.written.to_string(), Some(level));
            if self.rng.below(6) == 0
                && let Operation::Write { value, .. } = &mut operation
            {
                *value = None;
            }
            self.cluster.request(seat, &key, operation);
        }
    }

    /// Takes in what was told, and reads anew where that was asked for.
    fn heed(&mut self) {
        for number in 0..self.watchers.len() {
            for output in self.watchers[number].take() {
                match output {
                    WatchOutput::Changes { watch, changes } => {
                        if let Some(it) = self.follower(number, watch) {
                            changes.iter().for_each(|change| it.hear(change));
                        }
                    }
                    WatchOutput::Watching { watch } => {
                        if let Some(it) = self.follower(number, watch) {
                            it.must_read = true;
                        }
                    }
                    WatchOutput::Resumed { .. } | WatchOutput::Shown { .. } => {}
                    WatchOutput::Resync { watch } => {
                        self.counts.resyncs += 1;
                        if let Some(it) = self.follower(number, watch) {
                            it.must_read = true;
                        }
                    }
                    WatchOutput::Failed { failure, .. } => {
                        self.watchers[number].wrongs.push(failure.to_string());
                    }
                }
            }
        }
        for at in 0..self.followers.len() {
            if self.followers[at].must_read {
                self.read_anew(at);
            }
        }
    }

    fn follower(&mut self, watcher: usize, watch: WatchId) -> Option<&mut Follower> {
        let mut followers = self.followers.iter_mut();
        followers.find(|it| it.watcher == watcher && it.watch == watch)
    }

    /// Reads all keys of a watch. If one cannot be read now, all are read again later.
    fn read_anew(&mut self, at: usize) {
        let seats = 0..self.cluster.seats.len();
        let Some(seat) = seats
            .into_iter()
            .find(|seat| self.cluster.is_running(*seat))
        else {
            return;
        };
        let mut read = BTreeMap::new();
        for number in 0..KEYS {
            let key = name(number);
            if !selects(&self.followers[at].span, &key) {
                continue;
            }
            let answer = self.cluster.get(seat, &key, Some(Level::Quorum));
            let (value, context) = match answer.result {
                Ok(Reply::Found(entry)) => (Some(text(&entry.value)), entry.context),
                Ok(Reply::Missing { context }) => (None, context),
                _ => return,
            };
            let token = Token::decode(&context).expect("a node's own");
            read.insert(key, (token, value));
        }
        let follower = &mut self.followers[at];
        follower.must_read = false;
        for (key, (token, value)) in read {
            follower.keys.entry(key).or_default().read(token, value);
        }
    }

    fn heal(&mut self) {
        let seats = self.cluster.seats.len();
        for seat in 0..seats {
            for other in 0..seats {
                if seat != other {
                    self.cluster.cut(seat, other, false);
                }
            }
            if !self.cluster.is_running(seat) {
                self.cluster.start(seat);
            }
        }
        self.cluster.link_all(LinkSettings::CALM);
        for watcher in &mut self.watchers {
            watcher.server.get_or_insert(0);
        }
        for _ in 0..80 {
            run(
                &mut self.cluster,
                &mut self.watchers,
                Duration::from_millis(100),
            );
            self.heed();
        }
    }

    fn check(&mut self) -> Result<(), String> {
        for (number, watcher) in self.watchers.iter().enumerate() {
            self.counts.changes += watcher.changes;
            if let Some(wrong) = watcher.wrongs.first() {
                return Err(format!("watcher {number}: {wrong}"));
            }
        }
        for number in 0..KEYS {
            let key = name(number);
            let value = match self.cluster.get(0, &key, Some(Level::All)).result {
                Ok(Reply::Found(entry)) => Some(text(&entry.value)),
                Ok(_) => None,
                Err(failure) => return Err(format!("{key} cannot be read: {failure}")),
            };
            for it in self.followers.iter().filter(|it| selects(&it.span, &key)) {
                let known = it.keys.get(&key).and_then(|known| known.value.clone());
                if known != value || it.must_read {
                    return Err(format!(
                        "watcher {} has {known:?} for {key} under {:?}, but it is {value:?}",
                        it.watcher, it.span
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Follower {
    fn hear(&mut self, change: &Change) {
        let key = String::from_utf8_lossy(&change.key).into_owned();
        self.keys.entry(key).or_default().hear(change);
    }
}

impl Known {
    /// A change counts unless it is older, or a read has taken it in.
    fn hear(&mut self, change: &Change) {
        if change.version >= self.version && !self.read.contains(change.dot) {
            self.version = change.version;
            self.value = change.value.as_ref().map(text);
            self.told = Some(change.dot);
        }
    }

    /// A read counts if it has taken in what was told, or is newer.
    fn read(&mut self, token: Token, value: Option<String>) {
        let has_told = self.told.is_none_or(|dot| token.seen.contains(dot));
        if has_told || token.newest > self.version {
            self.version = token.newest;
            self.value = value;
            self.told = None;
        }
        self.read = token.seen;
    }
}

fn text(value: &Value) -> String {
    String::from_utf8_lossy(&value.bytes).into_owned()
}

fn name(number: usize) -> String {
    format!("k{number}")
}

fn selects(span: &Span, key: &str) -> bool {
    match span {
        Span::Key(name) => name == key.as_bytes(),
        Span::Prefix(prefix) => key.as_bytes().starts_with(prefix),
        Span::Range { from, to } => {
            key.as_bytes() >= from.as_slice() && key.as_bytes() < to.as_slice()
        }
    }
}

/// A number below `limit`.
fn draw(rng: &mut Rng, limit: usize) -> usize {
    usize::try_from(rng.below(limit as u64)).unwrap_or(0)
}

const STEPS: usize = 150;
const KEYS: usize = 12;

/// Links that lose frames, bring them late, and twice.
const HARSH: LinkSettings = LinkSettings {
    slow_permille: 20,
    slow_micros: 20_000,
    loss_permille: 10,
    duplicate_permille: 10,
    ..LinkSettings::CALM
};
