//! Watches of real stones, over real sockets: each change is told once, whatever becomes of the stone that
//! tells them.
//!
//! `HENGE_CHANGES` and `HENGE_KILLS` say how many changes and kills there are at least: 100000 and 10 are
//! what `docs/watch.md` has figures of.

use henge_core::client::WatchOutput;
use henge_core::selector::Span;
use henge_core::watch::{Change, Rank};
use henge_tests::process::{Session, Stones, binary, session, wait_until};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[test]
fn each_change_is_told_once_or_a_resync_said_while_the_serving_stone_is_killed_again_and_again() {
    let (changes, kills) = (setting("HENGE_CHANGES", 10_000), setting("HENGE_KILLS", 3));
    let mut stones = Stones::start_with(3, &["--write-level=2", "--read-level=2"]);
    let servers: Vec<String> = (0..3).map(|number| stones.address(number)).collect();
    let watcher = Watcher::start(&servers);
    let writers = Writers::start(&servers);
    for kill in 0..kills {
        let due = (kill + 1) * changes / (kills + 1);
        wait_until("writes go on", LONG, || writers.count() > due);
        let serving = watcher
            .server()
            .expect("it has gone on after the last kill");
        stones.kill9(serving);
        wait_until("the watch goes on at another stone", LONG, || {
            watcher.server().is_some_and(|now| now != serving)
        });
        stones.restart(serving);
    }
    wait_until("writes go on", LONG, || writers.count() >= changes);
    let acknowledged = writers.finish();
    let known = watcher.finish();

    let told = known.told.values().map(Vec::len).sum::<usize>();
    println!(
        "MEASURE watch: {} changes acknowledged, {told} told of {} keys, {kills} kills of the serving \
         stone, went on {} times, {} resyncs, longest silence {} ms",
        acknowledged.len(),
        known.told.len(),
        known.resumes,
        known.resyncs,
        known.silence.as_millis(),
    );
    assert!(acknowledged.len() >= changes);
    let unsaid = |key: &&String| !known.told.contains_key(*key) && !known.read.contains(*key);
    let keys: BTreeSet<&String> = acknowledged.iter().map(|(key, _)| key).collect();
    let missed: Vec<_> = keys.into_iter().filter(unsaid).take(5).collect();
    assert_eq!(missed, [""; 0], "neither told nor there after a resync");
    let (mut reader, mut again) = (stones.session(0), 0);
    for (key, versions) in &known.told {
        let rises = versions.is_sorted_by(|(one, _), (next, _)| one < next);
        assert!(rises, "{key} is told twice, or goes back: {versions:?}");
        if key.starts_with(ONCE) {
            // Who took a write and was killed before others had it may bring it back beside the same
            // write, sent again to another.
            let is_one = versions.iter().all(|(_, value)| *value == versions[0].1);
            assert!(is_one, "{key} was written once: {versions:?}");
            again += versions.len() - 1;
        } else {
            let now = reader.get(key).unwrap().expect("nothing is deleted");
            assert_eq!(
                known.latest[key],
                now.bytes,
                "{key} is in another state: {versions:?}, read after a resync: {}",
                known.read.contains(key)
            );
        }
    }
    assert!(
        again <= kills * IN_FLIGHT,
        "{again} writes were told in two versions"
    );
    assert!(known.told.keys().any(|key| !key.starts_with(ONCE)));
}

#[test]
fn who_comes_back_when_the_history_is_gone_is_told_to_read_anew() {
    let stones = Stones::start(3);
    let mut watcher = stones.session(0);
    watcher.watch(Span::Prefix(b"w/".to_vec())).unwrap();
    let told = watcher.wait_told("it watches", LONG);
    assert!(
        matches!(told[..], [WatchOutput::Watching { .. }]),
        "{told:?}"
    );
    watcher.cut();
    // Each shard remembers 8 MiB of changes; this is more for each of two.
    let value = "x".repeat(9_000);
    let mut writer = stones.session(1);
    for chunk in 0..50 {
        let key = |number: usize| format!("w/{}", chunk * 64 + number);
        for result in writer.call_all((0..64).map(|it| session::put(&key(it), &value))) {
            result.unwrap();
        }
    }
    let told = watcher.wait_told("it is told something", LONG);
    assert!(matches!(told[..], [WatchOutput::Resync { .. }]), "{told:?}");
    writer.put("w/after", "new").unwrap();
    wait_for_key(&mut watcher, b"w/after");
}

