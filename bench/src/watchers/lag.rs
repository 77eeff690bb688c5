//! A burst of changes while some who watch do not read.

use super::crowd::{Crowd, Telling, value};
use super::{Watchers, key, mib, print_tellings, put, resident};
use henge_core::causality::Value;
use henge_core::client::Call;
use henge_core::id::BucketId;
use henge_core::selector::Span;
use henge_tests::process::{Session, Stones};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Those who do not read.
const SLOW: usize = 100;
/// Changes sent at once, of so many bytes each.
const BURST: u32 = 200;
const BURST_BYTES: usize = 1_024;

/// A burst that all read, then steady changes and a burst that some do not read.
pub(super) fn run(args: &Watchers) {
    let stones = Stones::start(args.stones);
    let (pid, mut writer) = (stones[0].pid(), stones.session(args.stones - 1));
    let spans = (0..args.watchers).map(|_| vec![Span::Prefix(b"k".to_vec())]);
    let crowd = Crowd::connect(&stones.address(0), spans.collect(), SLOW);
    crowd.watch(args.watchers);
    println!(
        "| all of {} watch one prefix, {SLOW} of them slow | |\n|---|--:|",
        args.watchers
    );
    println!("| memory before, MiB | {} |", mib(resident(pid)));

    let peak = Peak::start(pid);
    burst(&crowd, &mut writer, 0);
    crowd.settle();
    let most = peak.end();
    println!(
        "| {BURST} changes of {BURST_BYTES} bytes at once, all read: memory at most, after it, MiB; \
         resyncs | {}, {}; {} |",
        mib(most),
        mib(resident(pid)),
        crowd.heard.resyncs.load(Ordering::Relaxed)
    );
    print_guests(&stones);
    print_tellings(&crowd.take());

    crowd.let_lag(true);
    let peak = Peak::start(pid);
    let first = BURST;
    burst(&crowd, &mut writer, first);
    let pause = Duration::from_secs(1) / args.rate;
    let began = Instant::now();
    for number in 0..args.changes {
        std::thread::sleep((began + pause * number).saturating_duration_since(Instant::now()));
        let sent = crowd.clock.now();
        let value = value(first + BURST + number, sent, args.bytes);
        put(&mut writer, &key(number.into()), &value);
    }
    crowd.settle();
    let most = peak.end();
    println!(
        "| the same and {} changes, {} a second, while {SLOW} do not read: memory at most, after it, \
         MiB | {}, {} |",
        args.changes,
        args.rate,
        mib(most),
        mib(resident(pid)),
    );
    print_guests(&stones);
    let steady = |it: &Telling| it.number >= first + BURST && !it.is_slow;
    let told: Vec<Telling> = crowd.take().into_iter().filter(steady).collect();
    println!("| the latter, to those who read | |");
    print_tellings(&told);

    let before = crowd.heard.resyncs.load(Ordering::Relaxed);
    crowd.let_lag(false);
    crowd.settle();
    let resyncs = crowd.heard.resyncs.load(Ordering::Relaxed) - before;
    let told = crowd.take().iter().filter(|it| it.is_slow).count();
    println!(
        "| the slow ones read again: told of changes, told to read anew; connections lost | {told}, \
         {resyncs}; {} |",
        crowd.heard.lost.load(Ordering::Relaxed)
    );
}

/// What the stone says of its guests.
fn print_guests(stones: &Stones) {
    let status = stones[0].status();
    let shards = status["shards"].as_array().into_iter().flatten();
    let (mut bytes, mut restarts, mut queued) = (0, 0, 0);
    for shard in shards {
        bytes += shard["guest_bytes"].as_u64().unwrap_or(0);
        restarts += shard["restarts"].as_u64().unwrap_or(0);
        queued += shard["watch"]["queued_bytes"].as_u64().unwrap_or(0);
    }
    println!(
        "| of that guests, MiB; guests that trapped; waiting for watches, KiB | {}; {restarts}; {} |",
        mib(bytes),
        queued >> 10
    );
}

fn burst(crowd: &Crowd, writer: &mut Session, first: u32) {
    let sent = crowd.clock.now();
    let call = |number: u32| {
        let value = Value {
            encoding: 0,
            bytes: value(number, sent, BURST_BYTES),
        };
        Call::put(BucketId(0), key(number.into()), value)
    };
    for result in writer.call_all((first..first + BURST).map(call)) {
        result.expect("a write");
    }
}

/// The most memory that a process has while this lives.
struct Peak {
    is_over: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Peak {
    fn start(pid: u32) -> Self {
        let (is_over, most) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let thread = std::thread::spawn({
            let (is_over, most) = (Arc::clone(&is_over), Arc::clone(&most));
            move || {
                while !is_over.load(Ordering::Relaxed) {
                    most.fetch_max(resident(pid), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        });
        Self {
            is_over,
            most,
            thread,
        }
    }

    fn end(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("it only looks");
        self.most.load(Ordering::Relaxed)
    }
}
