//! Comparing byte strings eight bytes at a time.
//!
//! The compiler's own `memcmp` for wasm goes byte by byte, and ordered maps of keys spend most of
//! their time in it. These definitions take its place when the module is linked.

/// Compares `length` bytes at `left` and `right`: below, equal to or above 0 as in C.
///
/// # Safety
/// Both must be readable for `length` bytes.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    let mut at = 0;
    while at + 8 <= length {
        // SAFETY: 8 bytes from `at` on are within `length`, which the caller vouches for.
        let (a, b) = unsafe { (eight(left.add(at)), eight(right.add(at))) };
        if a != b {
            return if a < b { -1 } else { 1 };
        }
        at += 8;
    }
    while at < length {
        // SAFETY: as above, for one byte.
        let (a, b) = unsafe { (*left.add(at), *right.add(at)) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
        at += 1;
    }
    0
}

/// Whether `length` bytes at `left` and `right` differ.
///
/// # Safety
/// As for [`memcmp`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    // SAFETY: the caller vouches for it.
    unsafe { memcmp(left, right, length) }
}

/// Eight bytes as a number in the order of byte strings.
///
/// # Safety
/// `from` must be readable for 8 bytes.
unsafe fn eight(from: *const u8) -> u64 {
    // SAFETY: the caller vouches for it; the address need not be aligned.
    u64::from_be(unsafe { from.cast::<u64>().read_unaligned() })
}
