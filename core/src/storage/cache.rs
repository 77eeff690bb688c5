//! The block cache: S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi, "FIFO queues are all you need for
//! cache eviction", SOSP 2023), by bytes.
//!
//! New blocks enter a small queue, a tenth of the room. Those that are used again before they come
//! to its end move on to the main queue, the others leave and are remembered by name for a while;
//! a block that comes back within that time enters the main queue at once. So a scan passes
//! through the small queue and pushes nothing out. It was chosen before CLOCK-Pro and W-TinyLFU
//! because a hit writes one small counter and moves nothing: a lookup borrows the cache shared.

use super::table::block::{BlockError, BlockId};
use super::table::reader::{Blocks, Obstacle, Wanted};
use crate::limits::DAMAGED_BLOCKS_MAX;
use crate::sorted::{Map, Set};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cell::Cell;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// Uses that are counted; more do not help a block.
const USES_MAX: u8 = 3;
/// What a block costs beside its bytes: slot, map entry, queue entry, allocation.
const BLOCK_OVERHEAD_BYTES: usize = 96;

type Name = (u64, u64);

/// Blocks in memory.
#[derive(Debug)]
pub struct Cache {
    capacity: usize,
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    by_name: HashMap<Name, usize, FixedState>,
    small: Queue,
    main: Queue,
    /// Names that have left the small queue, oldest first.
    ghosts: VecDeque<Name>,
    ghost_names: Set<Name>,
    damaged: Map<Name, BlockError>,
    hits: Cell<u64>,
}

#[derive(Debug)]
struct Slot {
    name: Name,
    bytes: Box<[u8]>,
    uses: Cell<u8>,
}

#[derive(Debug, Default)]
struct Queue {
    slots: VecDeque<usize>,
    bytes: usize,
}

impl Cache {
    /// An empty cache with room for `capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            slots: Vec::new(),
            free: Vec::new(),
            by_name: HashMap::with_hasher(FixedState::with_seed(0)),
            small: Queue::default(),
            main: Queue::default(),
            ghosts: VecDeque::new(),
            ghost_names: Set::new(),
            damaged: Map::new(),
            hits: Cell::new(0),
        }
    }

    /// Bytes held, with what they cost beside themselves.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.small.bytes + self.main.bytes
    }

    /// Blocks found here.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits.get()
    }

    /// Sets the room and evicts what is beyond it.
    pub fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity;
        self.make_room(None);
    }

    /// Puts a block in. It stays at least until the next one comes, however large it is.
    pub fn insert(&mut self, id: BlockId, bytes: Vec<u8>) {
        let name = (id.table, id.offset);
        if self.by_name.contains_key(&name) {
            return;
        }
        let slot = Slot {
            name,
            bytes: bytes.into_boxed_slice(),
            uses: Cell::new(0),
        };
        let cost = slot.cost();
        let index = self.free.pop().unwrap_or(self.slots.len());
        if index == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[index] = Some(slot);
        self.by_name.insert(name, index);
        let queue = if self.ghost_names.remove(name) {
            &mut self.main
        } else {
            &mut self.small
        };
        queue.slots.push_back(index);
        queue.bytes += cost;
        self.make_room(Some(index));
    }

    /// Remembers that a block is not what was written: it is not read again.
    pub fn mark_damaged(&mut self, id: BlockId, error: BlockError) {
        if self.damaged.len() < DAMAGED_BLOCKS_MAX {
            self.damaged.insert((id.table, id.offset), error);
        }
    }

    /// Blocks that are known to be damaged.
    #[must_use]
    pub fn damaged(&self) -> usize {
        self.damaged.len()
    }

    /// Forgets everything of a table that is gone. Its blocks leave at once.
    pub fn forget(&mut self, table: u64) {
        self.damaged.retain(|(of, _), _| of != table);
        for queue in [&mut self.small, &mut self.main] {
            let (slots, by_name, free) = (&mut self.slots, &mut self.by_name, &mut self.free);
            let mut freed = 0;
            queue.slots.retain(|index| {
                let Some(slot) = slots[*index].take_if(|slot| slot.name.0 == table) else {
                    return true;
                };
                freed += slot.cost();
                by_name.remove(&slot.name);
                free.push(*index);
                false
            });
            queue.bytes -= freed;
        }
    }

    fn make_room(&mut self, newest: Option<usize>) {
        while self.bytes() > self.capacity {
            let is_small = self.small.bytes > self.capacity / 10 || self.main.slots.is_empty();
            let queue = if is_small {
                &mut self.small
            } else {
                &mut self.main
            };
            let Some(index) = queue.slots.pop_front() else {
                return;
            };
            if newest == Some(index) {
                queue.slots.push_back(index);
                if self.small.slots.len() + self.main.slots.len() == 1 {
                    return;
                }
                // The newest is alone in its queue: the other one has what can go.
                let other = if is_small {
                    &mut self.main
                } else {
                    &mut self.small
                };
                let Some(index) = other.slots.pop_front() else {
                    continue;
                };
                self.evict(index, !is_small);
                continue;
            }
            let slot = self.slots[index].as_ref().expect("queued slots are in use");
            let (uses, cost) = (slot.uses.get(), slot.cost());
            if uses == 0 {
                self.evict(index, is_small);
            } else if is_small {
                slot.uses.set(0);
                self.small.bytes -= cost;
                self.main.bytes += cost;
                self.main.slots.push_back(index);
            } else {
                slot.uses.set(uses - 1);
                self.main.slots.push_back(index);
            }
        }
    }

    /// Removes the block in slot `index`, which has left its queue already.
    fn evict(&mut self, index: usize, is_small: bool) {
        let slot = self.slots[index].take().expect("queued slots are in use");
        self.by_name.remove(&slot.name);
        self.free.push(index);
        if !is_small {
            self.main.bytes -= slot.cost();
            return;
        }
        self.small.bytes -= slot.cost();
        // As many names as there are blocks: what the paper found to be enough.
        while self.ghosts.len() > self.by_name.len().max(16) {
            let Some(oldest) = self.ghosts.pop_front() else {
                break;
            };
            self.ghost_names.remove(oldest);
        }
        if self.ghost_names.insert(slot.name) {
            self.ghosts.push_back(slot.name);
        }
    }
}

