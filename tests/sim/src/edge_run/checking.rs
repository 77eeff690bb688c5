//! What must be so when everything is healed.

use super::{LONG_STEP, Run};
use crate::known::{Known, on_the_ring};
use henge_core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

impl Run {
    /// Everything runs and finds each other; then nothing waits for long.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        self.raise();
        for number in 0..self.posts.len() {
            self.light(number);
            self.posts[number].backbone = Some(number);
            self.cut_backbone(number);
        }
        for place in 0..self.devices.len() {
            self.send_home(place, 2);
        }
        for _ in 0..HEAL_SECONDS * 10 {
            self.run(Duration::from_millis(100), LONG_STEP);
            if self.devices.iter().all(|it| it.is_online) && self.pending() == 0 {
                break;
            }
        }
        if self.pending() > 0 {
            let here = self.devices.iter_mut().map(|it| it.leaf().pending());
            let (here, posts): (Vec<_>, _) = (here.collect(), self.posts.iter_mut());
            let there: Vec<_> = posts.map(|it| it.edge().leaf().pending()).collect();
            return Err(format!(
                "{HEAL_SECONDS} s after all is healed there wait {here:?} on devices, {there:?} at edge \
                 nodes"
            ));
        }
        (0..self.devices.len()).try_for_each(|place| self.hear(place))
    }

    fn pending(&mut self) -> usize {
        let here = self.devices.iter_mut().map(|it| it.leaf().pending());
        let posts = self.posts.iter_mut();
        here.sum::<usize>() + posts.map(|it| it.edge().leaf().pending()).sum::<usize>()
    }

    pub(super) fn check(&mut self) -> Result<(), String> {
        for place in 0..self.owners.len() {
            for (key, known) in &self.owners[place].keys {
                if key.starts_with('d') {
                    known.check(&mut self.cluster, key)?;
                }
            }
        }
        let keys = self.owners.iter().flat_map(|owner| owner.keys.keys());
        let keys: BTreeSet<String> = keys.cloned().collect();
        for key in keys.iter().filter(|key| key.starts_with('s')) {
            self.check_shared(key)?;
        }
        self.check_shown(&keys)
    }

    /// What the ring has of a key that all write is what each of its makers may have written last.
    fn check_shared(&mut self, key: &str) -> Result<(), String> {
        let values = on_the_ring(&mut self.cluster, key)?;
        let mut makers = self.owners.iter().filter_map(|owner| owner.keys.get(key));
        let mut newest: BTreeMap<usize, u64> = BTreeMap::new();
        for text in &values {
            let number = text.parse().unwrap_or(0);
            let maker = makers
                .clone()
                .position(|it| it.written.contains_key(&number));
            let maker =
                maker.ok_or_else(|| format!("{key} is {values:?}, and nobody wrote {text}"))?;
            let newest = newest.entry(maker).or_default();
            if *newest == number {
                return Err(format!("{key} has a write twice: {values:?}"));
            }
            *newest = number.max(*newest);
        }
        for (maker, number) in newest {
            let known = makers.clone().nth(maker).ok_or("a maker")?;
            if !known.may_show(number) {
                return Err(format!("{key} is {values:?}; {}", known.receipts()));
            }
        }
        match values.is_empty() && !makers.any(Known::may_be_gone) {
            true => Err(format!("{key} has no value, and was not deleted last")),
            false => Ok(()),
        }
    }

    /// All devices show what the ring has, and were told so.
    fn check_shown(&mut self, keys: &BTreeSet<String>) -> Result<(), String> {
        let now = self.cluster.now;
        self.devices.iter_mut().for_each(|it| it.synced.clear());
        let wanted = self.devices.iter_mut();
        let wanted: Vec<_> = wanted
            .map(|it| ["d", "s"].map(|all| it.subscribe(now, all)))
            .collect();
        for _ in 0..HEAL_SECONDS * 10 {
            self.run(Duration::from_millis(100), LONG_STEP);
            let mut devices = self.devices.iter().zip(&wanted);
            if devices.all(|(it, wanted)| wanted.iter().all(|id| it.synced.contains_key(id))) {
                break;
            }
        }
        for (place, (device, wanted)) in self.devices.iter().zip(&wanted).enumerate() {
            if wanted.iter().any(|id| !device.synced.contains_key(id)) {
                return Err(format!(
                    "device {place} has not all keys after {HEAL_SECONDS} s"
                ));
            }
        }
        // What is repaired by then is told by then.
        self.run(Duration::from_millis(5_000), LONG_STEP);
        let mut ring = BTreeMap::new();
        for key in keys {
            let values = on_the_ring(&mut self.cluster, key)?;
            ring.insert(key.clone(), values.into_iter().next());
        }
        for place in 0..self.devices.len() {
            let device = &mut self.devices[place];
            let mut here = BTreeMap::new();
            for prefix in ["d", "s"] {
                here.extend(device.list(&mut self.cluster, prefix, 5, false));
            }
            for (key, there) in &ring {
                self.counts.compared += 1;
                let told = device.told.get(key.as_bytes()).map(|answer| {
                    let value = answer.value.as_ref();
                    value.map(|value| String::from_utf8_lossy(&value.bytes).into_owned())
                });
                let (shown, was_told) = (here.get(key), told.as_ref().unwrap_or(there));
                if shown != there.as_ref() || was_told != there {
                    return Err(format!(
                        "{key} is {there:?} on the ring, and device {place} has {shown:?}, and was told of \
                         {told:?}"
                    ));
                }
            }
        }
        Ok(())
    }
}

const HEAL_SECONDS: u64 = 120;
