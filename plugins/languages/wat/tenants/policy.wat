;; Policy: a session belongs to the client certificate, and by setting to the network, that made it.
;;
;; The same as plugins/tenants, whose README.md tells its settings and what it does and does not guard against.

(import "reprise:session-cache/observe@0.1.0" "count"
  (func $observe.count (param $name i32) (param $length i32) (param $by i64)))

(global $require-certificate (mut i32) (i32.const 0))

;; The settings' names.
(global $key.require-certificate i32 (i32.const 4256)) (data (i32.const 4256) "require-certificate\00")
(global $key.ipv4-prefix i32 (i32.const 4288)) (data (i32.const 4288) "ipv4-prefix\00")
(global $key.ipv6-prefix i32 (i32.const 4304)) (data (i32.const 4304) "ipv6-prefix\00")

;; The counters' names, which say why a session is not kept or not resumed.
(global $because.unverified i32 (i32.const 4320)) (data (i32.const 4320) "unverified\00")
(global $because.not-valid-now i32 (i32.const 4336)) (data (i32.const 4336) "not_valid_now\00")
(global $because.not-of-tenant i32 (i32.const 4352)) (data (i32.const 4352) "not_of_tenant\00")
(global $because.no-certificate i32 (i32.const 4368)) (data (i32.const 4368) "no_certificate\00")
(global $because.no-peer i32 (i32.const 4384)) (data (i32.const 4384) "no_peer\00")
(global $because.no-owner i32 (i32.const 4400)) (data (i32.const 4400) "no_owner\00")
(global $because.other-owner i32 (i32.const 4416)) (data (i32.const 4416) "other_owner\00")

;; configure: func(settings: list<tuple<string, string>>) -> result<_, string>
(func (export "reprise:session-cache/settings@0.1.0#configure") (param $pairs i32) (param $count i32) (result i32)
  (call $settings.begin (local.get $pairs) (local.get $count))
  (global.set $require-certificate (call $settings.flag (global.get $key.require-certificate) (i32.const 0)))
  (global.set $owner.ipv4-prefix
    (call $settings.number (global.get $key.ipv4-prefix) (i32.const 0) (i32.const 32) (i32.const -1)))
  (global.set $owner.ipv6-prefix
    (call $settings.number (global.get $key.ipv6-prefix) (i32.const 0) (i32.const 128) (i32.const -1)))
  (call $tenant.read-all)
  (call $settings.end))

;; decide: func(connection: connection, session: session) -> new-verdict
(func (export "reprise:session-cache/new-session@0.1.0#decide") (param $facts i32) (result i32)
  (local $objection i32) (local $length i32)
  (local.set $objection (local.set $length (call $find-owner (local.get $facts))))
  (if (local.get $objection)
    (then
      (call $count (local.get $objection))
      (call $verdict.refuse))
    (else
      (call $verdict.keep)
      (call $verdict.note (global.get $owner.note) (local.get $length))))
  (call $memory.release)
  (global.get $verdict))

;; decide: func(connection: connection, candidate: session) -> get-verdict
(func (export "reprise:session-cache/get-session@0.1.0#decide") (param $facts i32) (result i32)
  (local $objection i32)
  (local.set $objection (call $object-to (local.get $facts)))
  (call $memory.release)
  (if (i32.eqz (local.get $objection)) (then (return (global.get $verdict.resume))))
  (call $count (local.get $objection))
  (global.get $verdict.full-handshake))

;; Adds 1 to a counter.
(func $count (param $word i32)
  (call $observe.count (call $text.word (local.get $word)) (i64.const 1)))

;; Why the session is not resumed; 0 if it may be.
(func $object-to (param $facts i32) (result i32)
  (local $objection i32) (local $length i32)
  (local.set $objection (local.set $length (call $find-owner (local.get $facts))))
  (if (local.get $objection) (then (return (local.get $objection))))
  ;; No note is none of an owner's.
  (if (i32.eqz (call $owner.is-note (call $session.note (local.get $facts))))
    (then (return (global.get $because.no-owner))))
  (if (i32.eqz (call $text.equal
        (global.get $owner.note) (local.get $length)
        (call $session.note (local.get $facts))))
    (then (return (global.get $because.other-owner))))
  (i32.const 0))

;; Writes to whom the session would belong on this connection, by the settings of today: 0 and the note's length; or why it is not
;; kept or not resumed, and 0.
(func $find-owner (param $facts i32) (result i32 i32)
  (local $objection i32) (local $length i32)
  (local.set $objection (call $object-to-certificate (local.get $facts)))
  (if (local.get $objection) (then (return (local.get $objection) (i32.const 0))))
  (local.set $length (call $owner.write (local.get $facts)))
  (select (i32.const 0) (global.get $because.no-peer) (local.get $length))
  (local.get $length))

;; What is wrong with the session's certificate, or that there is none; 0 if nothing is.
(func $object-to-certificate (param $facts i32) (result i32)
  (local $tenant i32) (local $sha256 i32) (local $length i32)
  (local.set $tenant (call $tenant.find (call $connection.server-name (local.get $facts))))
  (if (i32.eqz (call $session.has-certificate (local.get $facts))) (then
    (return (select (global.get $because.no-certificate) (i32.const 0)
      (i32.or (global.get $require-certificate) (local.get $tenant))))))
  (if (i32.eqz (call $certificate.verified (local.get $facts)))
    (then (return (global.get $because.unverified))))
  (if (i32.or
        (i64.lt_u (call $connection.now (local.get $facts)) (call $certificate.not-before (local.get $facts)))
        (i64.gt_u (call $connection.now (local.get $facts)) (call $certificate.not-after (local.get $facts))))
    (then (return (global.get $because.not-valid-now))))
  (if (local.get $tenant) (then
    (if (i32.eqz (call $tenant.owns (local.get $tenant) (local.get $facts)))
      (then (return (global.get $because.not-of-tenant))))))
  (local.set $sha256 (local.set $length (call $certificate.sha256 (local.get $facts))))
  (select (i32.const 0) (global.get $because.unverified) (i32.eq (local.get $length) (i32.const 32))))
