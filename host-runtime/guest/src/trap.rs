//! The allocator, and what a panic becomes: a message that the host can read, then a trap.

use core::cell::UnsafeCell;
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use dlmalloc::GlobalDlmalloc;

#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

const MESSAGE_BYTES_MAX: usize = 1_020;

/// The last words of a trapped instance: their length in bytes, then UTF-8.
#[repr(C)]
pub(crate) struct LastWords {
    length: UnsafeCell<u32>,
    text: UnsafeCell<[u8; MESSAGE_BYTES_MAX]>,
}

// SAFETY: the module has no threads.
unsafe impl Sync for LastWords {}

/// Where a host may look after a trap. Exported as a global that holds the address.
#[unsafe(no_mangle)]
pub(crate) static HENGE_PANIC: LastWords = LastWords {
    length: UnsafeCell::new(0),
    text: UnsafeCell::new([0; MESSAGE_BYTES_MAX]),
};

impl Write for &LastWords {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: one thread, and both references end before this returns.
        let (length, into) = unsafe { (&mut *self.length.get(), &mut *self.text.get()) };
        let start = *length as usize;
        let count = text.len().min(MESSAGE_BYTES_MAX - start);
        into[start..start + count].copy_from_slice(&text.as_bytes()[..count]);
        *length += u32::try_from(count).unwrap_or(0);
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // Writing to the static buffer does not fail, and a cut message is still a message.
    let _ = write!(&HENGE_PANIC, "{info}");
    core::arch::wasm32::unreachable()
}
