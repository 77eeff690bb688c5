//! Buckets in the state: what can be made of them, and what is refused of others.

use super::*;
use crate::causality::Policy;
use crate::id::BucketId;
use crate::limits::{BUCKET_NAME_BYTES_MAX, BUCKETS_MAX, TTL_MAX_MS};
use crate::replication::Level;
use alloc::string::ToString;
use alloc::vec;

const SETTINGS: BucketSettings = BucketSettings {
    policy: Policy::Siblings,
    read_level: Level::One,
    write_level: Level::Replicas(2),
    ttl_ms: None,
};

fn name(text: &str) -> BucketName {
    text.parse().unwrap()
}

fn made(state: &ClusterState, text: &str, settings: BucketSettings) -> ClusterState {
    let change = state.bucket_change(&name(text), settings).unwrap().unwrap();
    let next = state.apply(core::slice::from_ref(&change)).unwrap();
    assert_eq!(next.apply(&[change]), None, "again changes nothing");
    next
}

#[test]
fn a_bucket_keeps_its_id_and_its_policy_and_takes_other_levels() {
    let state = made(&first(3), "carts", SETTINGS);
    let state = made(&state, "logs", SETTINGS);
    let ids = |state: &ClusterState| {
        let ids = ["default", "carts", "logs", "other"].map(|name| state.bucket_id(name));
        ids.map(|id| id.map(|id| id.0))
    };
    assert_eq!(ids(&state), [Some(0), Some(1), Some(2), None]);
    assert_eq!(state.bucket_change(&name("carts"), SETTINGS), Ok(None));

    let lasting = BucketSettings {
        write_level: Level::All,
        ttl_ms: Some(5_000),
        ..SETTINGS
    };
    let next = made(&state, "carts", lasting);
    assert_eq!(ids(&next), ids(&state));
    let carts = next.bucket(BucketId(1)).unwrap();
    assert_eq!((carts.settings, carts.revision), (lasting, 2));
    assert_eq!(next.bucket(BucketId(2)), state.bucket(BucketId(2)));
    assert_eq!(
        (next.bucket(BucketId(0)), next.bucket(BucketId(3))),
        (None, None)
    );

    let other = BucketSettings {
        policy: Policy::Lww,
        ..SETTINGS
    };
    let refused = next.bucket_change(&name("carts"), other).unwrap_err();
    assert_eq!(refused, BucketError::Policy(Policy::Siblings));
    assert!(
        refused.to_string().contains("cannot be changed"),
        "{refused}"
    );
    let forced = Change::Bucket {
        name: name("carts"),
        after: 2,
        settings: other,
    };
    assert!(forced.is_moot(&next));
    assert_eq!(next.apply(&[forced]), None);
}

#[test]
fn a_change_that_comes_late_does_not_bring_old_settings_back() {
    let state = made(&first(3), "carts", SETTINGS);
    let level = |read_level| BucketSettings {
        read_level,
        ..SETTINGS
    };
    let early = state.bucket_change(&name("carts"), level(Level::All));
    let early = early.unwrap().unwrap();
    let state = made(&state, "carts", level(Level::Quorum));
    assert!(early.is_moot(&state));
    assert_eq!(state.apply(&[early]), None);
}

#[test]
fn a_name_that_is_none_is_refused_with_what_is_allowed() {
    let long = "a".repeat(BUCKET_NAME_BYTES_MAX);
    for good in ["a", "Carts_2.x-y", "0", &long] {
        assert_eq!(name(good).as_str(), good);
    }
    for bad in [
        "",
        "-a",
        ".",
        "a b",
        "a/b",
        "b\u{fc}cher",
        &format!("{long}a"),
    ] {
        let error = bad.parse::<BucketName>().unwrap_err();
        assert_eq!(error, BucketError::Name, "{bad}");
        assert!(error.to_string().contains("1 to 64"), "{error}");
    }
    assert_eq!("default".parse::<BucketName>(), Err(BucketError::Default));
}

