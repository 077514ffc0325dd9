;; The memory, and who has which part of it:
;;
;;   from 0      the SDK: a verdict, what `configure` gives, its words
;;   from 4096   the policy: its words, and whatever else has a fixed place
;;   from 8192   the heap: what the host passes, and what `$memory.take` gives
;;
;; Nothing on the heap is given back by itself. When a call ends, all that it took goes at once (`$memory.release`); what
;; `configure` took stays for the instance's life (`$memory.keep`). So a call costs no bookkeeping, and nothing leaks.

;; The limit is a page short of what 32 bits address, so that no address wraps round to 0. The host's own limit is far lower.
(memory (export "memory") 1 65535)

;; Where the free part of the heap begins, and where it begins again after a call.
(global $memory.free (mut i32) (i32.const 8192))
(global $memory.floor (mut i32) (i32.const 8192))

;; Room for `size` bytes at a multiple of `align`, a power of two; what is in it is not said. Without memory the call fails,
;; which counts as an objection.
(func $memory.take (param $size i32) (param $align i32) (result i32)
  (local $at i64) (local $end i64)
  ;; In 64 bits, where a size that is too large cannot look like a small one.
  (local.set $at (i64.and
    (i64.add (i64.extend_i32_u (global.get $memory.free)) (i64.extend_i32_u (i32.sub (local.get $align) (i32.const 1))))
    (i64.extend_i32_s (i32.sub (i32.const 0) (local.get $align)))))
  (local.set $end (i64.add (local.get $at) (i64.extend_i32_u (local.get $size))))
  (call $memory.reach (local.get $end))
  (global.set $memory.free (i32.wrap_i64 (local.get $end)))
  (i32.wrap_i64 (local.get $at)))

;; Makes the memory reach to `end` at least.
(func $memory.reach (param $end i64)
  (local $missing i32) ;; pages of 64 KiB
  (local.set $missing (i32.sub
    (i32.wrap_i64 (i64.shr_u (i64.add (local.get $end) (i64.const 65535)) (i64.const 16)))
    (memory.size)))
  (if (i32.gt_s (local.get $missing) (i32.const 0)) (then
    (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then unreachable)))))

;; What was taken until now stays. For the end of `configure`; `$settings.end` does it.
(func $memory.keep
  (global.set $memory.floor (global.get $memory.free)))

;; Gives back what was taken since. For the end of each `decide`: its verdict may still lie there, for the host reads that
;; before it passes anything else.
(func $memory.release
  (global.set $memory.free (global.get $memory.floor)))

;; How the host gets room for what it passes; `old`, if there is one, moves there.
(func (export "cabi_realloc")
  (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
  (local $at i32)
  (local.set $at (call $memory.take (local.get $size) (local.get $align)))
  (memory.copy (local.get $at) (local.get $old)
    (select (local.get $old-size) (local.get $size) (i32.lt_u (local.get $old-size) (local.get $size))))
  (local.get $at))
