;; Which client certificates a server name's tenant owns. A tenant is a record, in a chain:
;;
;;   0   the tenant that was read before, or 0
;;   4   the server name, or a pattern of it
;;   12  the rule `issuer`, a list of texts
;;   20  the rule `subject-suffix`
;;   28  the rule `uri-prefix`
;;
;; Every rule that has values holds; of a rule's values, one has to match.

;; The one that was read last.
(global $tenant.last (mut i32) (i32.const 0))

(global $tenant.key i32 (i32.const 4096)) (data (i32.const 4096) "tenant\00")
(global $tenant.issuer i32 (i32.const 4112)) (data (i32.const 4112) "issuer\00")
(global $tenant.subject-suffix i32 (i32.const 4128)) (data (i32.const 4128) "subject-suffix\00")
(global $tenant.uri-prefix i32 (i32.const 4144)) (data (i32.const 4144) "uri-prefix\00")
(global $tenant.slash i32 (i32.const 4160)) (data (i32.const 4160) "/\00")
(global $tenant.uri i32 (i32.const 4164)) (data (i32.const 4164) "uri\00")
(global $tenant.a-prefix i32 (i32.const 4176)) (data (i32.const 4176) "a prefix that ends in `/`\00")
(global $tenant.an-end i32 (i32.const 4208)) (data (i32.const 4208) "the end of a name such as O=Example\00")

;; Reads `[settings.tenant."NAME"]`, each of them.
(func $tenant.read-all
  (local $name i32) (local $length i32)
  (loop $next
    (local.set $name (local.set $length (call $settings.enter (global.get $tenant.key))))
    (if (local.get $name) (then
      (call $tenant.read (local.get $name) (local.get $length))
      (call $settings.leave)
      (br $next)))))

(func $tenant.read (param $name i32) (param $length i32)
  (local $tenant i32)
  (if (i32.eqz (call $server-name.is-pattern (local.get $name) (local.get $length))) (then
    (call $settings.invalid-name (global.get $server-name.expected) (local.get $name) (local.get $length))))
  (local.set $tenant (call $memory.take (i32.const 36) (i32.const 4)))
  (i32.store (local.get $tenant) (global.get $tenant.last))
  (call $text.store (i32.add (local.get $tenant) (i32.const 4)) (local.get $name) (local.get $length))
  (call $text.store (i32.add (local.get $tenant) (i32.const 28)) (call $settings.all (global.get $tenant.uri-prefix)))
  (call $tenant.check-prefixes (call $text.load (i32.add (local.get $tenant) (i32.const 28))))
  (call $text.store (i32.add (local.get $tenant) (i32.const 20)) (call $settings.all (global.get $tenant.subject-suffix)))
  (call $tenant.check-suffixes (call $text.load (i32.add (local.get $tenant) (i32.const 20))))
  (call $text.store (i32.add (local.get $tenant) (i32.const 12)) (call $settings.all (global.get $tenant.issuer)))
  (global.set $tenant.last (local.get $tenant)))

