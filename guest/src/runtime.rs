//! What the standard library would bring along with imports that the sandbox does not have.

#![expect(unsafe_code, reason = "the canonical ABI allots memory by raw pointers")]

use alloc::alloc::{Layout, handle_alloc_error};

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Allots memory for what the host hands in. On this target wit-bindgen leaves it to wasi-libc, which is not here.
///
/// # Safety
///
/// As the canonical ABI has it: `old` is null, or was given by this function with `old_size` and `align`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(old: *mut u8, old_size: usize, align: usize, new_size: usize) -> *mut u8 {
    // SAFETY: the canonical ABI gives a power of two as `align` and sizes below 2^31, so that the layouts are valid;
    // `old` was allotted with the layout of `old_size`.
    unsafe {
        let layout = Layout::from_size_align_unchecked(new_size, align);
        let new = match (old_size, new_size) {
            // No octets have no address; any that is aligned does.
            (_, 0) => return core::ptr::without_provenance_mut(align),
            (0, _) => alloc::alloc::alloc(layout),
            _ => alloc::alloc::realloc(old, Layout::from_size_align_unchecked(old_size, align), new_size),
        };
        if new.is_null() {
            handle_alloc_error(layout);
        }
        new
    }
}

/// Compares octets, as the compiler expects of every target's C library.
///
/// # Safety
///
/// As C has it: both point to `length` octets.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    for at in 0..length {
        // SAFETY: `at` is below `length`.
        let (left, right) = unsafe { (*left.add(at), *right.add(at)) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
    }
    0
}
