;; Sessions of the names in the settings resume for ten minutes, and only from the address that made them.
;;
;; The fields of a core module, together with those in sdk/. What is exported has the name that the canonical ABI gives it.

;; The settings' key, and its values: a list of texts.
(global $key.name i32 (i32.const 4096)) (data (i32.const 4096) "name\00")
(global $names (mut i32) (i32.const 0))
(global $names.count (mut i32) (i32.const 0))

;; configure: func(settings: list<tuple<string, string>>) -> result<_, string>
(func (export "reprise:session-cache/settings@0.1.0#configure") (param $pairs i32) (param $count i32) (result i32)
  (call $settings.begin (local.get $pairs) (local.get $count))
  (global.set $names (global.set $names.count (call $server-name.all (global.get $key.name))))
  (call $settings.end))

;; decide: func(connection: connection, session: session) -> new-verdict
(func (export "reprise:session-cache/new-session@0.1.0#decide") (param $facts i32) (result i32)
  (call $verdict.keep)
  (if (call $text.is-one-of
        (call $session.server-name (local.get $facts))
        (global.get $names) (global.get $names.count))
    (then
      (call $verdict.lifetime (i32.const 600))
      (call $verdict.note (call $connection.peer (local.get $facts)))))
  (call $memory.release)
  (global.get $verdict))

;; decide: func(connection: connection, candidate: session) -> get-verdict
(func (export "reprise:session-cache/get-session@0.1.0#decide") (param $facts i32) (result i32)
  (local $note i32) (local $length i32)
  (local.set $note (local.set $length (call $session.note (local.get $facts))))
  (select (global.get $verdict.resume) (global.get $verdict.full-handshake)
    (i32.or
      (i32.eqz (local.get $note))
      (call $text.equal (local.get $note) (local.get $length) (call $connection.peer (local.get $facts)))))
  (call $memory.release))
