//! Every state that a crash can leave: the record of a run, cut at each change, with each set of
//! up to three of the changes that were not synced lost or torn.

use henge_core::rng::Rng;
use henge_core::storage::{BatchNumber, Facts, FileId, FileKind};
use henge_tests::storage::disk::apply;
use henge_tests::storage::engine::{Got, key, small};
use henge_tests::storage::{Disk, Engine, Model, Mutation};
use std::collections::BTreeMap;

/// A run: what was done to the disk, and what was durable when.
struct Run {
    record: Vec<Mutation>,
    /// For each change the newest batch that was acknowledged before it.
    durable: Vec<BatchNumber>,
    model: Model,
}

/// Writes `count` states of few keys, with flushes, merges and manifests, requests ending in
/// random order.
fn run(seed: u64, count: u64) -> Run {
    let mut rng = Rng::new(seed);
    let mut settings = small();
    // So little that a few hundred writes make every kind of change.
    settings.memory_bytes_max = 128 << 10;
    let mut engine = Engine::open(settings, Disk::default());
    engine.disk.record = Some(Vec::new());
    let (mut model, mut durable) = (Model::default(), Vec::new());
    for number in 0..count {
        let key = key(rng.below(150));
        let mut state = number.to_le_bytes().to_vec();
        state.extend((0..rng.below(400)).map(|_| rng.next_u64().to_le_bytes()[0]));
        while engine.store.can_write().is_err() {
            step(&mut engine, &mut rng, &mut durable);
        }
        let batch = engine.put(&key, &state, Facts::default()).unwrap();
        model.wrote(&key, batch, &state);
        for _ in 0..rng.below(3) {
            step(&mut engine, &mut rng, &mut durable);
        }
    }
    while step(&mut engine, &mut rng, &mut durable) {}
    let record = engine.disk.record.take().unwrap();
    Run {
        record,
        durable,
        model,
    }
}

/// One step; notes what was acknowledged before each change that it has made.
fn step(engine: &mut Engine, rng: &mut Rng, durable: &mut Vec<BatchNumber>) -> bool {
    let acknowledged = engine.durable;
    let goes_on = engine.step(usize::try_from(rng.below(9)).unwrap());
    let changes = engine.disk.record.as_ref().map_or(0, Vec::len);
    durable.resize(changes, acknowledged);
    goes_on
}

/// What becomes of an append that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lost,
    Half,
    Garbled,
}

/// The files after the first `cut` changes, with `fates` for some appends. Of one file, what comes
/// behind a lost or torn append is kept only as far as the file system could have: as zeros before it.
fn files_after(record: &[Mutation], fates: &[(usize, Fate)]) -> BTreeMap<FileId, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (at, change) in record.iter().enumerate() {
        let fate = fates
            .iter()
            .find(|(index, _)| *index == at)
            .map(|(_, fate)| *fate);
        match (change, fate) {
            (Mutation::Append(file, bytes), Some(fate)) => {
                let mut torn = bytes.clone();
                match fate {
                    // The length was written, the bytes were not.
                    Fate::Lost => torn.fill(0),
                    Fate::Half => {
                        let half = torn.len() / 2;
                        torn[half..].fill(0);
                    }
                    Fate::Garbled => torn
                        .iter_mut()
                        .skip(3)
                        .step_by(97)
                        .for_each(|byte| *byte ^= 0x55),
                }
                let is_last = !record[at + 1..]
                    .iter()
                    .any(|later| matches!(later, Mutation::Append(other, _) if other == file));
                if is_last && fate != Fate::Garbled {
                    torn.truncate(if fate == Fate::Lost {
                        0
                    } else {
                        bytes.len() / 2
                    });
                }
                apply(&mut files, &Mutation::Append(*file, torn));
            }
            _ => apply(&mut files, change),
        }
    }
    files
}

