//! Random writes and faults with clients that list, and the law for every page at level quorum: it has each key
//! whose write was acknowledged at quorum before the page was asked for, as that write or a later one has left
//! it, and none that is deleted or was never written.

use crate::Cluster;
use crate::world::{LinkSettings, Seat};
use henge_core::causality::Hlc;
use henge_core::client::{Listing, PageWanted};
use henge_core::cluster::Change;
use henge_core::hash::{partition_at, position};
use henge_core::id::{BucketId, PartitionId};
use henge_core::replication::Level;
use henge_core::rng::Rng;
use henge_core::selector::{Span, comes_before};
use henge_core::time::{Duration, Instant};
use henge_core::wire::{Listed, Operation, Reply, Response};
use std::collections::BTreeMap;

/// What happened in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pages that were answered, and keys in them.
    pub pages: u64,
    /// Keys of them.
    pub keys: u64,
    /// Lists that came to their ends.
    pub lists: u64,
    /// Pages that failed.
    pub failures: u64,
    /// Seats that were killed.
    pub kills: u64,
    /// Changes of the cluster that were asked for.
    pub changes: u64,
}

/// A write, of a value or of none.
struct Write {
    /// Its value; `None` deletes the key.
    value: Option<u64>,
    is_quorum: bool,
    /// An owner was asked for it, over a line that brings nothing twice: it was applied once or not at all.
    is_once: bool,
    /// When it was acknowledged, and its version.
    acked: Option<(Instant, Hlc)>,
    is_refused: bool,
}

/// A list that is under way.
struct Lister {
    listing: Listing,
    is_reverse: bool,
    /// Pages that were asked for, by the numbers of their requests.
    asked: BTreeMap<u64, (PageWanted, Instant)>,
    last: Vec<u8>,
}

struct Run {
    cluster: Cluster,
    /// Links bring things twice, or owners change.
    is_harsh: bool,
    rng: Rng,
    /// The writes of each key in the order in which they were sent.
    keys: BTreeMap<String, Vec<Write>>,
    writes: BTreeMap<u64, (String, usize)>,
    written: u64,
    listers: Vec<Lister>,
    counts: Counts,
}

