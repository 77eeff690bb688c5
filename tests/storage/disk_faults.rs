//! A fault at every single I/O of a run, and flipped bytes at rest: nothing wrong is ever read,
//! and what is broken is named.

use crate::faulty::{Faulty, KINDS, Kind, REFUSALS};
use henge_core::rng::Rng;
use henge_core::storage::log::format::{Parsed, SEGMENT_HEADER_BYTES, parse_batch};
use henge_core::storage::store::Scan;
use henge_core::storage::table::footer::TABLE_HEADER_BYTES;
use henge_core::storage::{BatchNumber, Facts, FileKind, StoreEvent, StoreSettings, StoredKey};
use henge_tests::storage::engine::{Answers, Got, key, small};
use henge_tests::storage::{Disk, Engine, Model};
use std::collections::BTreeMap;
use std::ops::Bound;

fn settings() -> StoreSettings {
    StoreSettings {
        memory_bytes_max: 128 << 10,
        ..small()
    }
}

const KEYS: u64 = 70;

/// A store in use, with what it must hold.
struct Run {
    engine: Engine,
    model: Model,
    /// The newest batch of the log.
    last: BatchNumber,
}

impl Run {
    /// Opens a store, writes and reads, and lets it come to rest.
    fn new(faulty: &mut Faulty, writes: u64) -> Self {
        let answers = &mut |disk: &mut Disk, request| faulty.answer(disk, request);
        let mut rng = Rng::new(5);
        let engine = Engine::open_with(settings(), Disk::default(), answers);
        let (model, last) = (Model::default(), BatchNumber(0));
        let mut run = Self {
            engine,
            model,
            last,
        };
        for number in 0..writes {
            let key = key(rng.below(KEYS));
            let mut state = number.to_le_bytes().to_vec();
            state.extend((0..rng.below(900)).map(|_| rng.next_u64().to_le_bytes()[0]));
            while run.engine.store.can_write().is_err() && run.engine.failure().is_none() {
                if !run.engine.step_with(0, answers) {
                    run.engine.pass_ms(500);
                }
            }
            if run.engine.failure().is_some() {
                break;
            }
            run.last = run.engine.put(&key, &state, Facts::default()).unwrap();
            run.model.wrote(&key, run.last, &state);
            for _ in 0..rng.below(4) {
                run.engine
                    .step_with(usize::try_from(rng.below(9)).unwrap(), answers);
            }
            if number % 8 == 0 {
                let key = self::key(rng.below(KEYS));
                run.read(&key, answers);
            }
        }
        run.settle(answers);
        run
    }

    /// Reads the newest state, unless the store says that it cannot.
    fn read(&mut self, key: &StoredKey, answers: Answers<'_>) {
        if self.engine.failure().is_some() {
            return;
        }
        let states = self.model.written.get(key);
        let newest = states.map(|states| states.last().unwrap().1.clone());
        // Writes wait for room as long as it takes.
        while self.engine.durable < self.last && self.engine.failure().is_none() {
            if !self.engine.step_with(0, answers) {
                self.engine.pass_ms(500);
            }
        }
        match self.engine.get_with(key, answers) {
            Got::State(state) => assert_eq!(state, newest, "{key:?} reads wrong"),
            Got::Damaged => assert!(named(&self.engine).is_some(), "{:?}", self.engine.events),
        }
    }

    /// Drives the store until it rests, with all the time that it needs; once it has failed it must
    /// acknowledge nothing any more.
    fn settle(&mut self, answers: Answers<'_>) {
        let before = self
            .engine
            .failure()
            .is_some()
            .then_some(self.engine.durable);
        for _ in 0..4 * REFUSALS {
            self.engine.drive_with(answers);
            self.engine.pass_ms(1_000);
        }
        if let Some(before) = before {
            assert_eq!(self.engine.durable, before, "acknowledged after a failure");
            assert!(self.engine.store.can_write().is_err());
        } else if self.engine.failure().is_none() {
            assert_eq!(self.engine.durable, self.last, "not all became durable");
        }
    }

    /// Reads all keys and scans them.
    fn read_all(&mut self, answers: Answers<'_>) {
        for number in 0..KEYS {
            self.read(&key(number), answers);
        }
        let newest = |states: &Vec<(BatchNumber, Vec<u8>)>| states.last().unwrap().1.clone();
        let written = self.model.written.iter();
        let expected = written.map(|(key, states)| (key.clone(), newest(states)));
        if self.engine.failure().is_none()
            && let Some(found) = scan(&mut self.engine, answers)
        {
            assert!(found.into_iter().eq(expected), "the scan gives other pairs");
        } else {
            assert!(named(&self.engine).is_some(), "{:?}", self.engine.events);
        }
    }

