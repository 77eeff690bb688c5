//! Whether every replica is where it is to be, and nowhere else.

use crate::check::{Read, Verdict, judge, read, text};
use crate::cluster::{Cluster, Owners};
use crate::load::{Fate, Story};
use henge_tests::process::http::Http;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Waits until each owner of a key has the same value for it, for up to so many keys of each
/// writer. Returns how long that took.
///
/// # Panics
/// If the owners do not come to agree.
#[must_use]
pub fn wait_agreed(stories: &[Story], cluster: &Cluster, sample: usize) -> Duration {
    let began = Instant::now();
    let members = cluster.members();
    let owners = cluster.owners(members[0]);
    let stones: BTreeMap<usize, Http> = { members.iter() }
        .map(|&number| (number, cluster.http(number)))
        .collect();
    for key in stories
        .iter()
        .flat_map(|story| story.keys.keys().take(sample))
    {
        loop {
            let owners = owners.of(key).iter();
            let read = owners.map(|owner| read(&stones[owner], key, "one"));
            let read: Vec<_> = read.collect();
            if read.windows(2).all(|two| two[0] == two[1]) && read[0].is_ok() {
                break;
            }
            assert!(
                began.elapsed() < AGREE_TIME,
                "{key}: the owners do not agree after {AGREE_TIME:?}: {read:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    began.elapsed()
}

/// Waits until stone `number` itself has all that it owns. It is cut off while it is asked: whoever
/// can ask others would hide what it lacks, and repair it.
///
/// # Errors
/// What is not there when the time since `began` is over.
pub fn wait_filled(
    stories: &[Story],
    cluster: &mut Cluster,
    number: usize,
    began: Instant,
) -> Result<(), String> {
    let owners = cluster.owners(number);
    loop {
        cluster.part(&[number]);
        let missing = missing_at(stories, &owners, &cluster.http(number), number);
        cluster.heal();
        cluster.wait_linked();
        let Some(first) = missing.first() else {
            return Ok(());
        };
        if began.elapsed() > FILL_TIME {
            let count = missing.len();
            return Err(format!(
                "after {FILL_TIME:?} {count} keys are not there again: {first}"
            ));
        }
        std::thread::sleep(Duration::from_secs(3));
    }
}

/// Waits until no member has keys of which it is no owner, or fewer than it owns.
///
/// # Errors
/// Who has how many when the time is over.
pub fn wait_nowhere_else(stories: &[Story], cluster: &Cluster) -> Result<(), String> {
    let began = Instant::now();
    for number in cluster.members() {
        let owners = cluster.owners(number);
        let fates = || stories.iter().flat_map(|story| &story.keys);
        let own = |wanted: fn(&Fate) -> bool| {
            let owned = fates().filter(|(key, _)| owners.of(key).contains(&number));
            owned.filter(|(_, fate)| wanted(fate)).count() as u64
        };
        // Where nothing was acknowledged there may be something all the same.
        let (least, most) = (own(|fate| fate.newest > 0), own(|_| true));
        loop {
            let keys = cluster.keys_at(number);
            if keys.is_some_and(|keys| (least..=most).contains(&keys)) {
                break;
            }
            if began.elapsed() > FILL_TIME {
                let name = number + 1;
                return Err(format!(
                    "after {FILL_TIME:?} stone-{name} has {keys:?} keys; it owns {least} to {most}"
                ));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

/// Keys of which stone `number` owns a replica, and does not itself have what was acknowledged.
fn missing_at(stories: &[Story], owners: &Owners, http: &Http, number: usize) -> Vec<String> {
    let keys = stories.iter().flat_map(|story| &story.keys);
    let own = keys.filter(|(key, _)| owners.of(key).contains(&number));
    own.filter_map(|(key, fate)| {
        let read = read(http, key, "one");
        let kept = |read: &Option<Read>| {
            !matches!(
                judge(fate, key, text(read.as_ref())),
                Verdict::Lost | Verdict::Refused
            )
        };
        let complaint = || format!("{key}: {} was acknowledged, {read:?}", fate.newest);
        (!read.as_ref().is_ok_and(kept)).then(complaint)
    })
    .collect()
}

/// How long owners may differ: two rounds of anti-entropy, and some.
const AGREE_TIME: Duration = Duration::from_secs(90);
/// How long it may take until a stone has all that it owns, and nothing else.
const FILL_TIME: Duration = Duration::from_secs(120);