/// Appends among `record` that no later sync of their file has made durable.
fn unsynced(record: &[Mutation]) -> Vec<usize> {
    let is_append = |(at, change): (usize, &Mutation)| match change {
        Mutation::Append(file, _) => {
            let settles = |later: &Mutation| match later {
                Mutation::Sync(other)
                | Mutation::Replace(other, _)
                | Mutation::Truncate(other, _)
                | Mutation::Delete(other) => other == file,
                Mutation::Append(..) => false,
            };
            (!record[at + 1..].iter().any(settles)).then_some(at)
        }
        _ => None,
    };
    record.iter().enumerate().filter_map(is_append).collect()
}

/// All sets of up to three of `loose`, each with each fate for the first and `Lost` or `Half` for
/// the others.
fn sets(loose: &[usize]) -> Vec<Vec<(usize, Fate)>> {
    let fates = [Fate::Lost, Fate::Half, Fate::Garbled];
    let mut sets = vec![Vec::new()];
    for (a, first) in loose.iter().enumerate() {
        for fate in fates {
            sets.push(vec![(*first, fate)]);
            for (b, second) in loose.iter().enumerate().skip(a + 1) {
                sets.push(vec![(*first, fate), (*second, Fate::Lost)]);
                sets.push(vec![(*first, fate), (*second, Fate::Half)]);
                for third in &loose[b + 1..] {
                    sets.push(vec![
                        (*first, fate),
                        (*second, Fate::Half),
                        (*third, Fate::Lost),
                    ]);
                }
            }
        }
    }
    sets
}

/// Gives the last segment of the log the zeros that a medium may have behind it.
fn give_room(files: &mut BTreeMap<FileId, Vec<u8>>, bytes: usize) {
    let is_log = |file: &&FileId| file.kind == FileKind::Log;
    if let Some(last) = files.keys().filter(is_log).max().copied() {
        let segment = files.get_mut(&last).expect("just found");
        segment.resize(segment.len() + bytes, 0);
    }
}

/// Opens the files and compares every key with what may be there.
fn check(run: &Run, cut: usize, fates: &[(usize, Fate)]) {
    let record = &run.record[..cut];
    let durable = run
        .durable
        .get(cut)
        .or(run.durable.last())
        .copied()
        .unwrap_or_default();
    let mut settings = small();
    settings.memory_bytes_max = 128 << 10;
    let mut files = files_after(record, fates);
    give_room(&mut files, [0, 1, 30, 5_000][cut % 4]);
    let mut engine = Engine::open(settings, Disk::with(files));
    let context = format!("cut at {cut}, {fates:?}");
    assert!(engine.is_open(), "{context}: {:?}", engine.failure());
    for key in run.model.written.keys() {
        match engine.get(key) {
            Got::State(got) => assert!(
                run.model.allows(key, durable, got.as_deref()),
                "{context}: {key:?} reads {:?}, acknowledged up to {durable:?}",
                got.map(|state| state[..8].to_vec()),
            ),
            Got::Damaged => panic!("{context}: {key:?} is damaged"),
        }
    }
    engine.drive();
    assert_eq!(engine.failure(), None, "{context}");
}

#[test]
fn no_crash_at_any_point_loses_what_was_acknowledged() {
    let (mut states, mut changes) = (0_u64, 0);
    let mut kinds = BTreeMap::new();
    for seed in 0..2 {
        let run = run(seed, 700);
        for change in &run.record {
            let kind = match change {
                Mutation::Append(file, _) => format!("append to a {:?}", file.kind),
                Mutation::Sync(file) => format!("sync of a {:?}", file.kind),
                Mutation::Replace(..) => "manifest".into(),
                Mutation::Truncate(..) => "truncation".into(),
                Mutation::Delete(file) => format!("removal of a {:?}", file.kind),
            };
            *kinds.entry(kind).or_insert(0) += 1;
        }
        changes += run.record.len();
        for cut in 0..=run.record.len() {
            let loose = unsynced(&run.record[..cut]);
            for fates in sets(&loose) {
                check(&run, cut, &fates);
                states += 1;
            }
        }
    }
    println!(
        "MEASURE storage crash states: {states} states of {changes} changes {kinds:?}, 0 lost, 0 wrong"
    );
    assert!(states > 3_000 && kinds.len() >= 6, "{states} {kinds:?}");
}