#[test]
fn one_that_does_not_read_delays_nobody_and_is_told_to_read_anew() {
    let stones = Stones::start(1);
    let (mut slow, mut quick) = (stones.session(0), stones.session(0));
    for session in [&mut slow, &mut quick] {
        session.watch(Span::Prefix(b"w/".to_vec())).unwrap();
        let told = session.wait_told("it watches", LONG);
        assert!(
            matches!(told[..], [WatchOutput::Watching { .. }]),
            "{told:?}"
        );
    }
    // A session reads only when it is asked to. What waits for one is at most 8 MiB.
    let value = "x".repeat(9_000);
    let key = |number: usize| format!("w/{number}");
    for chunk in 0..60 {
        let calls = (0..64).map(|number| session::put(&key(chunk * 64 + number), &value));
        quick
            .call_all(calls)
            .into_iter()
            .for_each(|result| drop(result.unwrap()));
    }
    let mut heard = BTreeSet::new();
    let began = Instant::now();
    while heard.len() < 60 * 64 {
        for output in quick.wait_told("each change is told", LONG) {
            let WatchOutput::Changes { changes, .. } = output else {
                panic!("{output:?}");
            };
            heard.extend(changes.into_iter().map(|change| change.key));
        }
    }
    println!(
        "MEASURE watch: told of {} changes beside one that does not read, the last {} ms after it was \
         acknowledged",
        heard.len(),
        began.elapsed().as_millis()
    );
    let shards = stones[0].status()["shards"].clone();
    for shard in shards.as_array().unwrap() {
        let waiting = shard["watch"]["queued_bytes"].as_u64().unwrap();
        assert!(
            waiting < 9 << 20,
            "{waiting} bytes wait for one that does not read"
        );
        assert_eq!(shard["restarts"], 0, "{shard}");
    }
    let mut told = 0;
    loop {
        let outputs = slow.wait_told("it is told to read anew", LONG);
        for output in &outputs {
            if let WatchOutput::Changes { changes, .. } = output {
                told += changes.len();
            }
        }
        if outputs
            .iter()
            .any(|it| matches!(it, WatchOutput::Resync { .. }))
        {
            break;
        }
    }
    assert!(told < 60 * 64, "it was told of all: nothing was too much");
    quick.put("w/after", "new").unwrap();
    wait_for_key(&mut slow, b"w/after");
}

/// Waits until `key` is told of.
fn wait_for_key(session: &mut Session, key: &[u8]) {
    let is_it = |output: &WatchOutput| match output {
        WatchOutput::Changes { changes, .. } => changes.iter().any(|change| change.key == key),
        _ => false,
    };
    while !session
        .wait_told("the key is told of", LONG)
        .iter()
        .any(is_it)
    {}
}

fn setting(name: &str, default: usize) -> usize {
    let Ok(text) = std::env::var(name) else {
        return default;
    };
    let number = text.parse();
    number.unwrap_or_else(|_| panic!("{name}={text} is no number"))
}

/// Writers, each with keys that it writes once and a few that it writes again and again.
struct Writers {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Vec<(String, String)>>>,
}

impl Writers {
    fn start(servers: &[String]) -> Self {
        let (stop, count) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let writer = |number: usize| {
            let (stop, count) = (Arc::clone(&stop), Arc::clone(&count));
            let mut servers = servers.to_vec();
            servers.rotate_left(number);
            std::thread::spawn(move || write(number, &servers, &stop, &count))
        };
        let threads = (0..2).map(writer).collect();
        Self {
            stop,
            count,
            threads,
        }
    }

    /// Writes that were acknowledged so far.
    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Stops them. Returns what was acknowledged.
    fn finish(self) -> Vec<(String, String)> {
        self.stop.store(true, Ordering::Relaxed);
        let threads = self.threads.into_iter();
        let finished = threads.map(|thread| thread.join().expect("a writer does not panic"));
        finished.flatten().collect()
    }
}

fn write(
    number: usize,
    servers: &[String],
    stop: &AtomicBool,
    count: &AtomicUsize,
) -> Vec<(String, String)> {
    let mut session = Session::connect_any(servers);
    let mut acknowledged = Vec::new();
    for round in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let pair = |at: usize| {
            let key = match at {
                0 => format!("w/often/{number}/{}", round % 20),
                _ => format!("{ONCE}{number}/{round}/{at}"),
            };
            (key, round.to_string())
        };
        let pairs: Vec<(String, String)> = (0..WRITES).map(pair).collect();
        let calls = pairs.iter().map(|(key, value)| session::put(key, value));
        let results = session.call_all(calls);
        let taken = pairs.into_iter().zip(results).filter(|(_, it)| it.is_ok());
        let before = acknowledged.len();
        acknowledged.extend(taken.map(|(pair, _)| pair));
        count.fetch_add(acknowledged.len() - before, Ordering::Relaxed);
    }
    acknowledged
}

