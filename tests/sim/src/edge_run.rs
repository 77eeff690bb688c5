//! Random faults for edge nodes, their clients and the ring behind them, and what is promised in them
//! (`docs/edge.md`): a write that was told to be durable somewhere reaches the ring, unless that place has
//! lost its storage; in the order of its key, and once. A receipt comes only further. Who writes sees what it
//! has written. And when all is healed, nothing waits for long, and all show what the ring has.
//!
//! Where clients may go from an edge node to stones and back, no stone dies: an owner that has not heard of a
//! write which another has taken, and which was replaced since, would take it anew (`docs/leaf.md`).

mod checking;
mod counts;

pub use counts::Counts;

use crate::Cluster;
use crate::device::Device;
use crate::edge_post::{EdgePost, STEP, run_all};
use crate::known::Known;
use henge_core::leaf::{Progress, ReadFrom, Source, SubscriptionId, WriteId};
use henge_core::rng::Rng;
use henge_core::time::Duration;
use henge_core::wire::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a device.
#[derive(Default)]
struct Owner {
    /// The edge node that it dials when nothing is wrong; the ring if none.
    home: Option<usize>,
    keys: BTreeMap<String, Known>,
    /// The writes of this life without an outcome: their keys and numbers, and how much of what was told of
    /// each is taken in.
    made: BTreeMap<WriteId, (String, u64, usize)>,
    subscriptions: Vec<SubscriptionId>,
}

struct Run {
    cluster: Cluster,
    posts: Vec<EdgePost>,
    /// Posts that do not run.
    dark: BTreeSet<usize>,
    devices: Vec<Device>,
    owners: Vec<Owner>,
    rng: Rng,
    seats: u64,
    down: BTreeSet<usize>,
    /// Clients go from edge nodes to stones; else stones die.
    is_moving: bool,
    number: u64,
    counts: Counts,
}

