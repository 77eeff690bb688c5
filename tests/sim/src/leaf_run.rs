//! Random faults for leaves and their cluster, and what leaves promise in them (`docs/leaf.md`): a write
//! that is durable on the device reaches the ring, in the order of its key and once; one that the ring has
//! acknowledged is not undone, unless the device's storage is set back; the device sees its own writes;
//! and when all is healed, no write waits for long, and what a device subscribes to is there as the ring
//! has it.

use crate::Cluster;
use crate::device::Device;
use crate::known::{Known, on_the_ring};
use crate::world::disk::{Disk, DiskSettings};
use henge_core::leaf::{Progress, ReadFrom, WriteId};
use henge_core::rng::Rng;
use henge_core::selector::Span;
use henge_core::time::Duration;
use henge_core::wire::{ErrorCode, Features};
use std::collections::{BTreeMap, BTreeSet};

/// What happened in a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Writes that were taken.
    pub writes: u64,
    /// Those of them that the ring has acknowledged to their device.
    pub acknowledged: u64,
    /// Answers that were compared with what the device had written.
    pub reads: u64,
    /// Devices that were killed.
    pub kills: u64,
    /// Storages that were emptied or set back.
    pub setbacks: u64,
    /// How often servers were of an older version for a while.
    pub downgrades: u64,
    /// How often all keys of a subscription were there.
    pub syncs: u64,
    /// Keys that were compared with the ring's in the end.
    pub compared: u64,
    /// Virtual time, in microseconds.
    pub virtual_micros: u64,
}

impl Counts {
    /// Adds those of another run.
    pub const fn add(&mut self, other: &Self) {
        self.writes += other.writes;
        self.acknowledged += other.acknowledged;
        self.reads += other.reads;
        self.kills += other.kills;
        self.setbacks += other.setbacks;
        self.downgrades += other.downgrades;
        self.syncs += other.syncs;
        self.compared += other.compared;
        self.virtual_micros += other.virtual_micros;
    }
}

/// A device and what is known of what it has written. Only it writes its keys.
struct Owner {
    device: Device,
    keys: BTreeMap<String, Known>,
    /// The writes of this life: their keys and numbers.
    made: BTreeMap<WriteId, (String, u64)>,
    /// An earlier state of its disk.
    kept: Option<Disk>,
}

struct Run {
    cluster: Cluster,
    owners: Vec<Owner>,
    rng: Rng,
    seats: u64,
    down: BTreeSet<usize>,
    number: u64,
    counts: Counts,
}

