;; Policy: a session resumes within an hour of its full handshake.
;;
;; The canonical ABI passes more than 16 values as one pointer to all of them, laid out as C would: the record `connection` at 0,
;; the record `session` behind it at 56 (a multiple of 8, the alignment of u64). plugin-sdk/wat/README.md has their fields' places.
(module
  (memory (export "memory") 1)

  ;; Where the next of the host's data goes. What lies below 8 is never given out, so that no pointer is 0.
  (global $free (mut i32) (i32.const 8))

  (func (export "reprise:session-cache/get-session@0.1.0#decide") (param $facts i32) (result i32)
    (i64.gt_u
      (i64.load offset=32 (local.get $facts))                                   ;; connection.now
      (i64.add (i64.load offset=96 (local.get $facts)) (i64.const 3600)))      ;; session.authenticated
    (if (result i32)
      (then (i32.const 2))                                                      ;; full-handshake
      (else (i32.const 0))))                                                    ;; resume

  ;; The host calls this when it has the verdict: everything that it put here is done with.
  (func (export "cabi_post_reprise:session-cache/get-session@0.1.0#decide") (param i32)
    (global.set $free (i32.const 8)))

  ;; The host calls this for room for its data: `size` bytes more, at a multiple of `align`. It never asks for old room to grow.
  (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (block $fits
      (loop $grow
        (br_if $fits (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
        (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
        ;; No more memory: the call fails, and the client does a full handshake.
        unreachable))
    (local.get $at)))