;; spiffe://a.example would let spiffe://a.example.evil in.
(func $tenant.check-prefixes (param $prefix i32) (param $count i32)
  (loop $next
    (if (local.get $count) (then
      (if (i32.eqz (call $text.ends-with (call $text.load (local.get $prefix)) (call $text.word (global.get $tenant.slash))))
        (then (call $settings.invalid (global.get $tenant.uri-prefix) (global.get $tenant.a-prefix)
          (call $text.load (local.get $prefix)))))
      (local.set $prefix (i32.add (local.get $prefix) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next)))))

;; Every subject ends in nothing.
(func $tenant.check-suffixes (param $suffix i32) (param $count i32)
  (loop $next
    (if (local.get $count) (then
      (if (i32.eqz (i32.load offset=4 (local.get $suffix))) (then
        (call $settings.invalid (global.get $tenant.subject-suffix) (global.get $tenant.an-end) (i32.const 0) (i32.const 0))))
      (local.set $suffix (i32.add (local.get $suffix) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next)))))

;; The tenant of a server name, by the most specific pattern; 0 if there is none, as for a connection without a name.
(func $tenant.find (param $name i32) (param $length i32) (result i32)
  (local $tenant i32) (local $match i32) (local $found i32) (local $best i32)
  (local.set $tenant (global.get $tenant.last))
  (loop $next
    (if (local.get $tenant) (then
      (local.set $match (call $server-name.match
        (call $text.load (i32.add (local.get $tenant) (i32.const 4)))
        (local.get $name) (local.get $length)))
      ;; Of one pattern twice, in another case, the last holds, which comes first here.
      (if (i32.gt_u (local.get $match) (local.get $best)) (then
        (local.set $best (local.get $match))
        (local.set $found (local.get $tenant))))
      (local.set $tenant (i32.load (local.get $tenant)))
      (br $next))))
  (local.get $found))

;; Whether the session's certificate is one of the tenant's.
(func $tenant.owns (param $tenant i32) (param $facts i32) (result i32)
  (i32.and
    (i32.or
      (i32.eqz (i32.load offset=16 (local.get $tenant)))
      (call $text.is-one-of
        (call $certificate.issuer (local.get $facts))
        (call $text.load (i32.add (local.get $tenant) (i32.const 12)))))
    (i32.and
      (i32.or
        (i32.eqz (i32.load offset=24 (local.get $tenant)))
        (call $tenant.has-subject (local.get $facts) (call $text.load (i32.add (local.get $tenant) (i32.const 20)))))
      (i32.or
        (i32.eqz (i32.load offset=32 (local.get $tenant)))
        (call $tenant.has-uri (local.get $facts) (call $text.load (i32.add (local.get $tenant) (i32.const 28))))))))

;; Whether the certificate's subject ends in one of these names.
(func $tenant.has-subject (param $facts i32) (param $suffix i32) (param $count i32) (result i32)
  (loop $next
    (if (local.get $count) (then
      (if (call $tenant.ends-in-names (call $certificate.subject (local.get $facts)) (call $text.load (local.get $suffix)))
        (then (return (i32.const 1))))
      (local.set $suffix (i32.add (local.get $suffix) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next))))
  (i32.const 0))

;; Whether a distinguished name ends in `suffix`, cut where one of its names ends: at a comma behind no backslash or an even number
;; of them, for RFC 2253 writes a comma within a value as `\,`.
(func $tenant.ends-in-names (param $name i32) (param $length i32) (param $suffix i32) (param $suffix-length i32) (result i32)
  (local $at i32) (local $backslashes i32)
  (if (i32.eqz (call $text.ends-with
        (local.get $name) (local.get $length) (local.get $suffix) (local.get $suffix-length)))
    (then (return (i32.const 0))))
  (if (i32.eq (local.get $length) (local.get $suffix-length)) (then (return (i32.const 1))))
  (local.set $at (i32.sub
    (i32.add (local.get $name) (i32.sub (local.get $length) (local.get $suffix-length)))
    (i32.const 1)))
  (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x2c)) (then (return (i32.const 0)))) ;; ,
  (loop $next
    (if (i32.gt_u (local.get $at) (local.get $name)) (then
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x5c)) (then ;; \
        (local.set $backslashes (i32.add (local.get $backslashes) (i32.const 1)))
        (br $next))))))
  (i32.eqz (i32.and (local.get $backslashes) (i32.const 1))))

;; Whether a URI of the certificate's begins with one of these prefixes.
(func $tenant.has-uri (param $facts i32) (param $prefix i32) (param $count i32) (result i32)
  (loop $next
    (if (local.get $count) (then
      (if (call $tenant.has-uri-of
            (call $text.load (local.get $prefix))
            (call $certificate.alternative-names (local.get $facts)))
        (then (return (i32.const 1))))
      (local.set $prefix (i32.add (local.get $prefix) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next))))
  (i32.const 0))

;; Whether one of these alternative names, pairs of kind and value, is a URI that begins with `prefix`.
(func $tenant.has-uri-of (param $prefix i32) (param $length i32) (param $name i32) (param $count i32) (result i32)
  (loop $next
    (if (local.get $count) (then
      (if (i32.and
            (call $text.equal (call $text.load (local.get $name)) (call $text.word (global.get $tenant.uri)))
            (call $text.starts-with
              (call $text.load (i32.add (local.get $name) (i32.const 8)))
              (local.get $prefix) (local.get $length)))
        (then (return (i32.const 1))))
      (local.set $name (i32.add (local.get $name) (i32.const 16)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next))))
  (i32.const 0))