/// Plays the run of `seed`. Says what was wrong, if something was.
///
/// # Errors
/// If the law is broken.
pub fn play(seed: u64) -> Result<Counts, String> {
    let mut run = Run::new(seed);
    for _ in 0..STEPS {
        run.step()?;
    }
    run.heal();
    for _ in 0..400 {
        run.pass(Duration::from_millis(20))?;
    }
    if run.listers.iter().any(|it| !it.listing.is_done()) {
        return Err("a list has not come to its end though all is well".to_owned());
    }
    Ok(run.counts)
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x1157);
        let others = usize::from(rng.below(3) == 0);
        let seats = if rng.below(3) == 0 { 5 } else { 3 };
        let mut cluster = Cluster::with_others(seats, others, seed, |config| {
            config.partitions = PARTITIONS;
            // Some hardly ever compare: what a replica lacks it lacks for long.
            config.sync_round_ms = if rng.below(2) == 0 { 60_000 } else { 1_000 };
        });
        let is_harsh = rng.below(2) == 0;
        if is_harsh {
            cluster.link_all(HARSH);
        }
        let keys = (0..KEYS).map(|number| (format!("k{number:02}"), Vec::new()));
        Self {
            cluster,
            is_harsh: is_harsh || others > 0,
            rng,
            keys: keys.collect(),
            writes: BTreeMap::new(),
            written: 0,
            listers: Vec::new(),
            counts: Counts::default(),
        }
    }

    fn step(&mut self) -> Result<(), String> {
        let seats = self.cluster.seats.len();
        match self.rng.below(24) {
            0 => {
                let seat = self.draw(seats);
                let running = (0..seats).filter(|it| self.cluster.is_running(*it));
                if self.cluster.is_running(seat) && running.count() * 2 > seats + 1 {
                    self.cluster.crash(seat);
                    self.counts.kills += 1;
                }
            }
            1 | 2 => {
                let down = (0..seats).find(|seat| !self.cluster.is_running(*seat));
                if let Some(seat) = down {
                    self.cluster.start(seat);
                }
            }
            3 | 4 => {
                let (a, b) = (self.draw(seats), self.draw(seats));
                let is_cut = self.rng.below(2) == 0;
                if a != b {
                    self.cluster.cut(a, b, is_cut);
                }
            }
            // Only where one more has joined.
            5 if seats.is_multiple_of(2) && self.rng.below(4) == 0 => {
                let gone = self.draw(seats);
                let (seat, id) = (self.draw(seats), self.cluster.seats[gone].id);
                let is_enough = self.cluster.state().members().len() > 3;
                if self.cluster.is_running(seat) && is_enough {
                    self.cluster.wish(seat, Change::Leave(id));
                    self.counts.changes += 1;
                }
            }
            6..=9 => self.list(),
            _ => self.write(),
        }
        let micros = match self.rng.below(8) {
            0 => self.rng.below(300_000),
            _ => self.rng.below(4_000),
        };
        self.pass(Duration::from_micros(micros))
    }

    /// Writes some keys through some seats, without waiting.
    fn write(&mut self) {
        for _ in 0..=self.rng.below(4) {
            let seat = self.draw(self.cluster.seats.len());
            if !self.cluster.is_running(seat) {
                continue;
            }
            self.written += 1;
            let key = format!("k{:02}", self.rng.below(KEYS));
            let is_quorum = self.rng.below(3) > 0;
            let level = if is_quorum { Level::Quorum } else { Level::One };
            let text = self.written.to_string();
            let mut operation = self.cluster.write(&text, Some(level));
            let is_delete = self.rng.below(3) == 0;
            if let Operation::Write { value, .. } = &mut operation
                && is_delete
            {
                *value = None;
            }
            let is_once = !self.is_harsh && self.cluster.owners(&key).contains(&seat);
            let id = self.cluster.request(seat, &key, operation);
            let writes = self.keys.entry(key.clone()).or_default();
            self.writes.insert(id, (key, writes.len()));
            writes.push(Write {
                value: (!is_delete).then_some(self.written),
                is_quorum,
                is_once,
                acked: None,
                is_refused: false,
            });
        }
    }

    /// Begins a list, unless enough are under way.
    fn list(&mut self) {
        self.listers.retain(|it| !it.listing.is_done());
        if self.listers.len() >= LISTS {
            return;
        }
        let span = match self.rng.below(4) {
            0 => Span::Prefix(b"k1".to_vec()),
            1 => Span::Range {
                from: b"k05".to_vec(),
                to: b"k20".to_vec(),
            },
            _ => Span::Prefix(b"k".to_vec()),
        };
        let is_reverse = self.rng.below(2) == 0;
        let mut listing = Listing::new(span, None, PARTITIONS).in_reverse(is_reverse);
        if self.rng.below(2) == 0 {
            listing = listing.at_most(1 + self.rng.below(KEYS));
        }
        self.listers.push(Lister {
            listing,
            is_reverse,
            asked: BTreeMap::new(),
            last: Vec::new(),
        });
    }

    /// Lets time pass, asks for pages, and checks those that come.
    fn pass(&mut self, span: Duration) -> Result<(), String> {
        let state = self.cluster.state();
        let is_member = |it: &Seat| state.member(self.cluster.seats[*it].id).is_some();
        let seats = (0..self.cluster.seats.len()).filter(|it| self.cluster.is_running(*it));
        let seats = seats.filter(is_member);
        let seats: Vec<Seat> = seats.collect();
        for lister in &mut self.listers {
            while !seats.is_empty()
                && let Some(mut wanted) = lister.listing.poll_page()
            {
                // A page of few keys shows more ends.
                wanted.limit = u32::try_from(1 + self.rng.below(4)).unwrap_or(1);
                let seat = seats[usize::try_from(self.rng.below(seats.len() as u64)).unwrap_or(0)];
                let (span, now) = (lister.listing.span(), self.cluster.now);
                let level = Some(Level::Quorum);
                let id = self.cluster.request_page(seat, span, &wanted, level);
                lister.asked.insert(id, (wanted, now));
            }
        }
        self.cluster.run_for(span);
        self.take_writes();
        for at in 0..self.listers.len() {
            self.take_pages(at)?;
        }
        Ok(())
    }

    fn take_writes(&mut self) {
        let now = self.cluster.now;
        let (keys, cluster) = (&mut self.keys, &mut self.cluster);
        self.writes.retain(|id, (key, place)| {
            let Some(Response { result, .. }) = cluster.take_response(*id) else {
                return true;
            };
            let write = keys.get_mut(key).and_then(|it| it.get_mut(*place));
            if let Some(write) = write {
                match result {
                    Ok(Reply::Written { version, .. }) => write.acked = Some((now, version)),
                    Ok(_) => {}
                    Err(failure) => {
                        use henge_core::wire::ErrorCode::{Indeterminate, Timeout};
                        let is_sure = !matches!(failure.code, Indeterminate | Timeout);
                        write.is_refused = is_sure && write.is_once;
                    }
                }
            }
            false
        });
    }

    fn take_pages(&mut self, at: usize) -> Result<(), String> {
        let ids: Vec<u64> = self.listers[at].asked.keys().copied().collect();
        for id in ids {
            let lister = &mut self.listers[at];
            let response = self.cluster.take_response(id);
            let (wanted, began) = match lister.asked.get(&id) {
                Some((wanted, began)) => (wanted.clone(), *began),
                None => continue,
            };
            let is_late = began + PATIENCE < self.cluster.now;
            match response.map(|it| it.result) {
                Some(Ok(Reply::Listed { entries, next })) => {
                    lister.asked.remove(&id);
                    let span = lister.listing.span().clone();
                    self.counts.pages += 1;
                    self.counts.keys += entries.len() as u64;
                    self.check(&span, &wanted, began, &entries, next.as_deref())?;
                    let listing = &mut self.listers[at].listing;
                    let taken = listing.handle_page(wanted.partition, entries, next);
                    taken.map_err(|failure| failure.to_string())?;
                    self.take_entries(at)?;
                }
                Some(Ok(other)) => return Err(format!("a list was answered with {other:?}")),
                // The list goes on from where it is with a new one.
                Some(Err(_)) => {
                    self.begin_anew(at);
                    return Ok(());
                }
                None if is_late => {
                    self.begin_anew(at);
                    return Ok(());
                }
                None => {}
            }
        }
        Ok(())
    }

    fn begin_anew(&mut self, at: usize) {
        self.counts.failures += 1;
        let lister = &mut self.listers[at];
        let (span, cursor) = (lister.listing.span().clone(), lister.listing.cursor());
        lister.listing = Listing::new(span, None, PARTITIONS)
            .in_reverse(lister.is_reverse)
            .behind(cursor.to_vec());
        lister.asked.clear();
    }

    fn take_entries(&mut self, at: usize) -> Result<(), String> {
        let lister = &mut self.listers[at];
        while let Some(entry) = lister.listing.poll_entry() {
            let is_behind = comes_before(lister.is_reverse, &lister.last, &entry.key);
            if !is_behind && !lister.last.is_empty() {
                return Err(format!("{} came out of order", entry.key.escape_ascii()));
            }
            lister.last = entry.key;
        }
        self.counts.lists += u64::from(lister.listing.is_done());
        Ok(())
    }

    /// The law for a page that was asked for at `began`.
    fn check(
        &self,
        span: &Span,
        wanted: &PageWanted,
        began: Instant,
        entries: &[Listed],
        next: Option<&[u8]>,
    ) -> Result<(), String> {
        let mut entries: BTreeMap<&[u8], &Listed> =
            entries.iter().map(|it| (it.key.as_slice(), it)).collect();
        let (after, is_reverse) = (wanted.after.as_slice(), wanted.is_reverse);
        for (key, writes) in &self.keys {
            let name = key.as_bytes();
            let is_inside = span.holds(name)
                && place_of(name) == wanted.partition
                && (after.is_empty() || comes_before(is_reverse, after, name))
                && next.is_none_or(|next| !comes_before(is_reverse, next, name));
            if is_inside {
                check_key(key, writes, began, entries.remove(name))?;
            }
        }
        match entries.first_key_value() {
            Some((key, _)) => Err(format!("{} is not of that page", key.escape_ascii())),
            None => Ok(()),
        }
    }

    fn heal(&mut self) {
        let seats = self.cluster.seats.len();
        for seat in 0..seats {
            for other in (0..seats).filter(|other| *other != seat) {
                self.cluster.cut(seat, other, false);
            }
            if !self.cluster.is_running(seat) {
                self.cluster.start(seat);
            }
        }
        self.cluster.link_all(LinkSettings::CALM);
    }

    /// A number below `limit`.
    fn draw(&mut self, limit: usize) -> usize {
        usize::try_from(self.rng.below(limit as u64)).unwrap_or(0)
    }
}

