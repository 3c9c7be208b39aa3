//! What becomes of memory that is freed.

/// Makes the process keep the memory that it frees for what it allocates next. Maps of many megabytes come and go with every operation,
/// and by default the C library gives each back to the system, which clears every page of the next one: up to a fifth of the
/// time of a large drawing.
///
/// To be called once, at the start of a program, as it is the program's business: the process never shrinks after it. It
/// changes glibc's allocator and no other.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, value) in [
        // The threads' own arenas are too small for large maps.
        (libc::M_ARENA_MAX, 1),
        (libc::M_MMAP_MAX, 0),
        // −1: never.
        (libc::M_TRIM_THRESHOLD, -1),
    ] {
        // SAFETY: `mallopt` may be called at any time, with any values.
        unsafe { libc::mallopt(parameter, value) };
    }
}
