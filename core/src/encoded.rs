//! The one way to encode for the wire and for the disk: postcard, into memory.

use alloc::vec::Vec;
use serde::Serialize;

/// The bytes of `content`.
pub(crate) fn encoded<T: Serialize + ?Sized>(content: &T) -> Vec<u8> {
    written(postcard::to_allocvec(content))
}

/// What `out` holds, and the bytes of `content` behind it.
pub(crate) fn encoded_behind<T: Serialize + ?Sized>(out: Vec<u8>, content: &T) -> Vec<u8> {
    written(postcard::to_extend(content, out))
}

/// The panic does not tell of the error: there is no way to come to one, and every page would download what
/// prints it.
fn written(result: postcard::Result<Vec<u8>>) -> Vec<u8> {
    let Ok(bytes) = result else {
        panic!("numbers, byte strings and sequences always encode");
    };
    bytes
}
