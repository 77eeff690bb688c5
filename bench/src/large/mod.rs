//! `henge-bench large`: one stone with many times more data than memory.
//!
//! * `data`: pairs of mixed lengths that compress as JSON does.
//! * `watch`: resident memory and what was loaded, over time.
//! * `plot`: that as a picture.

mod data;
mod plot;
mod watch;

use clap::Args;
use data::Data;
use henge_core::client::Call;
use henge_core::id::BucketId;
use henge_core::rng::Rng;
use henge_core::wire::{ErrorCode, Reply};
use henge_tests::process::Session;
use henge_tests::process::stone::{Stone, StoneSpec};
use serde_json::Value as Json;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use watch::Watch;

/// Puts under way at a time.
const PUTS: usize = 512;
/// Gets that are timed, one at a time.
const GETS: u64 = 5_000;
/// Keys that are read again and again.
const HOT_KEYS: u64 = 500;

/// One stone with many times more data than memory
#[derive(Args)]
pub(crate) struct Large {
    /// Bytes of keys and values to load, in GiB
    #[arg(long, default_value_t = 5.0)]
    gib: f64,
    /// Memory of each shard's storage, in MiB
    #[arg(long, default_value_t = 48)]
    memory: u32,
    /// Shards of the stone
    #[arg(long, default_value_t = 2)]
    shards: u16,
    /// Where the data folder is made
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Writes memory over time there, as SVG
    #[arg(long)]
    plot: Option<PathBuf>,
}

/// Runs the bench and prints its figures.
pub(crate) fn run(args: &Large) {
    let parent = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::tempdir_in(parent).expect("the folder can be made");
    println!("{}", crate::engine::machine::describe(folder.path()));
    let memory = format!("--memory-max={}MiB", args.memory);
    let shards = format!("--shards={}", args.shards);
    let spec = StoneSpec::alone(folder.path(), &[&memory, &shards]);
    let data_folder = spec.data.clone();
    let mut stone = Stone::ready(spec);
    let data = Data::new(args.gib);
    println!(
        "{} pairs, {:.2} GiB of keys and values, {} shards with {} MiB for storage each",
        data.pairs(),
        gib(data.bytes()),
        args.shards,
        args.memory
    );

    let watch = Watch::start(stone.pid());
    let began = Instant::now();
    let retries = load(&stone, &data, &watch);
    let loaded = began.elapsed();
    settle(&stone);
    let settled = began.elapsed();
    let rate = data.bytes() as f64 / f64::from(1 << 20) / loaded.as_secs_f64();
    println!(
        "load: {:.0} s, {:.0} pairs/s, {rate:.1} MiB/s, {retries} puts told to slow down; settled after {:.0} s",
        loaded.as_secs_f64(),
        data.pairs() as f64 / loaded.as_secs_f64(),
        settled.as_secs_f64()
    );
    let (table_written, log_written) = written(&stone, &data);
    let on_disk = disk_bytes(&data_folder);
    println!(
        "disk: {:.2} GiB, space amplification {:.2}; write amplification {:.2} with the log, {:.2} without",
        gib(on_disk),
        on_disk as f64 / data.bytes() as f64,
        (table_written + log_written) as f64 / data.bytes() as f64,
        table_written as f64 / data.bytes() as f64,
    );

    stone.stop();
    let is_dropped = std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok();
    let began = Instant::now();
    stone.start();
    stone.wait_ready();
    println!("reopened: ready after {} ms", began.elapsed().as_millis());
    watch.follow(stone.pid());
    let mut session = Session::connect(&stone.spec.address());
    let mut rng = Rng::new(5);
    let cold: Vec<u64> = (0..GETS).map(|_| rng.below(data.pairs())).collect();
    let cache = if is_dropped {
        "page cache dropped"
    } else {
        "page cache kept: not root"
    };
    timed("get, cold", &mut session, &data, &cold, cache);
    let hot: Vec<u64> = (0..GETS).map(|_| rng.below(HOT_KEYS)).collect();
    timed("get, warming", &mut session, &data, &hot[..1_000], "");
    timed("get, hot", &mut session, &data, &hot, "the same 500 keys");
    let samples = watch.end();
    let most = samples
        .iter()
        .map(|sample| sample.resident_bytes)
        .max()
        .unwrap_or(0);
    println!(
        "resident memory: at most {:.1} MiB",
        most as f64 / f64::from(1 << 20)
    );
    if let Some(path) = &args.plot {
        std::fs::write(path, plot::svg(&samples)).expect("the plot can be written");
        println!("plot: {}", path.display());
    }
}

