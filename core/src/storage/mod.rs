//! Log-structured storage on any medium.
//!
//! A write goes into the commit log and the memtable; a full memtable is flushed into a sorted
//! table; tables are merged down the levels; the manifest says which of them count. Everything
//! advances in bounded steps and asks the medium through one contract. Byte maps:
//! `docs/file-format.md`.
//!
//! * [`contract`]: what is asked of the medium.
//! * [`key`]: keys as they are stored, and their order.
//! * [`facts`]: what is known of states that are opaque here.
//! * [`log`]: the commit log: its format, its writer with group commit, its recovery.
//! * [`memtable`]: the newest states, in key order.
//! * [`table`]: sorted tables: blocks, filters, indexes; builder, reader, cursor, stream.
//! * [`manifest`]: which tables count, in which levels.
//! * [`compaction`]: what to merge next, and the merging.
//! * [`cache`]: the blocks in memory.
//! * [`store`]: all of it together, as the node sees it.

pub mod cache;
pub mod compaction;
pub mod contract;
pub mod facts;
pub mod key;
pub mod log;
pub mod manifest;
pub mod memtable;
pub mod store;
pub mod table;
mod varint;

pub use contract::{
    FileId, FileKind, OperationId, StorageAnswer, StorageFault, StorageRequest, StoredFile,
};
pub use facts::{Facts, Reading};
pub use key::StoredKey;
pub use store::{
    BatchNumber, Lookup, Newest, Replayed, Store, StoreEvent, StoreReport, StoreSettings,
    WriteRefused,
};
