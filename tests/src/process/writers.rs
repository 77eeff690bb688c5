//! Threads that write and remember what was acknowledged.

use super::http::Http;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What one writer knows: its keys are its own, and each is written with growing numbers.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged {
    /// For each key the newest number that was acknowledged.
    pub newest: BTreeMap<String, u64>,
    /// Writes that were acknowledged.
    pub count: u64,
    /// Writes whose outcome is not known or that were refused.
    pub failed: u64,
    /// Longest time between two acknowledgements.
    pub stall: Duration,
}

/// Writers that go on until they are stopped.
pub struct Writers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Acknowledged>>,
}

impl Writers {
    /// Starts one writer for each of `stones`; each asks the next stone when its own does not
    /// answer. `tag` begins every key; `keys` is how many each writer has.
    #[must_use]
    pub fn start(stones: &[Http], tag: &str, keys: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let writer = |number: usize| {
            let (stop, tag) = (Arc::clone(&stop), format!("{tag}/{number}"));
            let mut stones = stones.to_vec();
            stones.rotate_left(number);
            std::thread::spawn(move || write(&stones, &tag, keys, &stop))
        };
        let threads = (0..stones.len()).map(writer).collect();
        Self { stop, threads }
    }

    /// Stops them and returns what each knows.
    ///
    /// # Panics
    /// If one has panicked.
    #[must_use]
    pub fn finish(self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::Relaxed);
        let threads = self.threads.into_iter();
        threads
            .map(|thread| thread.join().expect("a writer does not panic"))
            .collect()
    }
}

/// Checks that `http` reads of every key the newest acknowledged value, or one that was sent
/// later. Returns the number of keys.
///
/// # Panics
/// If one is lost.
pub fn assert_kept(known: &[Acknowledged], http: &Http) -> usize {
    let mut checked = 0;
    for (key, newest) in known.iter().flat_map(|writer| &writer.newest) {
        let read = http.text(key);
        let number = read.as_deref().and_then(|text| text.parse::<u64>().ok());
        assert!(
            number.is_some_and(|number| number >= *newest),
            "{key}: {newest} was acknowledged, {read:?} is there"
        );
        checked += 1;
    }
    checked
}

fn write(stones: &[Http], tag: &str, keys: u64, stop: &AtomicBool) -> Acknowledged {
    let mut known = Acknowledged::default();
    let (mut at, mut last) = (0, Instant::now());
    for number in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("{tag}/{}", number % keys);
        if stones[at].put_text(&key, &number.to_string()) {
            known.newest.insert(key, number);
            known.count += 1;
            known.stall = known.stall.max(last.elapsed());
            last = Instant::now();
        } else {
            known.failed += 1;
            at = (at + 1) % stones.len();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    known
}