/// Plays the run of `seed`. Says what was wrong, if something was.
///
/// # Errors
/// If a promise is broken.
pub fn play(seed: u64) -> Result<Counts, String> {
    let mut run = Run::new(seed);
    for _ in 0..STEPS {
        run.step()?;
    }
    run.heal()?;
    run.check()?;
    Ok(run.counts)
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0xED6E);
        let seats = 3 + 2 * (rng.below(3) / 2);
        let offsets = (0..seats).map(|_| rng.below(400_000).cast_signed() - 200_000);
        let cluster = Cluster::with_clocks(offsets.collect(), seed, |config| {
            // In some it is soon forgotten what has changed.
            if seed.is_multiple_of(5) {
                config.watch_tail_bytes_max = 2_000;
            }
        });
        let mut run = Self {
            posts: Vec::new(),
            dark: BTreeSet::new(),
            devices: Vec::new(),
            owners: Vec::new(),
            seats,
            down: BTreeSet::new(),
            is_moving: seed.is_multiple_of(2),
            number: 0,
            counts: Counts::default(),
            cluster,
            rng,
        };
        for number in 0..1 + run.pick(2) {
            let own = seed ^ (number as u64 + 1) << 40;
            let mut post = EdgePost::new(&run.cluster, own, Some(number));
            post.number = number;
            run.posts.push(post);
        }
        // The last one dials the ring itself.
        let clients = 2 + run.pick(2);
        for place in 0..=clients {
            let home = (place < clients).then_some(place % run.posts.len());
            let own = seed ^ (place as u64 + 1) << 32;
            let mut device = Device::new(&run.cluster, own, Some(place % 3));
            device.post = home;
            run.devices.push(device);
            run.owners.push(Owner {
                home,
                ..Owner::default()
            });
        }
        run
    }

    fn step(&mut self) -> Result<(), String> {
        for place in 0..self.devices.len() {
            self.write(place)?;
        }
        let span = self.rng.below(6_000);
        self.run(Duration::from_micros(span), STEP);
        for place in 0..self.devices.len() {
            self.hear(place)?;
            if self.rng.below(5) == 0 {
                self.read(place)?;
            }
            if self.rng.below(10) == 0 {
                self.subscribe(place);
            }
            self.disturb(place)?;
        }
        for number in 0..self.posts.len() {
            self.disturb_post(number)?;
        }
        self.disturb_seats();
        if self.rng.below(25) == 0 {
            let span = Duration::from_millis(self.rng.below(20_000));
            self.run(span, LONG_STEP);
        }
        Ok(())
    }

    fn run(&mut self, span: Duration, step: Duration) {
        let (posts, devices) = (&mut self.posts, &mut self.devices);
        run_all(&mut self.cluster, posts, devices, span, step);
    }

    /// Writes keys of its own, and some that all write.
    fn write(&mut self, place: usize) -> Result<(), String> {
        for _ in 0..self.rng.below(4) {
            self.number += 1;
            let (number, is_delete) = (self.number, self.rng.below(8) == 0);
            let key = match self.rng.below(4) {
                0 => format!("s/k{}", self.rng.below(3)),
                _ => format!("d{place}/k{}", self.rng.below(5)),
            };
            let text = number.to_string();
            let value = (!is_delete).then_some(text.as_str());
            let owner = &mut self.owners[place];
            let known = owner.keys.entry(key.clone()).or_default();
            let now = self.cluster.now;
            match self.devices[place].write_after(now, &key, value, &known.context) {
                Ok(id) => {
                    self.counts.writes += 1;
                    known.written.insert(number, is_delete);
                    known.shown = Some(number);
                    owner.made.insert(id, (key, number, 0));
                }
                // It is still being opened.
                Err(failure) if failure.code == ErrorCode::Unavailable => {}
                Err(failure) => return Err(format!("a write was refused: {failure:?}")),
            }
        }
        Ok(())
    }

    /// Takes in what the device was told of its writes.
    fn hear(&mut self, place: usize) -> Result<(), String> {
        let (device, owner) = (&self.devices[place], &mut self.owners[place]);
        let mut over = Vec::new();
        for (id, (key, number, heard)) in &mut owner.made {
            let known = owner.keys.get_mut(key.as_str());
            let known = known.ok_or("a key that nobody wrote")?;
            let told = device.progress.get(id).map_or(&[][..], Vec::as_slice);
            if goes_back(told) {
                return Err(format!("{key}: write {number} goes back: {told:?}"));
            }
            // What an edge node has said before it lost its storage is said no more.
            for progress in &told[std::mem::replace(heard, told.len())..] {
                match progress {
                    Progress::Local => known.durable = known.durable.max(*number),
                    Progress::Edge => {
                        self.counts.lodged += u64::from(known.lodged < *number);
                        known.lodged = known.lodged.max(*number);
                    }
                    Progress::Ring { context, .. } => {
                        self.counts.acknowledged += 1;
                        known.acknowledge(*number, context);
                        over.push(*id);
                    }
                    Progress::Refused { failure, .. } => {
                        return Err(format!("{key}: write {number} was refused: {failure:?}"));
                    }
                }
            }
        }
        for id in over {
            owner.made.remove(&id);
        }
        Ok(())
    }

    /// What the device has written last to a key of its own is what it reads.
    fn read(&mut self, place: usize) -> Result<(), String> {
        let from = [ReadFrom::Local, ReadFrom::Nearest][self.pick(2)];
        let own = self.owners[place].keys.iter();
        let own = own.filter(|(key, known)| key.starts_with('d') && known.shown.is_some());
        let own: Vec<String> = own.map(|(key, _)| key.clone()).collect();
        if own.is_empty() {
            return Ok(());
        }
        let key = own[self.pick(own.len() as u64)].clone();
        let (now, bytes) = (self.cluster.now, key.as_bytes().to_vec());
        let Ok(read) = self.devices[place].leaf().read(now, bytes, from, None, 0) else {
            return Ok(());
        };
        let answer = (0..READ_MILLIS_MAX).find_map(|_| {
            let answer = self.devices[place].answers.remove(&read);
            if answer.is_none() {
                self.run(Duration::from_millis(1), STEP);
            }
            answer
        });
        let answer = match answer.ok_or_else(|| format!("{key}: a read has no answer"))? {
            Ok(answer) => answer,
            Err(_) => return Ok(()),
        };
        self.counts.reads += 1;
        let known = &self.owners[place].keys[&key];
        let Some(shown) = known.shown else {
            return Ok(());
        };
        let values = answer.value.iter().chain(&answer.siblings);
        let values = values.map(|value| String::from_utf8_lossy(&value.bytes).into_owned());
        let value: Vec<String> = values.collect();
        let is_last =
            value.contains(&shown.to_string()) || known.written[&shown] && value.is_empty();
        // An edge node can still have what was brought to a stone since.
        let is_last = is_last || self.is_moving && answer.source == Source::Waiting;
        // What it has forgotten may come to the ring behind it.
        if is_last || !known.forgotten.is_empty() {
            return Ok(());
        }
        Err(format!(
            "{key} reads as {value:?} from {:?}, and write {shown} was the last",
            answer.source
        ))
    }

    /// Keeps keys of its own or of all devices, or some no more.
    fn subscribe(&mut self, place: usize) {
        let (pick, now) = (self.pick(5), self.cluster.now);
        let (device, owner) = (&mut self.devices[place], &mut self.owners[place]);
        if device.found.is_none() {
            return;
        }
        match ["d", "d0/", "d1/k", "s/"].get(pick) {
            Some(prefix) => owner.subscriptions.push(device.subscribe(now, prefix)),
            None => {
                if let Some(id) = owner.subscriptions.pop() {
                    device.leaf().unsubscribe(now, id);
                    // Nothing is told any more of what was among these only.
                    device.told.clear();
                }
            }
        }
    }

    fn disturb(&mut self, place: usize) -> Result<(), String> {
        let seat = self.any_seat();
        let posts = self.posts.len() as u64;
        match self.rng.below(60) {
            0..=1 => self.restart(place, false)?,
            2 => self.restart(place, true)?,
            3..=5 => match self.devices[place].post {
                Some(number) if !self.dark.contains(&number) => {
                    let post = &mut self.posts[number];
                    post.cut_client(&mut self.cluster, &mut self.devices, place);
                }
                Some(_) => {}
                None => self.devices[place].cut(&mut self.cluster),
            },
            // It finds nobody for a while.
            6..=8 => {
                self.devices[place].server = None;
                self.send_to(place, None);
            }
            9..=13 => self.send_home(place, seat),
            14..=16 if self.is_moving => {
                self.counts.moves += 1;
                self.devices[place].server = Some(seat);
                let to = self.pick(posts + 1);
                self.send_to(place, to.checked_sub(1));
            }
            _ => {}
        }
        Ok(())
    }

    fn send_home(&mut self, place: usize, seat: usize) {
        self.devices[place].server = Some(seat);
        self.send_to(place, self.owners[place].home);
    }

    /// The device dials this edge node from now on, or its server.
    fn send_to(&mut self, place: usize, post: Option<usize>) {
        let was_at = self.devices[place].post;
        if let Some(number) = was_at
            && was_at != post
            && !self.dark.contains(&number)
        {
            let left = &mut self.posts[number];
            left.cut_client(&mut self.cluster, &mut self.devices, place);
        }
        self.devices[place].move_to(&mut self.cluster, post);
    }

    /// Ends the device as a power cut would, with the loss of its storage in some cases.
    fn restart(&mut self, place: usize, is_lost: bool) -> Result<(), String> {
        self.hear(place)?;
        let post = self.devices[place].post;
        if let Some(number) = post.filter(|number| !self.dark.contains(number)) {
            let post = &mut self.posts[number];
            post.cut_client(&mut self.cluster, &mut self.devices, place);
        }
        let (device, owner) = (&mut self.devices[place], &mut self.owners[place]);
        device.kill();
        if is_lost {
            device.wipe();
            self.counts.losses += 1;
        }
        for known in owner.keys.values_mut() {
            match is_lost {
                true => known.set_back(),
                false => {
                    // What was sent before it was durable is somewhere, and forgotten here.
                    let loose = known.written.range(known.durable + 1..);
                    known.forgotten.extend(loose.map(|(number, _)| *number));
                    known.restart();
                }
            }
        }
        let keys = &owner.keys;
        owner
            .made
            .retain(|_, (key, number, _)| !is_lost && *number <= keys[key].durable);
        // A new life is told anew.
        owner.made.values_mut().for_each(|(_, _, heard)| *heard = 0);
        owner.subscriptions.clear();
        device.start(&self.cluster);
        self.counts.kills += 1;
        Ok(())
    }

    fn disturb_post(&mut self, number: usize) -> Result<(), String> {
        let seat = self.any_seat();
        let is_dark = self.dark.contains(&number);
        match self.rng.below(45) {
            0..=1 if !is_dark => {
                self.darken(number);
                self.light(number);
            }
            2 if !is_dark => self.darken(number),
            3 if !is_dark => {
                (0..self.devices.len()).try_for_each(|place| self.hear(place))?;
                self.darken(number);
                self.posts[number].wipe();
                self.light(number);
                self.counts.losses += 1;
                // Only their makers have what only it had.
                for owner in &mut self.owners {
                    owner.keys.values_mut().for_each(|known| known.lodged = 0);
                }
            }
            4..=7 if is_dark => self.light(number),
            8..=10 if !is_dark && self.posts[number].edge().is_quiet() => {
                self.posts[number].evict(&mut self.cluster);
                self.counts.evictions += 1;
            }
            11..=13 => {
                self.posts[number].backbone = None;
                self.cut_backbone(number);
                self.counts.absences += 1;
            }
            14..=18 => {
                self.posts[number].backbone = Some(seat);
                self.cut_backbone(number);
            }
            _ => {}
        }
        Ok(())
    }

    fn darken(&mut self, number: usize) {
        self.posts[number].kill(&mut self.cluster, &mut self.devices);
        self.dark.insert(number);
        self.counts.kills += 1;
    }

    fn light(&mut self, number: usize) {
        if self.dark.remove(&number) {
            self.posts[number].start(&self.cluster);
        }
    }

    fn cut_backbone(&mut self, number: usize) {
        if !self.dark.contains(&number) {
            self.posts[number].cut(&mut self.cluster);
        }
    }

    fn disturb_seats(&mut self) {
        let seat = self.pick(self.seats);
        match self.rng.below(30) {
            0 if !self.is_moving && self.down.is_empty() => {
                self.counts.stones += 1;
                self.cluster.crash(seat);
                self.down.insert(seat);
                for device in &mut self.devices {
                    device.server = device.server.filter(|server| *server != seat);
                    // Who was to go elsewhere next can be connected still.
                    if device.line().leads_to(seat) {
                        device.cut(&mut self.cluster);
                    }
                }
                for number in 0..self.posts.len() {
                    let post = &mut self.posts[number];
                    post.backbone = post.backbone.filter(|backbone| *backbone != seat);
                    if post.line().leads_to(seat) {
                        self.cut_backbone(number);
                    }
                }
            }
            1..=4 => self.raise(),
            _ => {}
        }
    }

    fn raise(&mut self) {
        if let Some(seat) = self.down.pop_first() {
            self.cluster.start(seat);
        }
    }

    /// A seat that runs.
    fn any_seat(&mut self) -> usize {
        let seat = self.pick(self.seats);
        match self.down.contains(&seat) {
            true => (seat + 1) % 3,
            false => seat,
        }
    }

    fn pick(&mut self, limit: u64) -> usize {
        usize::try_from(self.rng.below(limit)).unwrap_or(0)
    }
}

/// Whether a write was told to be durable here twice, or anything once it was over. An edge node may be faster
/// than the medium here, and says over each connection that it has a write.
fn goes_back(told: &[Progress]) -> bool {
    let is_local = |it: &&Progress| matches!(it, Progress::Local);
    let is_over = |it: &Progress| matches!(it, Progress::Ring { .. } | Progress::Refused { .. });
    let end = told.iter().position(is_over);
    told.iter().filter(is_local).count() > 1 || end.is_some_and(|end| end + 1 < told.len())
}

const STEPS: usize = 80;
/// How far time goes at once while nobody does anything.
const LONG_STEP: Duration = Duration::from_micros(2_000);
const READ_MILLIS_MAX: u64 = 60_000;
