//! `henge-bench watchers`: what those who watch cost real stones, and how soon they are told, over sockets.
//!
//! Stones and clients are processes of one machine and share its processors: what the clients do with what
//! they are told, each with a client of its own, is in the times. Memory is that of the serving stone's
//! process; what the system keeps for its sockets is not in it.
//!
//! * `crowd`: the clients.
//! * `lag`: some of them do not read.
//! * `trip`: how soon one is told, beside a round trip.

mod crowd;
mod lag;
mod trip;

use crate::process::{resident_bytes, worked_ms};
use clap::Args;
use crowd::{Crowd, Telling, value};
use henge_core::causality::Value;
use henge_core::client::Call;
use henge_core::id::BucketId;
use henge_core::selector::Span;
use henge_tests::process::{Session, Stones};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Memory of real stones by those who watch through them, and how soon these are told
#[derive(Args)]
pub(crate) struct Watchers {
    /// Watches, each of a client of its own unless it is said otherwise
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..))]
    watchers: u64,
    /// Stones of the cluster; all clients are connected to the first
    #[arg(long, default_value_t = 1)]
    stones: usize,
    /// Changes of each part
    #[arg(long, default_value_t = 50)]
    changes: u32,
    /// Changes a second where all watch one prefix
    #[arg(long, default_value_t = 2)]
    rate: u32,
    /// Bytes of a value
    #[arg(long, default_value_t = 100)]
    bytes: usize,
    /// Play only this part: `trip`, `shared`, `keys`, `few` or `lag`
    #[arg(long)]
    only: Option<String>,
}

