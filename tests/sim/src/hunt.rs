//! Many seeds, on threads, by the wall clock.

use crate::replay;
use henge_sim::run::{Outcome, run};
use henge_sim::swarm::{self, Scope};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const THREADS: usize = 2;

/// How far a hunt goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// So many seeds.
    Seeds(u64),
    /// So long.
    Minutes(f64),
}

/// A seed that nobody has chosen.
pub(crate) fn random_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |since| {
        u64::try_from(since.as_micros()).unwrap_or(1) * 1_000
    })
}

/// What a hunt has come to so far.
#[derive(Default)]
struct Tally {
    seeds: u64,
    virtual_micros: u64,
    busy_micros: u64,
    crowded: u64,
    acknowledged: u64,
    reads: u64,
    session_reads: u64,
    /// Seconds of work, over all threads.
    worked: f64,
    /// Over the seeds' digests, whatever their order.
    digest: u64,
    failed: Vec<(u64, Outcome)>,
}

/// Runs seeds from `from` on; says whether every law held in all of them.
pub(crate) fn hunt(from: u64, bound: Bound, scope: Scope) -> bool {
    println!("seeds from {from}");
    let next = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let tally = Mutex::new(Tally::default());
    let began = Instant::now();
    std::thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| work(from, bound, scope, began, &next, &tally));
        }
        threads.spawn(|| {
            watch(began, &is_over, &tally, &next, bound);
        });
    });
    let tally = tally.into_inner().unwrap_or_default();
    println!("{}", line(began, &tally));
    println!("digest of all {:016x}", tally.digest);
    for (seed, outcome) in tally.failed.iter().take(3) {
        replay::explain(&swarm::plan(*seed, scope), scope, outcome);
    }
    for (seed, outcome) in &tally.failed {
        if let Some(failure) = &outcome.failure {
            println!("seed {seed}: {failure}");
        }
    }
    tally.failed.is_empty()
}

fn work(
    from: u64,
    bound: Bound,
    scope: Scope,
    began: Instant,
    next: &AtomicU64,
    tally: &Mutex<Tally>,
) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if is_beyond(bound, number, began) {
            return;
        }
        let seed = from.wrapping_add(number);
        let started = Instant::now();
        let outcome = run(&swarm::plan(seed, scope), scope, false);
        let Ok(mut tally) = tally.lock() else { return };
        tally.worked += started.elapsed().as_secs_f64();
        tally.seeds += 1;
        tally.virtual_micros += outcome.virtual_micros;
        tally.busy_micros += outcome.busy_micros;
        tally.crowded += outcome.crowded;
        tally.acknowledged += outcome.acknowledged;
        tally.reads += outcome.reads;
        tally.session_reads += outcome.session_reads;
        tally.digest = tally.digest.wrapping_add(outcome.digest);
        if let Some(failure) = &outcome.failure {
            // At once: a hunt may be cut short.
            println!("seed {seed}: {failure}");
            tally.failed.push((seed, outcome));
        }
    }
}

fn is_beyond(bound: Bound, number: u64, began: Instant) -> bool {
    match bound {
        Bound::Seeds(seeds) => number >= seeds,
        Bound::Minutes(minutes) => began.elapsed().as_secs_f64() >= minutes * 60.0,
    }
}

/// A line every few seconds until the hunt is over.
fn watch(
    began: Instant,
    is_over: &AtomicBool,
    tally: &Mutex<Tally>,
    next: &AtomicU64,
    bound: Bound,
) {
    let mut said = Instant::now();
    while !is_over.load(Ordering::Relaxed) && !is_beyond(bound, next.load(Ordering::Relaxed), began)
    {
        std::thread::sleep(Duration::from_millis(100));
        if said.elapsed() >= Duration::from_secs(5) {
            said = Instant::now();
            let Ok(tally) = tally.lock() else { return };
            println!("{}", line(began, &tally));
        }
    }
}

fn line(began: Instant, tally: &Tally) -> String {
    let hours = |micros: u64| micros as f64 / 3.6e9;
    let speed = |micros: u64| micros as f64 / 1e6 / tally.worked.max(1e-9);
    format!(
        "{:>5.0} s: {} seeds, {:.1} virtual hours ({:.1} under load), {:.0} times real time on a \
         core ({:.0} under load), {} writes acknowledged, {} reads ({} of sessions), {} crowded \
         keys, {} failures",
        began.elapsed().as_secs_f64(),
        tally.seeds,
        hours(tally.virtual_micros),
        hours(tally.busy_micros),
        speed(tally.virtual_micros),
        speed(tally.busy_micros),
        tally.acknowledged,
        tally.reads,
        tally.session_reads,
        tally.crowded,
        tally.failed.len()
    )
}

/// Plants the bug called `name`; gives all names if there is none.
#[cfg(feature = "planted-bugs")]
pub(crate) fn plant(name: &str) -> Result<(), String> {
    use henge_core::planted::{Bug, plant};
    let found = Bug::ALL.iter().find(|bug| bug.name() == name);
    let names = || {
        let names: Vec<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        names.join(", ")
    };
    plant(Some(*found.ok_or_else(names)?));
    Ok(())
}

/// Plants each bug in turn and runs up to `seeds` seeds until a law is broken; says whether each
/// bug was caught.
#[cfg(feature = "planted-bugs")]
pub(crate) fn bugs(from: u64, seeds: u64, scope: Scope) -> bool {
    use henge_core::planted::{Bug, plant};
    println!(
        "{:<26} {:<14} {:>6} {:>8}",
        "bug", "caught by", "seeds", "seconds"
    );
    let mut is_good = true;
    for bug in Bug::ALL {
        plant(Some(*bug));
        let began = Instant::now();
        let mut seed_numbers = 0..seeds;
        let caught = seed_numbers.find_map(|number| {
            let plan = swarm::plan(from.wrapping_add(number), scope);
            let failure = run(&plan, scope, false).failure?;
            Some((number + 1, failure))
        });
        let seconds = began.elapsed().as_secs_f64();
        match caught {
            Some((needed, failure)) => {
                let checker = failure.checker.name();
                println!(
                    "{:<26} {checker:<14} {needed:>6} {seconds:>8.2}",
                    bug.name()
                );
            }
            None => {
                is_good = false;
                println!(
                    "{:<26} NOT CAUGHT     {seeds:>6} {seconds:>8.2}",
                    bug.name()
                );
            }
        }
    }
    plant(None);
    is_good
}