/// A watcher on a thread of its own, and the stone that serves it.
struct Watcher {
    stop: Arc<AtomicBool>,
    server: Arc<Mutex<Option<usize>>>,
    thread: JoinHandle<Known>,
}

/// What a watcher knows in the end.
#[derive(Default)]
struct Known {
    /// What it was told of each key, in that order.
    told: BTreeMap<String, Vec<(Rank, Vec<u8>)>>,
    /// Keys that it has read when it was told to read anew.
    read: BTreeSet<String>,
    /// The value of each key that it was told of or has read last.
    latest: BTreeMap<String, Vec<u8>>,
    resyncs: u64,
    resumes: u64,
    /// Longest time between two tellings, while there were writes.
    silence: Duration,
}

impl Watcher {
    fn start(servers: &[String]) -> Self {
        let (stop, server) = (Arc::<AtomicBool>::default(), Arc::<Mutex<_>>::default());
        let mut socket = Session::connect_any(servers);
        socket.watch(Span::Prefix(b"w/".to_vec())).unwrap();
        let told = socket.wait_told("it watches", LONG);
        assert!(
            matches!(told[..], [WatchOutput::Watching { .. }]),
            "{told:?}"
        );
        let thread = std::thread::spawn({
            let (stop, server, servers) =
                (Arc::clone(&stop), Arc::clone(&server), servers.to_vec());
            move || watch(socket, &servers, &stop, &server)
        });
        wait_until("somebody serves it", LONG, || {
            server.lock().unwrap().is_some()
        });
        Self {
            stop,
            server,
            thread,
        }
    }

    /// The number of the stone that serves it.
    fn server(&self) -> Option<usize> {
        *self.server.lock().unwrap()
    }

    /// Ends it when it is told nothing any more. Returns what it knows.
    fn finish(self) -> Known {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("a watcher does not panic")
    }
}

fn watch(
    mut socket: Session,
    servers: &[String],
    stop: &AtomicBool,
    server: &Mutex<Option<usize>>,
) -> Known {
    let (mut known, mut heard) = (Known::default(), Instant::now());
    while heard.elapsed() < QUIET || !stop.load(Ordering::Relaxed) {
        socket.turn();
        let name = socket.server().and_then(|name| name.strip_prefix("stone-"));
        let number = name.map(|it| it.parse::<usize>().expect("a number") - 1);
        *server.lock().unwrap() = number;
        for output in socket.take_told() {
            match output {
                WatchOutput::Changes { changes, .. } => {
                    if !stop.load(Ordering::Relaxed) {
                        known.silence = known.silence.max(heard.elapsed());
                    }
                    heard = Instant::now();
                    changes.into_iter().for_each(|change| known.take(change));
                }
                WatchOutput::Resumed { .. } => known.resumes += 1,
                WatchOutput::Resync { .. } => {
                    known.resyncs += 1;
                    for (key, value) in read_anew(servers) {
                        known.read.insert(key.clone());
                        known.latest.insert(key, value);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
    known
}

impl Known {
    fn take(&mut self, change: Change) {
        let key = String::from_utf8(change.key.clone()).expect("a key of this test");
        let (rank, value) = (change.rank(), change.value.expect("nothing is deleted"));
        self.latest.insert(key.clone(), value.bytes.clone());
        self.told.entry(key).or_default().push((rank, value.bytes));
    }
}

/// The keys that are there, with their values.
fn read_anew(servers: &[String]) -> Vec<(String, Vec<u8>)> {
    let list = servers.join(",");
    loop {
        let listed = binary::run(&["list", "w/", "--r", "2", "--server", &list]);
        if listed.code() == 0 {
            let pair = |line: &str| {
                let (key, value) = line.split_once('\t').expect("a key and its value");
                (key.to_owned(), value.into())
            };
            return listed.text().lines().map(pair).collect();
        }
    }
}

/// Writes that are under way at most: two writers, each with so many.
const IN_FLIGHT: usize = 2 * WRITES;
/// Writes that a writer sends at once.
const WRITES: usize = 32;
/// What the keys that are written once begin with.
const ONCE: &str = "w/once/";
/// Nothing takes that long.
const LONG: Duration = Duration::from_secs(60);
/// After so long without a change none is under way.
const QUIET: Duration = Duration::from_secs(2);