    /// Opens what is on the disk again.
    fn reopen(&mut self, answers: Answers<'_>) {
        let disk = std::mem::take(&mut self.engine.disk);
        self.engine = Engine::open_with(settings(), disk, answers);
        self.last = BatchNumber(0);
    }
}

/// All pairs; `None` if some cannot be read.
fn scan(engine: &mut Engine, answers: Answers<'_>) -> Option<Vec<(StoredKey, Vec<u8>)>> {
    let (mut found, mut next) = (Vec::new(), None::<StoredKey>);
    loop {
        let from = next
            .as_ref()
            .map_or(Bound::Unbounded, |key| Bound::Excluded(key.as_bytes()));
        let page = engine.scan_with(
            &Scan {
                from,
                to: Bound::Unbounded,
                is_reverse: false,
                live_at_ms: None,
                shows_pending: false,
                entries_max: 50,
                bytes_max: usize::MAX,
            },
            answers,
        )?;
        found.extend(page.entries.into_iter().map(|entry| (entry.key, entry.set)));
        next = page.next;
        if next.is_none() {
            return Some(found);
        }
    }
}

/// The file that the store has found to be broken.
fn named(engine: &Engine) -> Option<String> {
    engine.events.iter().find_map(|event| match event {
        StoreEvent::Failed(why) => Some(why.clone()),
        StoreEvent::Damaged { table, .. } => Some(format!("table-{table:010}")),
        _ => None,
    })
}

/// How a fault has ended.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    /// The file was named, or the failure or the lack of room told.
    Detected,
    /// It was read again, or on: nobody has used wrong bytes.
    Healed,
    /// Nothing was other than it should be.
    Harmless,
}

/// A run and a reopening with one fault, and a reopening after it.
fn run_with(kind: Kind, at: usize) -> Ending {
    let mut faulty = Faulty::new(kind, at);
    let mut run = Run::new(&mut faulty, WRITES);
    run.read_all(&mut |disk, request| faulty.answer(disk, request));
    let durable = run.engine.durable;
    let (mut name, mut events) = (named(&run.engine), run.engine.events.clone());
    if run.engine.failure().is_none() {
        let answers = &mut |disk: &mut Disk, request| faulty.answer(disk, request);
        run.reopen(answers);
        if run.engine.is_open() {
            run.settle(answers);
        }
        run.read_all(answers);
        name = name.or(named(&run.engine));
        events.append(&mut run.engine.events);
    }
    let context = format!("{kind:?} at {at}: {:?}", faulty.hit);
    run.reopen(&mut Disk::carry_out);
    assert!(run.engine.is_open(), "{context}: {:?}", run.engine.events);
    for key in run.model.written.keys() {
        match run.engine.get(key) {
            Got::State(got) => assert!(
                run.model.allows(key, durable, got.as_deref()),
                "{context}: {key:?} reads wrong after the fault, {events:?}"
            ),
            Got::Damaged => panic!("{context}: {key:?} is damaged"),
        }
    }
    let hit = faulty.hit.expect("the run is always the same");
    let file = hit.file();
    if kind == Kind::Full {
        assert!(events.contains(&StoreEvent::Full), "{context}: {events:?}");
        assert_eq!(name, None, "{context}");
        return Ending::Detected;
    }
    match name {
        Some(name) => {
            assert!(name.contains(&file.to_string()), "{context}: {name}");
            Ending::Detected
        }
        None if !faulty.is_corrupt && kind != Kind::Failed => Ending::Harmless,
        None => {
            let is_read_again = file.kind == FileKind::Log || kind == Kind::Short;
            assert!(
                is_read_again && kind != Kind::Failed,
                "{context} is found by nobody"
            );
            Ending::Healed
        }
    }
}

const WRITES: u64 = 260;