impl Blocks for Cache {
    fn block(&self, wanted: Wanted) -> Result<&[u8], Obstacle> {
        let name = (wanted.id.table, wanted.id.offset);
        if let Some(index) = self.by_name.get(&name)
            && let Some(slot) = &self.slots[*index]
        {
            slot.uses.set((slot.uses.get() + 1).min(USES_MAX));
            self.hits.set(self.hits.get() + 1);
            return Ok(&slot.bytes);
        }
        if self.damaged.contains(name) {
            return Err(Obstacle::Damaged(wanted.id));
        }
        Err(Obstacle::Unloaded(wanted))
    }
}

impl Slot {
    const fn cost(&self) -> usize {
        self.bytes.len() + BLOCK_OVERHEAD_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::storage::table::BlockKind;
    use alloc::vec;

    const BLOCK: usize = 1_000;
    const COST: usize = BLOCK + BLOCK_OVERHEAD_BYTES;

    fn id(offset: u64) -> BlockId {
        BlockId {
            table: 1,
            offset,
            length: 9,
        }
    }

    fn holds(cache: &Cache, offset: u64) -> bool {
        cache
            .block(Wanted {
                id: id(offset),
                kind: BlockKind::Data,
            })
            .is_ok()
    }

    /// Uses a block as a read does; says whether it was there.
    fn touch(cache: &mut Cache, offset: u64) -> bool {
        let is_hit = holds(cache, offset);
        if !is_hit {
            cache.insert(id(offset), vec![0; BLOCK]);
        }
        is_hit
    }

    #[test]
    fn a_scan_pushes_out_nothing_that_is_in_use() {
        let mut cache = Cache::new(100 * COST);
        for _ in 0..4 {
            (0..60).for_each(|block| _ = touch(&mut cache, block));
        }
        (1_000..3_000).for_each(|block| _ = touch(&mut cache, block));
        let kept = (0..60).filter(|block| holds(&cache, *block)).count();
        assert!(kept >= 58, "{kept} of 60");
    }

    #[test]
    fn a_skewed_load_hits_more_than_least_recently_used_would() {
        let mut rng = Rng::new(11);
        let mut cache = Cache::new(200 * COST);
        let mut lru: VecDeque<u64> = VecDeque::new();
        let (mut hits, mut lru_hits) = (0, 0);
        for at in 0..60_000_u64 {
            // One in three goes through everything; the others choose of few, the lower the oftener.
            let limit = rng.below(600) + 1;
            let block = if at % 3 == 0 {
                1_000 + at
            } else {
                rng.below(limit)
            };
            hits += u32::from(touch(&mut cache, block));
            let known = lru.iter().position(|old| *old == block);
            lru_hits += u32::from(known.is_some());
            known.map(|index| lru.remove(index));
            lru.push_back(block);
            if lru.len() > 200 {
                lru.pop_front();
            }
        }
        assert!(hits > lru_hits, "{hits} against {lru_hits}");
    }

    #[test]
    fn the_room_is_kept_and_the_newest_block_stays_however_large_it_is() {
        let mut rng = Rng::new(5);
        let mut cache = Cache::new(20 * COST);
        for offset in 0..5_000 {
            let length = usize::try_from(rng.below(3_000)).unwrap();
            cache.insert(id(offset), vec![0; length]);
            assert!(holds(&cache, offset) && cache.bytes() <= 20 * COST);
            if rng.below(3) == 0 {
                holds(&cache, offset.saturating_sub(rng.below(30)));
            }
        }
        cache.insert(id(9_999), vec![0; 100 * COST]);
        assert!(holds(&cache, 9_999) && cache.by_name.len() == 1);
        cache.insert(id(1), vec![0; BLOCK]);
        assert!(holds(&cache, 1) && !holds(&cache, 9_999) && cache.bytes() == COST);
    }

    #[test]
    fn a_table_that_is_gone_leaves_nothing() {
        let mut cache = Cache::new(100 * COST);
        (0..50).for_each(|block| _ = touch(&mut cache, block));
        let other = BlockId { table: 2, ..id(0) };
        cache.insert(other, vec![0; BLOCK]);
        cache.mark_damaged(id(77), BlockError::Checksum);
        cache.forget(1);
        assert_eq!((cache.bytes(), cache.damaged()), (COST, 0));
        assert!((0..50).all(|block| !holds(&cache, block)));
        cache.set_capacity(0);
        assert_eq!(cache.bytes(), 0);
    }
}
