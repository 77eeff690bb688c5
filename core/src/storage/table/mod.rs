//! Sorted tables: files that are written once, in key order, and never changed.
//!
//! A table is a header, blocks one after another, and a footer. Data blocks hold the pairs. After
//! each run of data blocks stands a **directory**: the run's bloom filter and an index of its data
//! blocks. The **top** block is the index of the directories, the **properties** block says what
//! is in the table, and the footer where these two are. So a read needs three blocks, top,
//! directory and data, of which the first two are few and stay in the cache; and whatever is in
//! memory of a table is in the cache, under its limit. Byte maps: `docs/file-format.md`.
//!
//! * [`block`]: one block's frame: kind, lengths, compression, checksum.
//! * [`entries`]: the prefix-compressed pairs in a block: builder and reader.
//! * [`filter`]: the bloom filter.
//! * [`directory`]: filter and index of a run of data blocks.
//! * [`footer`]: header, footer, properties.
//! * [`builder`]: writes a table from sorted pairs.
//! * [`reader`]: finds a key.
//! * [`cursor`]: goes through pairs in either direction.
//! * [`stream`]: all pairs in order, from large reads past the cache.
//! * [`verify`]: everything in a table, looked at for what is wrong.

pub mod block;
pub mod builder;
pub mod cursor;
pub mod directory;
pub mod entries;
pub mod filter;
pub mod footer;
pub mod reader;
pub mod stream;
pub mod verify;

pub use block::{BlockId, BlockKind, Place};
pub use builder::TableBuilder;
pub use footer::Properties;