#[test]
fn a_fault_at_any_io_is_named_and_never_read_as_something_else() {
    let mut faultless = Faulty::new(Kind::Flip, usize::MAX);
    faultless.seen = Some(Vec::new());
    let mut run = Run::new(&mut faultless, WRITES);
    run.read_all(&mut |disk, request| faultless.answer(disk, request));
    let report = run.engine.store.report();
    run.reopen(&mut |disk, request| faultless.answer(disk, request));
    run.settle(&mut |disk, request| faultless.answer(disk, request));
    run.read_all(&mut |disk, request| faultless.answer(disk, request));
    let requests = faultless.seen.unwrap();
    let (mut counts, mut detected, mut healed) = (BTreeMap::new(), 0, 0);
    for (at, request) in requests.iter().enumerate() {
        for kind in KINDS.into_iter().filter(|kind| kind.fits(request)) {
            let ending = run_with(kind, at);
            if ending != Ending::Harmless {
                *counts.entry(kind).or_insert(0) += 1;
            }
            detected += u32::from(ending == Ending::Detected);
            healed += u32::from(ending == Ending::Healed);
        }
    }
    println!(
        "MEASURE storage disk faults: {} faults of kinds {counts:?} at {} I/Os with {} flushes and \
         {} merges, {detected} detected, {healed} read again or on, 0 wrong reads",
        counts.values().sum::<u32>(),
        requests.len(),
        report.flushes,
        report.merges
    );
    assert!(
        counts.len() == KINDS.len() && report.flushes > 3 && report.merges > 1,
        "{report:?}"
    );
}

/// Where the last batch of a segment begins.
fn last_batch(segment: &[u8]) -> usize {
    let (mut at, mut last) = (SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES);
    while let Parsed::Batch(batch) = parse_batch(&segment[at..]) {
        last = at;
        at += batch.length();
    }
    last
}

#[test]
fn any_byte_that_rots_at_rest_is_found_or_never_used() {
    let run = Run::new(&mut Faulty::new(Kind::Flip, usize::MAX), WRITES);
    let model = run.model;
    let mut closed = run.engine.disk;
    let newest = |(key, states): (&StoredKey, &Vec<(BatchNumber, Vec<u8>)>)| {
        (key.clone(), states.last().unwrap().1.clone())
    };
    let expected: Vec<_> = model.written.iter().map(newest).collect();
    let manifest = run.engine.store.manifest().clone();
    let files = closed.files().clone();
    let newest_log = *files
        .keys()
        .rfind(|file| file.kind == FileKind::Log)
        .unwrap();
    let mut rng = Rng::new(11);
    let (mut flips, mut named_ones, mut tails, mut unused) = (0, 0, 0, 0);
    for (file, bytes) in &files {
        let step = if file.kind == FileKind::Table { 25 } else { 9 };
        let mut at = 0;
        while at < bytes.len() {
            let mut engine = Engine::open(settings(), {
                let mut files = files.clone();
                files.get_mut(file).unwrap()[at] ^= 1 << rng.below(8);
                Disk::with(files)
            });
            flips += 1;
            let context = format!("{file} at {at} of {}", bytes.len());
            // The known limit: it looks like a tail that was never durable.
            let is_tail = *file == newest_log && at >= last_batch(bytes);
            let found = engine
                .is_open()
                .then(|| scan(&mut engine, &mut Disk::carry_out));
            let is_open = engine.is_open();
            let mut is_damaged = found == Some(None);
            for (key, state) in expected.iter().filter(|_| is_open) {
                match engine.get(key) {
                    Got::State(got) if is_tail => {
                        let lost_one = BatchNumber(run.last.0 - 1);
                        assert!(model.allows(key, lost_one, got.as_deref()), "{context}");
                    }
                    Got::State(got) => assert_eq!(got.as_ref(), Some(state), "{context}: {key:?}"),
                    Got::Damaged => is_damaged = true,
                }
            }
            if let Some(Some(found)) = found
                && !is_tail
            {
                assert!(found == expected, "{context}: the scan gives other pairs");
            }
            let is_used = match file.kind {
                FileKind::Table => {
                    let table = manifest
                        .levels
                        .tables()
                        .find(|table| table.number == file.number);
                    let table = table.expect("only tables that count are left");
                    let end = table.top_offset + u64::from(table.top_length);
                    (TABLE_HEADER_BYTES as u64..end).contains(&(at as u64))
                }
                _ => !is_tail,
            };
            match named(&engine) {
                Some(name) => assert!(name.contains(&file.to_string()), "{context}: {name}"),
                None => assert!(!is_damaged && !is_used, "{context} is found by nobody"),
            }
            named_ones += u32::from(is_used);
            tails += u32::from(is_tail);
            unused += u32::from(!is_used && !is_tail);
            at += 1 + usize::try_from(rng.below(step)).unwrap();
        }
    }
    println!(
        "MEASURE storage rot at rest: {flips} flipped bits in {} files, {named_ones} named, {unused} \
         never used, {tails} taken for a tail (the last batch), 0 wrong reads",
        files.len()
    );
    assert!(flips >= 3_000, "{flips}");
}
