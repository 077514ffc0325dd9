;; Verdicts. That of `new-session` is a record of the interface's at address 0, filled in piece by piece:
;;
;;   (call $verdict.keep)                              nothing against it, and no terms asked for
;;   (call $verdict.lifetime (i32.const 600))          a term, if there is an opinion on it
;;   (global.get $verdict)                             what `decide` gives
;;
;; Those of `get-session` and `remove-session` are numbers.

(global $verdict i32 (i32.const 0))

;; Of `get-session`.
(global $verdict.resume i32 (i32.const 0))
(global $verdict.resume-without-early-data i32 (i32.const 1))
(global $verdict.full-handshake i32 (i32.const 2))

;; Of `remove-session`.
(global $verdict.host-default i32 (i32.const 0))
(global $verdict.forget i32 (i32.const 1))

;; The session is kept, and no terms are asked for.
(func $verdict.keep
  (memory.fill (global.get $verdict) (i32.const 0) (i32.const 40)))

;; The session is not kept.
(func $verdict.refuse
  (call $verdict.keep)
  (i32.store8 (global.get $verdict) (i32.const 1)))

;; It resumes for so many seconds from now.
(func $verdict.lifetime (param $seconds i32)
  (i32.store8 offset=4 (global.get $verdict) (i32.const 1))
  (i32.store offset=8 (global.get $verdict) (local.get $seconds)))

;; It resumes at most once (1), or as often as it likes (0).
(func $verdict.single-use (param $flag i32)
  (i32.store8 offset=12 (global.get $verdict) (i32.const 1))
  (i32.store8 offset=13 (global.get $verdict) (local.get $flag)))

;; It stays on this node (0), or travels in the fleet (1).
(func $verdict.reach (param $reach i32)
  (i32.store8 offset=14 (global.get $verdict) (i32.const 1))
  (i32.store8 offset=15 (global.get $verdict) (local.get $reach)))

;; A full store gives it up first (0), as any other (1), or last (2).
(func $verdict.priority (param $priority i32)
  (i32.store8 offset=16 (global.get $verdict) (i32.const 1))
  (i32.store8 offset=17 (global.get $verdict) (local.get $priority)))

;; These bytes, at most 1,024, are its note from now on; no text is no opinion. They are read when `decide` has ended.
(func $verdict.note (param $bytes i32) (param $length i32)
  (i32.store8 offset=20 (global.get $verdict) (i32.ne (local.get $bytes) (i32.const 0)))
  (call $text.store (i32.add (global.get $verdict) (i32.const 24)) (local.get $bytes) (local.get $length)))
