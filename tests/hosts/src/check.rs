//! Whether everything acknowledged is still there.

use crate::cluster::Cluster;
use crate::load::{Fate, Story, value, version_of};
use henge_tests::process::http::{Http, path};
use std::time::{Duration, Instant};

/// What was found when all keys were read back.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Keys read.
    pub keys: u64,
    /// Keys whose acknowledged value is gone, with what is there.
    pub lost: Vec<String>,
    /// Keys that hold a write that was refused, and so was not to be applied.
    pub refused: Vec<String>,
    /// Keys that hold an earlier write whose outcome was unknown: it took effect late, which such
    /// a write may. With what is there.
    pub late: Vec<String>,
}

/// What the value of a key means for the writes that were acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The newest acknowledged write, or one sent later.
    Kept,
    /// A write sent earlier whose outcome was not known.
    Late,
    /// A write that was refused.
    Refused,
    /// An acknowledged write is gone.
    Lost,
}

/// Judges what was read under a key.
#[must_use]
pub fn judge(fate: &Fate, key: &str, read: Option<&str>) -> Verdict {
    let Some(text) = read else {
        return if fate.newest == 0 {
            Verdict::Kept
        } else {
            Verdict::Lost
        };
    };
    let number = text
        .rsplit_once('#')
        .and_then(|(_, number)| number.parse().ok());
    match number {
        Some(number) if text != value(key, number) => Verdict::Lost,
        Some(number) if number == fate.newest => Verdict::Kept,
        Some(number) if fate.unknown.contains_key(&number) && number > fate.newest => Verdict::Kept,
        Some(number) if fate.unknown.contains_key(&number) => Verdict::Late,
        Some(number) if number > fate.newest => Verdict::Refused,
        _ => Verdict::Lost,
    }
}

/// Reads every key at a quorum, through the stones of `through` in turn.
///
/// # Panics
/// If a key cannot be read in time.
#[must_use]
pub fn read_back(stories: &[Story], cluster: &Cluster, through: &[usize]) -> Found {
    let stones: Vec<Http> = through.iter().map(|&number| cluster.http(number)).collect();
    let mut found = Found::default();
    let mut next = stones.iter().cycle();
    for (key, fate) in stories.iter().flat_map(|story| &story.keys) {
        let http = next.next().expect("there is a stone to ask");
        let read =
            read(http, key, "quorum").unwrap_or_else(|why| panic!("{key} cannot be read: {why}"));
        found.keys += 1;
        let complaint = || {
            let (newest, version, unknown) = (fate.newest, &fate.version, &fate.unknown);
            format!(
                "{key}: {newest} was acknowledged with version {version}, {unknown:?} unknown, \
                 there is {read:?}"
            )
        };
        match judge(fate, key, text(read.as_ref())) {
            Verdict::Kept => {}
            Verdict::Late => found.late.push(complaint()),
            Verdict::Refused => found.refused.push(complaint()),
            Verdict::Lost => found.lost.push(complaint()),
        }
    }
    found
}

/// A value and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    text: String,
    version: String,
}

pub(crate) fn text(read: Option<&Read>) -> Option<&str> {
    read.map(|read| read.text.as_str())
}

/// The value under `key`; asks again until there is an answer.
pub(crate) fn read(http: &Http, key: &str, level: &str) -> Result<Option<Read>, String> {
    let target = format!("{}?r={level}&timeout_ms=1000", path(key));
    let began = Instant::now();
    loop {
        let why = match http.try_get(&target) {
            Some(answer) if answer.status == 200 => {
                return Ok(Some(Read {
                    text: answer.text(),
                    version: version_of(&answer),
                }));
            }
            Some(answer) if answer.status == 404 && is_none(&answer.text()) => return Ok(None),
            Some(answer) => format!("{} {}", answer.status, answer.text().trim()),
            None => "no answer".into(),
        };
        if began.elapsed() > READ_TIME {
            return Err(why);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a 404 speaks of the key and not of the path.
fn is_none(body: &str) -> bool {
    body.contains("no value under this key")
}

/// How long it may take until a key can be read.
const READ_TIME: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::{Verdict, judge};
    use crate::load::Fate;
    use std::time::Duration;

    #[test]
    fn only_what_may_take_effect_counts_as_kept() {
        let fate = Fate {
            newest: 7,
            version: String::new(),
            unknown: [(3, Duration::ZERO), (9, Duration::ZERO)].into(),
        };
        let check = |read: Option<&str>, expect| assert_eq!(judge(&fate, "k", read), expect);
        check(Some("k#7"), Verdict::Kept);
        check(Some("k#9"), Verdict::Kept);
        check(Some("k#3"), Verdict::Late);
        check(Some("k#8"), Verdict::Refused);
        check(Some("k#5"), Verdict::Lost);
        check(Some("other#7"), Verdict::Lost);
        check(Some("k"), Verdict::Lost);
        check(None, Verdict::Lost);
        assert_eq!(judge(&Fate::default(), "k", None), Verdict::Kept);
    }
}