/// A part of the bench and its name.
type Play = (&'static str, fn(&Watchers));

/// Runs the bench and prints its figures.
pub(crate) fn run(args: &Watchers) {
    let files = raise_files();
    println!(
        "{} stones, {} bytes a value, up to {files} open files a process; figures of the first stone",
        args.stones, args.bytes
    );
    let parts: [Play; 5] = [
        ("trip", trip::run),
        ("shared", shared),
        ("keys", keys),
        ("few", few),
        ("lag", lag::run),
    ];
    for (name, part) in parts {
        if args.only.as_ref().is_none_or(|only| only == name) {
            println!();
            part(args);
        }
    }
}

/// Lets this process, and the stones that it starts, have as many files as the system allows.
fn raise_files() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it cannot be raised, the clients that find no socket will say so.
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// All watch one prefix, each over a connection of its own.
fn shared(args: &Watchers) {
    let spans = (0..args.watchers).map(|_| vec![Span::Prefix(b"k".to_vec())]);
    let part = Part {
        name: "all watch one prefix",
        told: args.watchers,
        rate: args.rate,
        changes: args.changes,
    };
    part.play(args, spans.collect());
}

/// Each watches a key of its own, over a connection of its own.
fn keys(args: &Watchers) {
    let spans = (0..args.watchers).map(|number| vec![Span::Key(key(number))]);
    let part = Part {
        name: "a key each",
        told: 1,
        rate: 100 * args.rate,
        changes: 100 * args.changes,
    };
    part.play(args, spans.collect());
}

/// As many watches of one prefix, over a hundred connections.
fn few(args: &Watchers) {
    let each = args.watchers / 100;
    let spans = || (0..each).map(|_| Span::Prefix(b"k".to_vec())).collect();
    let part = Part {
        name: "all watch one prefix, over 100 connections",
        told: each * 100,
        rate: args.rate,
        changes: args.changes,
    };
    part.play(args, (0..100).map(|_| spans()).collect());
}

/// Many who watch, and changes at a steady rate.
struct Part {
    name: &'static str,
    /// How many are told of a change.
    told: u64,
    /// Changes a second.
    rate: u32,
    changes: u32,
}

impl Part {
    fn play(&self, args: &Watchers, spans: Vec<Vec<Span>>) {
        let stones = Stones::start(args.stones);
        let (pid, mut writer) = (stones[0].pid(), stones.session(args.stones - 1));
        let (connections, watches) = (spans.len(), spans.iter().map(Vec::len).sum::<usize>());
        put(&mut writer, &key(0), b"warm");
        let alone = resident(pid);
        let crowd = Crowd::connect(&stones.address(0), spans, 0);
        let connected = resident(pid);
        crowd.watch(watches as u64);
        let watching = resident(pid);
        let (idle, began) = (worked_ms(pid).unwrap_or(0), Instant::now());
        std::thread::sleep(IDLE);
        let idle = worked_ms(pid).unwrap_or(0) - idle;
        let idle = idle as f64 / began.elapsed().as_secs_f64() / 10.0;

        let pause = Duration::from_secs(1) / self.rate;
        let (mut acknowledged, began) = (Vec::new(), Instant::now());
        let worked = worked_ms(pid).unwrap_or(0);
        for number in 0..self.changes {
            std::thread::sleep((began + pause * number).saturating_duration_since(Instant::now()));
            let key = key(u64::from(number) % args.watchers);
            let sent = crowd.clock.now();
            put(&mut writer, &key, &value(number, sent, args.bytes));
            acknowledged.push(crowd.clock.now().since(sent).as_micros());
        }
        let expected = self.told * u64::from(self.changes);
        crowd.wait("each change is told to all who watch it", |heard| {
            heard.told.load(Ordering::Relaxed) >= expected
        });
        let worked = worked_ms(pid).unwrap_or(0) - worked;
        let tellings = crowd.take();
        println!("| {} | |\n|---|--:|", self.name);
        println!("| connections, watches | {connections}, {watches} |");
        println!(
            "| memory alone, all connected, all watching, after the changes, MiB | {}, {}, {}, {} |",
            mib(alone),
            mib(connected),
            mib(watching),
            mib(resident(pid)),
        );
        println!(
            "| for a connection, for a watch, KiB | {:.1}, {:.1} |",
            (connected.saturating_sub(alone)) as f64 / connections as f64 / 1_024.0,
            (watching.saturating_sub(connected)) as f64 / watches as f64 / 1_024.0,
        );
        println!("| one processor while nothing changes | {idle:.1} % |");
        println!(
            "| {} changes, {} a second, each told to {} | {:.2} ms of processor for each |",
            self.changes,
            self.rate,
            self.told,
            worked as f64 / f64::from(self.changes),
        );
        println!(
            "| acknowledged after, ms: p50, p99 | {} |",
            at(&mut acknowledged, &[50, 99])
        );
        print_tellings(&tellings);
    }
}

/// How soon changes were told.
fn print_tellings(tellings: &[Telling]) {
    let mut all: Vec<u64> = tellings.iter().map(|it| it.after_us).collect();
    println!(
        "| told after, ms: p50, p99, max of {} | {} |",
        all.len(),
        at(&mut all, &[50, 99, 100])
    );
}

fn put(writer: &mut Session, key: &[u8], bytes: &[u8]) {
    let value = Value {
        encoding: 0,
        bytes: bytes.to_vec(),
    };
    let put = writer.call(Call::put(BucketId(0), key.to_vec(), value));
    put.expect("a write");
}

fn key(number: u64) -> Vec<u8> {
    format!("k{number}").into_bytes()
}

fn resident(pid: u32) -> u64 {
    resident_bytes(pid).unwrap_or(0)
}

fn mib(bytes: u64) -> u64 {
    bytes >> 20
}

/// Milliseconds at some percentages of `micros`.
fn at(micros: &mut [u64], percents: &[usize]) -> String {
    micros.sort_unstable();
    let last = micros.len().saturating_sub(1);
    let one = |percent: &usize| micros.get(last * percent / 100).copied().unwrap_or(0);
    let text = |percent: &usize| format!("{:.2}", one(percent) as f64 / 1_000.0);
    let texts: Vec<_> = percents.iter().map(text).collect();
    texts.join(", ")
}

/// How long nothing changes: each client gives a sign of life in that time.
const IDLE: Duration = Duration::from_secs(12);
