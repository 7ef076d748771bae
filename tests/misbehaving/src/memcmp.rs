//! The one function of libc that the compiler asks for here.

#![expect(unsafe_code, reason = "C has it so")]

/// Compares octets as libc does.
///
/// # Safety
///
/// Both point to as many octets.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, octets: usize) -> i32 {
    for at in 0..octets {
        // SAFETY: `at` is below the number of octets that both have.
        let (left, right) = unsafe { (*left.add(at), *right.add(at)) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
    }
    0
}
