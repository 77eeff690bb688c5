//! Both types against the B-trees of the standard library.

use super::*;
use crate::id::{PartitionId, RequestId};
use crate::storage::{FileId, FileKind};
use crate::time::Instant;
use alloc::collections::BTreeSet;
use proptest::prelude::*;

/// Of few keys, so that they meet: 0 to 2 insert, 3 and 4 remove, 5 takes the first.
fn steps() -> impl Strategy<Value = Vec<(u8, (u64, u64))>> {
    let word = || prop_oneof![0..8_u64, (u64::MAX - 4)..=u64::MAX];
    prop::collection::vec((0..6_u8, (word(), word())), 0..200)
}

proptest! {
    #[test]
    fn a_map_is_a_b_tree(steps in steps()) {
        let mut map = Map::new();
        let mut model = BTreeMap::new();
        for (number, (step, key)) in steps.into_iter().enumerate() {
            match step {
                0..3 => prop_assert_eq!(map.insert(key, number), model.insert(key, number)),
                3..5 => prop_assert_eq!(map.remove(key), model.remove(&key)),
                _ => prop_assert_eq!(map.pop_first(), model.pop_first()),
            }
            prop_assert_eq!(map.contains(key), model.contains_key(&key));
            prop_assert_eq!(map.get(key), model.get(&key));
            prop_assert_eq!(map.get_mut(key), model.get_mut(&key));
            if step == 0 && key.1 == 1 {
                map.retain(|(first, _), _| first != key.0);
                model.retain(|(first, _), _| *first != key.0);
            }
            if step == 1 && key.1 == 2 {
                *map.get_or_default(key) += 1;
                *model.entry(key).or_default() += 1;
            }
            prop_assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
            prop_assert!(map.iter().eq(model.iter().map(|(key, value)| (*key, value))));
            prop_assert_eq!(&map, &model.clone().into_iter().collect());
            prop_assert_eq!(&map, &map.clone());
            prop_assert!(map.keys().rev().eq(model.keys().rev().copied()));
        }
    }

    #[test]
    fn a_set_is_a_b_tree(steps in steps()) {
        let mut set = Set::new();
        let mut model = BTreeSet::new();
        for (step, key) in steps {
            match step {
                0..3 => prop_assert_eq!(set.insert(key), model.insert(key)),
                3..5 => prop_assert_eq!(set.remove(key), model.remove(&key)),
                _ => prop_assert_eq!(set.pop_first(), model.pop_first()),
            }
            prop_assert_eq!(set.contains(key), model.contains(&key));
            prop_assert_eq!(set.first(), model.first().copied());
            prop_assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
            prop_assert!(set.iter().eq(model.iter().copied()));
            let range = (key.0, 0)..=(key.0, u64::MAX);
            prop_assert!(set.range(range.clone()).eq(model.range(range).copied()));
        }
    }
}

#[test]
fn a_value_that_is_gone_leaves_its_place_to_the_next() {
    let mut map = Map::new();
    for key in 0..1_000_u64 {
        map.insert(key, key);
        map.insert(key, key + 1);
        assert_eq!(map.remove(key), Some(key + 1));
    }
    map.insert(7_u64, 7);
    assert_eq!(map.values.len(), 1);
}

#[test]
fn a_map_is_the_same_bytes_as_a_b_tree() {
    let pairs = [(PartitionId(300), 7_u64), (PartitionId(2), u64::MAX)];
    let (map, model): (Map<_, _>, BTreeMap<_, _>) =
        (pairs.into_iter().collect(), pairs.into_iter().collect());
    let bytes = postcard::to_allocvec(&map).unwrap();
    assert_eq!(bytes, postcard::to_allocvec(&model).unwrap());
    assert_eq!(postcard::from_bytes::<Map<_, _>>(&bytes), Ok(map));
}

#[test]
fn keys_keep_their_order_as_words() {
    let file = |kind, number| FileId { kind, number };
    let kinds = [FileKind::Log, FileKind::Table, FileKind::Manifest];
    let files = kinds.map(|kind| [file(kind, 1), file(kind, u64::MAX)]);
    let files = files.into_iter().flatten();
    check(&files.collect::<Vec<_>>());
    check(&[(0_u64, usize::MAX), (1, 0), (1, 1), (u64::MAX, 0)]);
    check(&[(PartitionId(1), u32::MAX), (PartitionId(u16::MAX), 0)]);
    check(&[Instant::from_micros(1), Instant::from_micros(2)]);
    let request = |client, sequence| RequestId { client, sequence };
    check(&[request(1, 2), request(2, 1), request(2, u64::MAX)]);
}

/// Keys in order are words in order, and come back from them.
fn check<K: Key + Ord + core::fmt::Debug>(keys: &[K]) {
    assert!(keys.is_sorted() && keys.is_sorted_by_key(|key| key.to_words()));
    for key in keys {
        assert_eq!(K::from_words(key.to_words()), *key);
    }
}
