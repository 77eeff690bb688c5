//! Log-structured storage on any medium.
//!
//! * [`contract`]: what is asked of the medium.
//! * [`log`]: the commit log: its format, its writer with group commit, its recovery.
//! * [`memtable`]: the newest state of each key, in key order.
//! * [`store`]: the three together, as the node sees them.

pub mod contract;
pub mod log;
pub mod memtable;
pub mod store;

pub use contract::{
    FileId, FileKind, OperationId, StorageAnswer, StorageFault, StorageRequest, StoredFile,
};
pub use memtable::StoredKey;
pub use store::{BatchNumber, Lookup, Store, StoreEvent, WriteRefused};
