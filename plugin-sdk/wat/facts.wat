;; The facts, by the interface's names. Each function takes the one pointer that `decide` of `new-session` and `get-session`
;; gets; README.md has the places. A text that may be absent has the pointer 0 then (text.wat).

(func $connection.server-name (param $facts i32) (result i32 i32) (call $text.option (local.get $facts)))
(func $connection.peer (param $facts i32) (result i32 i32) (call $text.option (i32.add (local.get $facts) (i32.const 12))))
(func $connection.listener (param $facts i32) (result i32 i32) (call $text.load (i32.add (local.get $facts) (i32.const 24))))
(func $connection.now (param $facts i32) (result i64) (i64.load offset=32 (local.get $facts)))
(func $connection.early-data (param $facts i32) (result i32) (i32.load8_u offset=40 (local.get $facts)))
;; A list of pairs of texts, 16 bytes each: the pointer, and how many.
(func $connection.attributes (param $facts i32) (result i32 i32) (call $text.load (i32.add (local.get $facts) (i32.const 44))))

(func $session.id (param $facts i32) (result i32 i32) (call $text.load (i32.add (local.get $facts) (i32.const 56))))
;; 0 to 3: TLS 1.0 to 1.3.
(func $session.version (param $facts i32) (result i32) (i32.load8_u offset=64 (local.get $facts)))
(func $session.cipher-suite (param $facts i32) (result i32) (i32.load16_u offset=66 (local.get $facts)))
(func $session.server-name (param $facts i32) (result i32 i32) (call $text.option (i32.add (local.get $facts) (i32.const 68))))
(func $session.alpn (param $facts i32) (result i32 i32) (call $text.option (i32.add (local.get $facts) (i32.const 80))))
(func $session.authenticated (param $facts i32) (result i64) (i64.load offset=96 (local.get $facts)))
(func $session.expires (param $facts i32) (result i64) (i64.load offset=104 (local.get $facts)))
(func $session.resumptions (param $facts i32) (result i32) (i32.load offset=112 (local.get $facts)))
;; Whether there is a client certificate. Where there is none, do not ask for what is in it.
(func $session.has-certificate (param $facts i32) (result i32) (i32.load8_u offset=120 (local.get $facts)))
(func $session.note (param $facts i32) (result i32 i32) (call $text.option (i32.add (local.get $facts) (i32.const 200))))
(func $session.attributes (param $facts i32) (result i32 i32) (call $text.load (i32.add (local.get $facts) (i32.const 212))))

(func $certificate.sha256 (param $facts i32) (result i32 i32) (call $text.load (i32.add (local.get $facts) (i32.const 128))))
(func $certificate.spki-sha256 (param $facts i32) (result i32 i32) (call $text.load (i32.add (local.get $facts) (i32.const 136))))
(func $certificate.subject (param $facts i32) (result i32 i32) (call $text.load (i32.add (local.get $facts) (i32.const 144))))
(func $certificate.issuer (param $facts i32) (result i32 i32) (call $text.load (i32.add (local.get $facts) (i32.const 152))))
(func $certificate.serial (param $facts i32) (result i32 i32) (call $text.load (i32.add (local.get $facts) (i32.const 160))))
(func $certificate.not-before (param $facts i32) (result i64) (i64.load offset=168 (local.get $facts)))
(func $certificate.not-after (param $facts i32) (result i64) (i64.load offset=176 (local.get $facts)))
;; A list of pairs of texts, 16 bytes each, kind and value: the pointer, and how many.
(func $certificate.alternative-names (param $facts i32) (result i32 i32)
  (call $text.load (i32.add (local.get $facts) (i32.const 184))))
(func $certificate.verified (param $facts i32) (result i32) (i32.load8_u offset=192 (local.get $facts)))