/// What a page that was asked for at `began` may say of a key.
fn check_key(
    key: &str,
    writes: &[Write],
    began: Instant,
    entry: Option<&Listed>,
) -> Result<(), String> {
    let known = |write: &Write| {
        let (at, version) = write.acked.filter(|_| write.is_quorum)?;
        (at <= began).then_some(version)
    };
    let floor = writes.iter().filter_map(known).max().unwrap_or_default();
    // One whose only version is not known may have any.
    let may_win = |write: &&Write| {
        let version = write.acked.filter(|_| write.is_once);
        let version = version.map(|(_, version)| version);
        !write.is_refused && version.is_none_or(|version| version >= floor)
    };
    let mut winners = writes.iter().filter(may_win);
    let Some(entry) = entry else {
        let is_explained = floor == Hlc::default() || winners.any(|write| write.value.is_none());
        return is_explained.then_some(()).ok_or_else(|| {
            format!("{key} is not listed, but was acknowledged at {floor} and not deleted")
        });
    };
    let text = String::from_utf8_lossy(&entry.value.bytes).into_owned();
    let is_written = |write: &Write| write.value.is_some_and(|value| value.to_string() == text);
    if !winners.any(is_written) || entry.version < floor {
        return Err(format!(
            "{key} is listed as {text} at {}, but {floor} was acknowledged",
            entry.version
        ));
    }
    Ok(())
}

fn place_of(key: &[u8]) -> PartitionId {
    partition_at(position(BucketId(0), key), PARTITIONS)
}

const STEPS: usize = 200;
const KEYS: u64 = 30;
const PARTITIONS: u16 = 4;
/// Lists under way at a time.
const LISTS: usize = 3;
/// How long a lister waits for a page: an answer can be lost with a node.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Links that lose frames, bring them late, and twice.
const HARSH: LinkSettings = LinkSettings {
    slow_permille: 20,
    slow_micros: 20_000,
    loss_permille: 10,
    duplicate_permille: 10,
    ..LinkSettings::CALM
};
