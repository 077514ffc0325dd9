;; Sessions of the names in the settings resume for ten minutes, and only from the address that made them.
;;
;; A core module with the exports of wit/policy.wit as the canonical ABI names them. Facts lie in memory where
;; `cabi_realloc` put them, at the offsets that the canonical ABI gives a record's fields.
(module
  (memory (export "memory") 1)

  ;; A verdict is written to 0, a result of `configure` to 64; from 1024 on there is room for what the host passes.
  (data (i32.const 128) "name")
  (data (i32.const 160) "this policy has one setting: `name`, server names; remove the others")

  (global $names (mut i32) (i32.const 0)) ;; the settings, as they came
  (global $count (mut i32) (i32.const 0))
  (global $heap (mut i32) (i32.const 1024))
  (global $kept (mut i32) (i32.const 1024)) ;; the end of what outlasts a call

  (func $equal (param $a i32) (param $a_len i32) (param $b i32) (param $b_len i32) (result i32)
    (if (i32.ne (local.get $a_len) (local.get $b_len)) (then (return (i32.const 0))))
    (loop $next
      (if (i32.eqz (local.get $a_len)) (then (return (i32.const 1))))
      (local.set $a_len (i32.sub (local.get $a_len) (i32.const 1)))
      (br_if $next (i32.eq
        (i32.load8_u (i32.add (local.get $a) (local.get $a_len)))
        (i32.load8_u (i32.add (local.get $b) (local.get $a_len))))))
    (i32.const 0))

  ;; configure: func(settings: list<tuple<string, string>>) -> result<_, string>
  (func (export "reprise:session-cache/settings@0.1.0#configure") (param $settings i32) (param $count i32) (result i32)
    (local $left i32) (local $at i32)
    (global.set $names (local.get $settings))
    (global.set $count (local.get $count))
    (global.set $kept (global.get $heap))
    (i32.store8 (i32.const 64) (i32.const 0)) ;; ok
    (local.set $at (local.get $settings))
    (local.set $left (local.get $count))
    (loop $next
      (if (local.get $left) (then
        (if (i32.eqz (call $equal (i32.load (local.get $at)) (i32.load offset=4 (local.get $at)) (i32.const 128) (i32.const 4)))
          (then
            (i32.store8 (i32.const 64) (i32.const 1)) ;; err
            (i32.store (i32.const 68) (i32.const 160))
            (i32.store (i32.const 72) (i32.const 68))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next))))
    (i32.const 64))

  ;; Whether the session at $session has a server name, and it is one of $names.
  (func $is_named (param $session i32) (result i32)
    (local $left i32) (local $at i32)
    (if (i32.eqz (i32.load8_u offset=12 (local.get $session))) (then (return (i32.const 0))))
    (local.set $at (global.get $names))
    (local.set $left (global.get $count))
    (loop $next
      (if (i32.eqz (local.get $left)) (then (return (i32.const 0))))
      (if (call $equal
            (i32.load offset=8 (local.get $at)) (i32.load offset=12 (local.get $at))
            (i32.load offset=16 (local.get $session)) (i32.load offset=20 (local.get $session)))
        (then (return (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br $next))
    unreachable)

  ;; decide: func(connection: connection, session: session) -> new-verdict. The connection has 56 bytes, then the session begins.
  (func (export "reprise:session-cache/new-session@0.1.0#decide") (param $connection i32) (result i32)
    (memory.fill (i32.const 0) (i32.const 0) (i32.const 40)) ;; keep, with no opinion on any term
    (if (call $is_named (i32.add (local.get $connection) (i32.const 56))) (then
      (i32.store8 (i32.const 4) (i32.const 1)) ;; lifetime: some
      (i32.store (i32.const 8) (i32.const 600))
      (i32.store8 (i32.const 20) (i32.load8_u offset=12 (local.get $connection))) ;; note: the peer, if there is one
      (i64.store align=4 (i32.const 24) (i64.load offset=16 align=4 (local.get $connection)))))
    (global.set $heap (global.get $kept))
    (i32.const 0))

  ;; decide: func(connection: connection, candidate: session) -> get-verdict
  (func (export "reprise:session-cache/get-session@0.1.0#decide") (param $connection i32) (result i32)
    (global.set $heap (global.get $kept))
    (if (i32.eqz (i32.load8_u offset=200 (local.get $connection))) (then (return (i32.const 0)))) ;; no note: resume
    (if (i32.load8_u offset=12 (local.get $connection)) (then
      (if (call $equal
            (i32.load offset=204 (local.get $connection)) (i32.load offset=208 (local.get $connection))
            (i32.load offset=16 (local.get $connection)) (i32.load offset=20 (local.get $connection)))
        (then (return (i32.const 0))))))
    (i32.const 2)) ;; full-handshake

  ;; Room for what the host passes: taken from the end, and given back as a whole when a call ends.
  (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32) (local $short i32)
    (local.set $at (i32.and
      (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.set $short (i32.sub (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
    (if (i32.gt_s (local.get $short) (i32.const 0)) (then
      (if (i32.lt_s (memory.grow (i32.add (i32.div_u (local.get $short) (i32.const 65536)) (i32.const 1))) (i32.const 0))
        (then unreachable))))
    (local.get $at)))
