;; Whom a session belongs to. Its owner is written as the note of the session, one way only; so the same note is the same owner:
;;
;;   a byte    the format, 1
;;   a byte    whether there is a certificate, 0 or 1, and then
;;   32 bytes  the SHA-256 of the client certificate that was shown in the full handshake
;;
;; and where the session is bound to the client's network:
;;
;;   a byte    how long its prefix is
;;   4 or 16   its address

;; Another one when the format changes, so that notes of before are refused rather than misread.
(global $owner.format i32 (i32.const 1))

;; How long the prefix is that peers of one network share; -1 does not bind sessions to networks.
(global $owner.ipv4-prefix (mut i32) (i32.const -1))
(global $owner.ipv6-prefix (mut i32) (i32.const -1))

;; The note is written here, 51 bytes at most. A network ends 12 bytes earlier if it is IPv4, and is read as 16 bytes.
(global $owner.note i32 (i32.const 8000))

;; Writes to whom the session belongs, whose certificate, if it has one, has a hash of 32 bytes. Gives the note's length; 0 if the
;; session is to be bound to a network and nobody said where the connection comes from.
(func $owner.write (param $facts i32) (result i32)
  (local $end i32)
  (i32.store8 (global.get $owner.note) (global.get $owner.format))
  (i32.store8 offset=1 (global.get $owner.note) (call $session.has-certificate (local.get $facts)))
  (local.set $end (i32.add (global.get $owner.note) (i32.const 2)))
  (if (call $session.has-certificate (local.get $facts)) (then
    (memory.copy (local.get $end) (call $certificate.sha256 (local.get $facts)))
    (local.set $end (i32.add (local.get $end) (i32.const 32)))))
  (local.set $end (call $owner.write-network (local.get $facts) (local.get $end)))
  (if (result i32) (local.get $end)
    (then (i32.sub (local.get $end) (global.get $owner.note)))
    (else (i32.const 0))))

;; Writes the network that the session is bound to, if it is, to `at`. Gives where it ends; 0 if nobody said.
(func $owner.write-network (param $facts i32) (param $at i32) (result i32)
  (local $length i32) (local $prefix i32)
  (if (i32.and (i32.eq (global.get $owner.ipv4-prefix) (i32.const -1)) (i32.eq (global.get $owner.ipv6-prefix) (i32.const -1)))
    (then (return (local.get $at))))
  ;; No text is no address either.
  (local.set $length (call $network.read
    (call $connection.peer (local.get $facts))
    (i32.add (local.get $at) (i32.const 1))))
  (if (i32.eqz (local.get $length)) (then (return (i32.const 0))))
  (local.set $prefix (select
    (global.get $owner.ipv4-prefix) (global.get $owner.ipv6-prefix) (i32.eq (local.get $length) (i32.const 4))))
  (if (i32.eq (local.get $prefix) (i32.const -1)) (then (return (local.get $at))))
  (i32.store8 (local.get $at) (local.get $prefix))
  (call $network.cut (i32.add (local.get $at) (i32.const 1)) (local.get $length) (local.get $prefix))
  (i32.add (i32.add (local.get $at) (i32.const 1)) (local.get $length)))

;; Whether a session's note names an owner: no other bytes than `$owner.write` writes.
(func $owner.is-note (param $note i32) (param $length i32) (result i32)
  (local $certificate i32) (local $used i32)
  (if (i32.lt_u (local.get $length) (i32.const 2)) (then (return (i32.const 0))))
  (if (i32.ne (i32.load8_u (local.get $note)) (global.get $owner.format)) (then (return (i32.const 0))))
  (local.set $certificate (i32.load8_u offset=1 (local.get $note)))
  (if (i32.gt_u (local.get $certificate) (i32.const 1)) (then (return (i32.const 0))))
  (local.set $used (i32.add (i32.const 2) (i32.shl (local.get $certificate) (i32.const 5))))
  (if (i32.lt_u (local.get $length) (local.get $used)) (then (return (i32.const 0))))
  (if (i32.eq (local.get $length) (local.get $used)) (then (return (i32.const 1))))
  (call $owner.is-network
    (i32.load8_u (i32.add (local.get $note) (local.get $used)))
    (i32.add (i32.add (local.get $note) (local.get $used)) (i32.const 1))
    (i32.sub (i32.sub (local.get $length) (local.get $used)) (i32.const 1))))

;; Whether these bytes are a network of that prefix: no bit behind it is one.
(func $owner.is-network (param $prefix i32) (param $address i32) (param $length i32) (result i32)
  (local $network i32)
  (if (i32.and (i32.ne (local.get $length) (i32.const 4)) (i32.ne (local.get $length) (i32.const 16)))
    (then (return (i32.const 0))))
  (if (i32.gt_u (local.get $prefix) (i32.shl (local.get $length) (i32.const 3))) (then (return (i32.const 0))))
  (local.set $network (call $memory.take (local.get $length) (i32.const 1)))
  (memory.copy (local.get $network) (local.get $address) (local.get $length))
  (call $network.cut (local.get $network) (local.get $length) (local.get $prefix))
  (call $text.equal (local.get $network) (local.get $length) (local.get $address) (local.get $length)))
