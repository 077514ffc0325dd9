//! What a call needs of the thread that it runs on.

/// What the host's side of a call takes, in bytes, besides the policy's own stack: wasmtime, and
/// what a policy imports, at the policy's deepest point.
const HOST: usize = 64 << 10;

/// Whether this thread has room for a call of a policy that may use `wasm` bytes of stack. wasmtime
/// does not look: where the guard page comes before the policy's limit, the process ends.
///
/// A thread's bounds are asked for once, at its first call, which takes a system call; then this is
/// a comparison. On a stack that is not the thread's own (a fiber, an `ASYNC_JOB` of OpenSSL's) it
/// can come out either way, and so can what is left there.
///
/// # Errors
/// There is too little; it says how much there should be.
pub(super) fn room_for(wasm: usize) -> wasmtime::Result<()> {
    let expected = wasm.saturating_add(HOST);
    match stacker::remaining_stack() {
        Some(left) if left < expected => Err(wasmtime::Error::msg(format!(
            "this thread has {} KiB of stack left; expected {} KiB: give it a larger one, or lower the stack of policies",
            left >> 10,
            expected.div_ceil(1 << 10)
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_has_room_for_what_is_left_of_its_stack_and_no_more() {
        let small = thread::Builder::new().stack_size(256 << 10);
        let (fits, error) = small
            .spawn(|| (room_for(128 << 10).is_ok(), room_for(1 << 30).unwrap_err().to_string()))
            .unwrap()
            .join()
            .unwrap();
        assert!(fits);
        assert!(error.contains("expected 1048640 KiB"), "{error}");
    }
}