/// Puts everything, as fast as the stone takes it. Returns how often it said to slow down.
fn load(stone: &Stone, data: &Data, watch: &Watch) -> u64 {
    let mut session = Session::connect(&stone.spec.address());
    let mut retries = 0;
    let mut next = 0;
    let mut told = Instant::now();
    while next < data.pairs() {
        let end = (next + PUTS as u64).min(data.pairs());
        let mut open: Vec<u64> = (next..end).collect();
        while !open.is_empty() {
            let results = session.call_all(open.iter().map(|index| data.put(*index)));
            let mut again = Vec::new();
            for (index, result) in open.iter().zip(results) {
                match result {
                    Ok(_) => {}
                    Err(failure) if failure.code == ErrorCode::RateLimited => again.push(*index),
                    Err(failure) => panic!("put {index}: {failure}"),
                }
            }
            retries += again.len() as u64;
            open = again;
        }
        next = end;
        watch.loaded(data.bytes_until(next));
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            eprintln!(
                "{:.2} of {:.2} GiB",
                gib(data.bytes_until(next)),
                gib(data.bytes())
            );
        }
    }
    retries
}

/// Waits until nothing more is merged.
fn settle(stone: &Stone) {
    let mut last = Vec::new();
    loop {
        std::thread::sleep(Duration::from_secs(2));
        let now: Vec<u64> = storage(stone)
            .map(|numbers| number(&numbers, "table_bytes_written"))
            .collect();
        if now == last {
            return;
        }
        last = now;
    }
}

/// Bytes that were written into tables, and about as many as the log got.
fn written(stone: &Stone, data: &Data) -> (u64, u64) {
    let tables = storage(stone)
        .map(|numbers| number(&numbers, "table_bytes_written"))
        .sum();
    let log: u64 = storage(stone)
        .map(|numbers| number(&numbers, "written_bytes"))
        .sum();
    (tables, log.max(data.bytes()))
}

fn storage(stone: &Stone) -> impl Iterator<Item = Json> {
    let shards = stone.status()["shards"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    shards.into_iter().map(|shard| shard["storage"].clone())
}

fn number(numbers: &Json, name: &str) -> u64 {
    numbers[name].as_u64().expect("a number in the status")
}

/// Gets one at a time; prints how long they take.
fn timed(what: &str, session: &mut Session, data: &Data, indexes: &[u64], note: &str) {
    let mut took_us: Vec<u128> = Vec::with_capacity(indexes.len());
    for index in indexes {
        let began = Instant::now();
        let result = session.call(Call::get(BucketId(0), data.key(*index)));
        took_us.push(began.elapsed().as_micros());
        match result {
            Ok(Reply::Found(entry)) => {
                assert!(
                    entry.value.bytes == data.value(*index),
                    "pair {index} reads wrong"
                );
            }
            other => panic!("pair {index}: {other:?}"),
        }
    }
    took_us.sort_unstable();
    let at = |part: usize| took_us[(took_us.len() - 1) * part / 100] as f64 / 1_000.0;
    println!(
        "{what}: n={}, p50 {:.3} ms, p99 {:.3} ms {note}",
        took_us.len(),
        at(50),
        at(99)
    );
}

fn disk_bytes(folder: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return std::fs::metadata(folder).map_or(0, |file| file.len());
    };
    entries
        .flatten()
        .map(|entry| disk_bytes(&entry.path()))
        .sum()
}

fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}