#[test]
fn settings_that_cannot_be_are_refused_and_so_is_one_bucket_too_many() {
    let state = first(3);
    let with = |read_level, ttl_ms| BucketSettings {
        read_level,
        ttl_ms,
        ..SETTINGS
    };
    for (settings, says) in [
        (with(Level::Replicas(4), None), "allowed are 1 to 3"),
        (with(Level::Replicas(0), None), "unknown level"),
        (with(Level::One, Some(0)), "allowed are 1 to"),
        (with(Level::One, Some(TTL_MAX_MS + 1)), "allowed are 1 to"),
    ] {
        let error = state.bucket_change(&name("a"), settings).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
    let full = (0..BUCKETS_MAX).fold(state, |state, number| {
        made(&state, &format!("b{number}"), SETTINGS)
    });
    let more = full.bucket_change(&name("more"), SETTINGS);
    assert_eq!(more, Err(BucketError::TooMany));
    made(&full, "b7", with(Level::All, None));
}

#[test]
fn a_state_with_buckets_that_cannot_be_is_refused() {
    let bucket = |text: &str, revision, settings| Bucket {
        name: name(text),
        revision,
        settings,
    };
    let good = bucket("a", 1, SETTINGS);
    let too_many = BucketSettings {
        write_level: Level::Replicas(4),
        ..SETTINGS
    };
    let endless = BucketSettings {
        ttl_ms: Some(u64::MAX),
        ..SETTINGS
    };
    let crowd = (0..=BUCKETS_MAX).map(|number| bucket(&format!("b{number}"), 1, SETTINGS));
    let decoded = |buckets: Vec<Bucket>| {
        let mut state = first(3);
        state.buckets = buckets;
        let bytes = postcard::to_allocvec(&state).unwrap();
        postcard::from_bytes::<ClusterState>(&bytes).is_ok()
    };
    assert!(decoded(vec![good.clone(), bucket("b", 9, SETTINGS)]));
    for bad in [
        vec![good.clone(), good],
        vec![bucket("a", 0, SETTINGS)],
        vec![bucket("a", 1, too_many)],
        vec![bucket("a", 1, endless)],
        crowd.collect(),
    ] {
        assert!(!decoded(bad.clone()), "{bad:?}");
    }
    let name = postcard::to_allocvec("default").unwrap();
    assert!(postcard::from_bytes::<BucketName>(&name).is_err());
}

proptest! {
    /// Whoever wants what in whatever order: an id means one name and one policy for ever, and each
    /// change of settings counts once.
    #[test]
    fn an_id_means_one_bucket_for_ever(wishes in prop::collection::vec((0..4_u8, 0..4_u64, 0..3_u8, any::<bool>()), 0..40)) {
        let mut state = first(3);
        for (number, after, level, is_lww) in wishes {
            let change = Change::Bucket {
                name: name(&format!("b{number}")),
                after,
                settings: BucketSettings {
                    policy: if is_lww { Policy::Lww } else { Policy::Siblings },
                    read_level: Level::Replicas(level + 1),
                    ..SETTINGS
                },
            };
            let next = state.apply(core::slice::from_ref(&change));
            prop_assert_eq!(next.is_none(), change.is_moot(&state));
            let Some(next) = next else { continue };
            for (id, was) in state.buckets() {
                let is = next.bucket(id).unwrap();
                prop_assert_eq!((&is.name, is.settings.policy), (&was.name, was.settings.policy));
                let steps = is.revision - was.revision;
                prop_assert_eq!(steps, u64::from(is.settings != was.settings));
            }
            prop_assert!(next.buckets().count() <= state.buckets().count() + 1);
            let bytes = postcard::to_allocvec(&next).unwrap();
            prop_assert_eq!(&postcard::from_bytes::<ClusterState>(&bytes).unwrap(), &next);
            state = next;
        }
    }
}
