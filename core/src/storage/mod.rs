//! Log-structured storage on any medium.
//!
//! * [`contract`]: what is asked of the medium.

pub mod contract;

pub use contract::{
    FileId, FileKind, OperationId, StorageAnswer, StorageFault, StorageRequest, StoredFile,
};