/// Plays the run of `seed`. Says what was wrong, if something was.
///
/// # Errors
/// If a promise is broken.
pub fn play(seed: u64) -> Result<Counts, String> {
    let mut run = Run::new(seed);
    let began = run.cluster.now;
    for _ in 0..STEPS {
        run.step()?;
    }
    run.check()?;
    run.counts.virtual_micros = run.cluster.now.since(began).as_micros();
    Ok(run.counts)
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x1EAF);
        let seats = 3 + 2 * (rng.below(3) / 2);
        let cluster = Cluster::with(usize::try_from(seats).unwrap_or(3), seed, |config| {
            // In some it is soon forgotten what has changed.
            if seed.is_multiple_of(3) {
                config.watch_tail_bytes_max = 2_000;
            }
        });
        let devices = 1 + rng.below(2);
        let owner = |number| {
            let mut device = Device::new(&cluster, seed ^ number << 32, Some(0));
            // Some keep hardly anything of what they have read.
            if number == 1 {
                device.settings().copies_max = 3;
            }
            Owner {
                device,
                keys: BTreeMap::new(),
                made: BTreeMap::new(),
                kept: None,
            }
        };
        Self {
            owners: (0..devices).map(owner).collect(),
            cluster,
            rng,
            seats,
            down: BTreeSet::new(),
            number: 0,
            counts: Counts::default(),
        }
    }

    fn step(&mut self) -> Result<(), String> {
        for place in 0..self.owners.len() {
            self.write(place)?;
            let span = Duration::from_micros(self.rng.below(4_000));
            self.owners[place].device.run(&mut self.cluster, span);
            self.hear(place)?;
            if self.rng.below(4) == 0 {
                self.read(place)?;
            }
            if self.rng.below(10) == 0 {
                self.subscribe(place);
            }
            self.disturb(place);
        }
        self.disturb_seats();
        Ok(())
    }

    fn write(&mut self, place: usize) -> Result<(), String> {
        for _ in 0..self.rng.below(5) {
            self.number += 1;
            let (number, is_delete) = (self.number, self.rng.below(8) == 0);
            let key = format!("d{place}/k{}", self.rng.below(6));
            let text = number.to_string();
            let value = (!is_delete).then_some(text.as_str());
            let owner = &mut self.owners[place];
            match owner.device.write(self.cluster.now, &key, value) {
                Ok(id) => {
                    self.counts.writes += 1;
                    let known = owner.keys.entry(key.clone()).or_default();
                    known.written.insert(number, is_delete);
                    known.shown = Some(number);
                    owner.made.insert(id, (key, number));
                }
                // It is still being opened, or its storage is full or broken.
                Err(failure) => match failure.code {
                    ErrorCode::Unavailable | ErrorCode::RateLimited | ErrorCode::Corrupt => {}
                    code => return Err(format!("a write was refused with {code:?}")),
                },
            }
        }
        Ok(())
    }

    /// Keeps keys of its own or of all devices, or no more.
    fn subscribe(&mut self, place: usize) {
        let (pick, now) = (self.rng.below(4), self.cluster.now);
        let device = &mut self.owners[place].device;
        if device.found.is_none() || device.failed.is_some() {
            return;
        }
        self.counts.syncs += device.synced.values().map(|it| u64::from(*it)).sum::<u64>();
        device.synced.clear();
        let prefix = ["d", "d0/", "d1/k", "d"][usize::try_from(pick).unwrap_or(0)];
        let span = Span::Prefix(prefix.into());
        // Its storage may have failed since.
        if let Ok(id) = device.leaf().subscribe(now, span)
            && pick == 3
        {
            device.leaf().unsubscribe(now, id);
        }
    }

    /// Takes in what the device was told of its writes.
    fn hear(&mut self, place: usize) -> Result<(), String> {
        let owner = &mut self.owners[place];
        for (id, (key, number)) in &owner.made {
            let known = owner.keys.get_mut(key).ok_or("a key that nobody wrote")?;
            match owner.device.last(*id) {
                None | Some(Progress::Edge) => {}
                Some(Progress::Local) => known.durable = known.durable.max(*number),
                // With a storage that is full it may be on the ring and not durable here.
                Some(Progress::Ring { .. }) => {
                    if known.acknowledged < *number {
                        self.counts.acknowledged += 1;
                    }
                    known.acknowledged = known.acknowledged.max(*number);
                }
                Some(Progress::Refused { failure, .. }) => {
                    return Err(format!("{key}: write {number} was refused: {failure:?}"));
                }
            }
        }
        Ok(())
    }

    /// What the device has written last is what it reads.
    fn read(&mut self, place: usize) -> Result<(), String> {
        let from = [ReadFrom::Local, ReadFrom::Nearest][self.pick(2)];
        let owner = &mut self.owners[place];
        let count = owner.keys.len().max(1);
        let nth = usize::try_from(self.rng.below(count as u64)).unwrap_or(0);
        let Some((key, known)) = owner.keys.iter().nth(nth) else {
            return Ok(());
        };
        let Some(shown) = known.shown else {
            return Ok(());
        };
        let is_delete = known.written[&shown];
        let Ok(answer) = owner.device.read(&mut self.cluster, key, from) else {
            return Ok(());
        };
        self.counts.reads += 1;
        let value = answer.value.map(|value| value.bytes);
        let expected = (!is_delete).then(|| shown.to_string().into_bytes());
        if value != expected {
            let value = value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            return Err(format!(
                "{key} reads as {value:?} from {:?}, and write {shown} was the last",
                answer.source
            ));
        }
        Ok(())
    }

    fn disturb(&mut self, place: usize) {
        let server = self.pick(self.seats + 1);
        let fault = self.rng.below(40);
        let seed = self.rng.next_u64();
        let owner = &mut self.owners[place];
        match fault {
            0..=2 => self.counts.kills += owner.restart(&self.cluster, None),
            3..=6 => owner.device.cut(&mut self.cluster),
            7..=9 => owner.device.server = server.checked_sub(1),
            10 => owner.device.disk().is_full = true,
            11..=13 => owner.device.disk().is_full = false,
            14 => {
                owner.device.disk().is_broken = true;
                owner
                    .device
                    .run(&mut self.cluster, Duration::from_millis(5));
                self.counts.kills += owner.restart(&self.cluster, None);
                owner.device.disk().is_broken = false;
            }
            15 => owner.kept = Some(owner.device.disk().clone()),
            16 => {
                let disk = match owner.kept.take() {
                    Some(disk) => disk,
                    None => Disk::new(DiskSettings::CALM, seed),
                };
                self.counts.setbacks += 1;
                self.counts.kills += owner.restart(&self.cluster, Some(disk));
            }
            // For long.
            17 => {
                owner.device.server = None;
                owner.device.cut(&mut self.cluster);
                let span = Duration::from_millis(seed % 60_000);
                owner.device.run(&mut self.cluster, span);
            }
            // Servers of before there were lists and watches.
            18 => {
                self.counts.downgrades += 1;
                owner.device.line().features = Features(0);
                owner.device.cut(&mut self.cluster);
            }
            19..=21 => owner.device.line().features = Features::ALL,
            _ => {}
        }
    }

    fn disturb_seats(&mut self) {
        let seat = self.pick(self.seats);
        match self.rng.below(30) {
            0 if self.down.len() < self.owners.len().min(1) => {
                self.cluster.crash(seat);
                self.down.insert(seat);
                for owner in &mut self.owners {
                    if owner.device.server == Some(seat) {
                        owner.device.server = None;
                        owner.device.cut(&mut self.cluster);
                    }
                }
            }
            1..=4 => self.raise(),
            _ => {}
        }
        // Who dials a seat that is down finds nobody.
        for owner in &mut self.owners {
            let is_down = |seat: usize| self.down.contains(&seat);
            owner.device.server = owner.device.server.filter(|seat| !is_down(*seat));
        }
    }

    fn raise(&mut self) {
        if let Some(seat) = self.down.pop_first() {
            self.cluster.start(seat);
        }
    }

    /// Heals everything, and looks at what has become of all writes.
    fn check(&mut self) -> Result<(), String> {
        self.raise();
        for owner in &mut self.owners {
            owner.device.disk().is_full = false;
            owner.device.server = Some(1);
            owner.device.line().features = Features::ALL;
            self.counts.kills += owner.restart(&self.cluster, None);
        }
        for place in 0..self.owners.len() {
            let device = &mut self.owners[place].device;
            for _ in 0..HEAL_SECONDS * 10 {
                device.run(&mut self.cluster, Duration::from_millis(100));
                if device.is_online && device.leaf().pending() == 0 {
                    break;
                }
            }
            let pending = device.leaf().pending();
            if pending > 0 {
                return Err(format!(
                    "{pending} writes wait {HEAL_SECONDS} s after all is healed"
                ));
            }
        }
        for owner in &self.owners {
            for (key, known) in &owner.keys {
                known.check(&mut self.cluster, key)?;
            }
        }
        for place in 0..self.owners.len() {
            self.check_copies(place)?;
        }
        Ok(())
    }

    /// A device that subscribes to all keys has them as the ring does.
    fn check_copies(&mut self, place: usize) -> Result<(), String> {
        let keys = self.owners.iter().flat_map(|owner| owner.keys.keys());
        let keys: BTreeSet<String> = keys.cloned().collect();
        let device = &mut self.owners[place].device;
        device.synced.clear();
        let id = device.subscribe(self.cluster.now, "d");
        for _ in 0..HEAL_SECONDS * 10 {
            device.run(&mut self.cluster, Duration::from_millis(100));
            if device.synced.contains_key(&id) {
                break;
            }
        }
        if !device.synced.contains_key(&id) {
            return Err(format!(
                "device {place} has not all keys after {HEAL_SECONDS} s"
            ));
        }
        // What is repaired by then is told by then.
        device.run(&mut self.cluster, Duration::from_millis(5_000));
        let here: BTreeMap<String, String> = { device.list(&mut self.cluster, "d", 5, false) }
            .into_iter()
            .collect();
        for key in keys {
            let there = on_the_ring(&mut self.cluster, &key)?.into_iter().next();
            self.counts.compared += 1;
            if here.get(&key) != there.as_ref() {
                let here = here.get(&key);
                return Err(format!(
                    "{key} is {there:?} on the ring, and device {place} has {here:?}"
                ));
            }
        }
        Ok(())
    }

    fn pick(&mut self, limit: u64) -> usize {
        usize::try_from(self.rng.below(limit)).unwrap_or(0)
    }
}

impl Owner {
    /// Ends the device as a power cut would and starts it from what its disk holds, or from `disk`. Returns
    /// 1, the number of kills.
    fn restart(&mut self, cluster: &Cluster, disk: Option<Disk>) -> u64 {
        self.device.kill();
        let is_setback = disk.is_some();
        if let Some(disk) = disk {
            *self.device.disk() = disk;
            self.device.disk().crash();
        }
        for known in self.keys.values_mut() {
            match is_setback {
                true => known.set_back(),
                false => known.restart(),
            }
        }
        self.made.clear();
        self.device.start(cluster);
        1
    }
}

const STEPS: usize = 120;
const HEAL_SECONDS: u64 = 120;
