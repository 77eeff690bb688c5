use super::*;
use crate::storage::manifest::Change;
use crate::storage::table::Properties;

const MIB: u64 = 1 << 20;
const GOALS: Goals = Goals {
    base_bytes: 64 * MIB,
};

/// A table of keys from `first` to `last`, 1,000 bytes a pair.
fn table(number: u64, length: u64, first: u8, last: u8) -> Table {
    Table {
        number,
        length,
        top_offset: 0,
        top_length: 0,
        properties: Properties {
            first: [0, 0, 0, 0, 0, 0, first].to_vec(),
            last: [0, 0, 0, 0, 0, 0, last].to_vec(),
            entries: length / 1_000,
            oldest_ms: 500,
            newest_ms: 1_000,
            ..Properties::default()
        },
    }
}

fn levels(tables: &[(usize, Table)]) -> Levels {
    let mut levels = Levels::default();
    for (level, table) in tables {
        levels.apply(Change {
            add: [table.clone()].into(),
            level: *level,
            ..Change::default()
        });
    }
    assert!(levels.is_sound());
    levels
}

fn chosen(levels: &Levels) -> Option<(Vec<Vec<u64>>, usize, bool)> {
    chosen_at(levels, 0, &|_, _| 0)
}

fn chosen_at(
    levels: &Levels,
    now_ms: u64,
    forget_ms: &dyn Fn(&[u8], &[u8]) -> u64,
) -> Option<(Vec<Vec<u64>>, usize, bool)> {
    let plan = choose(levels, &GOALS, now_ms, &|_| false, forget_ms)?;
    let numbers = |tables: &Vec<Table>| tables.iter().map(|table| table.number).collect();
    Some((
        plan.inputs.iter().map(numbers).collect(),
        plan.level,
        plan.is_move,
    ))
}

#[test]
fn nothing_is_merged_while_every_level_is_small_enough() {
    assert_eq!(chosen(&Levels::default()), None);
    let few = [
        (0, table(7, MIB, 0, 9)),
        (0, table(8, MIB, 0, 9)),
        (0, table(9, MIB, 0, 9)),
        (6, table(1, 500 * MIB, 0, 9)),
    ];
    assert_eq!(chosen(&levels(&few)), None);
}

#[test]
fn four_tables_of_level_0_go_with_what_they_overlap_into_the_bottom_of_a_small_storage() {
    let mut tables: Vec<_> = (6..10)
        .map(|number| (0, table(number, 8 * MIB, 0, 50)))
        .collect();
    tables.push((6, table(1, 20 * MIB, 0, 40)));
    tables.push((6, table(2, 20 * MIB, 41, 80)));
    tables.push((6, table(3, 20 * MIB, 81, 99)));
    let inputs = [
        [9].to_vec(),
        [8].into(),
        [7].into(),
        [6].into(),
        [1, 2].into(),
    ]
    .to_vec();
    assert_eq!(chosen(&levels(&tables)), Some((inputs, 6, false)));
}

#[test]
fn the_base_moves_up_as_the_bottom_grows_so_that_each_level_is_a_tenth_of_the_next() {
    for (bytes, base) in [
        (0, 6),
        (64 * MIB, 6),
        (65 * MIB, 5),
        (650 * MIB, 4),
        (7_000 * MIB, 3),
    ] {
        let levels = levels(&[(6, table(1, bytes.max(1_000), 0, 9))]);
        assert_eq!(base_level(&levels, &GOALS), base, "{bytes}");
    }
}

#[test]
fn a_full_level_gives_the_table_that_rewrites_least_below() {
    let tables = [
        (5, table(10, 40 * MIB, 0, 20)),
        (5, table(11, 40 * MIB, 21, 30)),
        (5, table(12, 40 * MIB, 31, 99)),
        (6, table(1, 300 * MIB, 0, 25)),
        (6, table(2, 20 * MIB, 26, 30)),
        (6, table(3, 400 * MIB, 40, 99)),
    ];
    assert_eq!(
        chosen(&levels(&tables[..3])),
        Some(([[10].to_vec()].into(), 6, true))
    );
    let inputs = [[10].to_vec(), [1].into()].to_vec();
    assert_eq!(chosen(&levels(&tables)), Some((inputs, 6, false)));
}

#[test]
fn the_oldest_table_that_overlaps_nothing_moves_down_unmerged() {
    let tables: Vec<_> = (1..6)
        .map(|number| {
            (
                0,
                table(
                    number,
                    MIB,
                    10 * number.to_le_bytes()[0],
                    10 * number.to_le_bytes()[0] + 9,
                ),
            )
        })
        .collect();
    assert_eq!(
        chosen(&levels(&tables)),
        Some(([[1].to_vec()].into(), 6, true))
    );
}

#[test]
fn a_table_that_rests_is_not_touched() {
    let tables: Vec<_> = (1..8).map(|number| (0, table(number, MIB, 0, 9))).collect();
    let plan = choose(
        &levels(&tables),
        &GOALS,
        0,
        &|number| number == 3,
        &|_, _| 0,
    );
    assert_eq!(plan, None);
}

#[test]
fn a_table_is_written_anew_when_a_third_of_it_has_expired() {
    let mut expiring = table(1, 100_000, 0, 9);
    expiring.properties.expiring = 80;
    expiring.properties.first_expiry_ms = 10_000;
    expiring.properties.last_expiry_ms = 20_000;
    let levels = levels(&[(6, expiring)]);
    let anew = Some(([[1].to_vec()].into(), 6, false));
    for (now_ms, expected) in [
        (9_999, None),
        (13_000, None),
        (15_000, anew.clone()),
        (99_000, anew),
    ] {
        assert_eq!(chosen_at(&levels, now_ms, &|_, _| 0), expected, "{now_ms}");
    }
}

#[test]
fn tombstones_make_a_table_anew_only_when_nobody_needs_them_and_nothing_is_below() {
    let mut dead = table(1, 100_000, 0, 9);
    dead.properties.tombstones = 40;
    let below = (6, table(2, 100_000, 5, 6));
    let anew = |level| Some(([[1].to_vec()].into(), level, false));
    let alone = levels(&[(6, dead)]);
    assert_eq!(chosen_at(&alone, 0, &|_, _| 999), None);
    assert_eq!(chosen_at(&alone, 0, &|_, _| 1_000), anew(6));
    // Over another table it would first have to go down.
    let covering = levels(&[(6, below.1)]);
    assert_eq!(chosen_at(&covering, 0, &|_, _| 1_000), None);
}
