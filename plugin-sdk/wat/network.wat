;; Networks: which peers belong together. An address is 4 or 16 bytes in network order.

(global $network.gap i32 (i32.const 104)) (data (i32.const 104) "::\00")

;; Reads an address as RFC 5952 and its kin write it, an IPv4-mapped IPv6 address as IPv4, to the 16 bytes at `at`. Gives how
;; many of them it has, 4 or 16; 0 if the text is no address.
(func $network.read (param $text i32) (param $length i32) (param $at i32) (result i32)
  (if (call $network.read-ipv4 (local.get $text) (local.get $length) (local.get $at)) (then (return (i32.const 4))))
  (if (i32.eqz (call $network.read-ipv6 (local.get $text) (local.get $length) (local.get $at)))
    (then (return (i32.const 0))))
  ;; ::ffff:0:0/96
  (if (i32.and
        (i64.eqz (i64.load align=1 (local.get $at)))
        (i32.eq (i32.load offset=8 align=1 (local.get $at)) (i32.const 0xffff0000)))
    (then
      (i32.store align=1 (local.get $at) (i32.load offset=12 align=1 (local.get $at)))
      (return (i32.const 4))))
  (i32.const 16))

;; Makes an address of `length` bytes the network of `prefix` bits that it belongs to: all other bits become zero.
(func $network.cut (param $at i32) (param $length i32) (param $prefix i32)
  (loop $next
    (if (local.get $length) (then
      (i32.store8 (local.get $at)
        (i32.and (i32.load8_u (local.get $at)) (call $network.mask (local.get $prefix))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (local.set $prefix (i32.sub (local.get $prefix) (i32.const 8)))
      (br $next)))))

;; A byte whose first bits are ones: all of them from 8 on, none from 0 down.
(func $network.mask (param $bits i32) (result i32)
  (if (i32.ge_s (local.get $bits) (i32.const 8)) (then (return (i32.const 0xff))))
  (if (i32.le_s (local.get $bits) (i32.const 0)) (then (return (i32.const 0))))
  (i32.and (i32.shr_u (i32.const 0xff00) (local.get $bits)) (i32.const 0xff)))

;; Reads four numbers from 0 to 255 without leading zeros to the 4 bytes at `at`; whether they are all of the text.
(func $network.read-ipv4 (param $text i32) (param $length i32) (param $at i32) (result i32)
  (local $end i32) (local $last i32) (local $number i32) (local $digits i32)
  (local.set $end (i32.add (local.get $text) (local.get $length)))
  (local.set $last (i32.add (local.get $at) (i32.const 3)))
  (loop $part
    (local.set $number (local.set $digits
      (call $network.number (local.get $text) (local.get $end) (i32.const 10) (i32.const 3))))
    (if (i32.or (i32.eqz (local.get $digits)) (i32.gt_u (local.get $number) (i32.const 255)))
      (then (return (i32.const 0))))
    (if (i32.and (i32.gt_u (local.get $digits) (i32.const 1)) (i32.eq (i32.load8_u (local.get $text)) (i32.const 0x30)))
      (then (return (i32.const 0))))
    (i32.store8 (local.get $at) (local.get $number))
    (local.set $text (i32.add (local.get $text) (local.get $digits)))
    (if (i32.ne (local.get $at) (local.get $last)) (then
      (if (i32.ne (call $text.peek (local.get $text) (local.get $end)) (i32.const 0x2e)) ;; .
        (then (return (i32.const 0))))
      (local.set $text (i32.add (local.get $text) (i32.const 1)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $part))))
  (i32.eq (local.get $text) (local.get $end)))

;; Reads groups of four hexadecimal digits, of which `::` stands for one or more that are zero, to the 16 bytes at `at`; the
;; last two may be written as IPv4. Whether they are all of the text.
(func $network.read-ipv6 (param $text i32) (param $length i32) (param $at i32) (result i32)
  (local $end i32) (local $group i32) (local $digits i32)
  (local $used i32) ;; bytes that were written
  (local $gap i32) ;; how many of them are before `::`, -1 without one
  (local.set $end (i32.add (local.get $text) (local.get $length)))
  (local.set $gap (i32.const -1))
  (if (call $text.starts-with (local.get $text) (local.get $length) (call $text.word (global.get $network.gap))) (then
    (local.set $gap (i32.const 0))
    (local.set $text (i32.add (local.get $text) (i32.const 2)))))
  (block $read
    (loop $next
      (br_if $read (i32.eq (local.get $text) (local.get $end)))
      (if (i32.le_u (local.get $used) (i32.const 12)) (then
        (if (call $network.read-ipv4
              (local.get $text) (i32.sub (local.get $end) (local.get $text)) (i32.add (local.get $at) (local.get $used)))
          (then
            (local.set $used (i32.add (local.get $used) (i32.const 4)))
            (br $read)))))
      (local.set $group (local.set $digits
        (call $network.number (local.get $text) (local.get $end) (i32.const 16) (i32.const 4))))
      (if (i32.or (i32.eqz (local.get $digits)) (i32.eq (local.get $used) (i32.const 16))) (then (return (i32.const 0))))
      (i32.store8 (i32.add (local.get $at) (local.get $used)) (i32.shr_u (local.get $group) (i32.const 8)))
      (i32.store8 offset=1 (i32.add (local.get $at) (local.get $used)) (local.get $group))
      (local.set $used (i32.add (local.get $used) (i32.const 2)))
      (local.set $text (i32.add (local.get $text) (local.get $digits)))
      (br_if $read (i32.eq (local.get $text) (local.get $end)))
      ;; One colon leads to another group; it cannot be the last byte, but a second may.
      (if (i32.ne (call $text.peek (local.get $text) (local.get $end)) (i32.const 0x3a)) (then (return (i32.const 0))))
      (local.set $text (i32.add (local.get $text) (i32.const 1)))
      (if (i32.eq (local.get $text) (local.get $end)) (then (return (i32.const 0))))
      (if (i32.eq (call $text.peek (local.get $text) (local.get $end)) (i32.const 0x3a)) (then
        (if (i32.ne (local.get $gap) (i32.const -1)) (then (return (i32.const 0))))
        (local.set $gap (local.get $used))
        (local.set $text (i32.add (local.get $text) (i32.const 1)))))
      (br $next)))
  (if (i32.eq (local.get $gap) (i32.const -1)) (then (return (i32.eq (local.get $used) (i32.const 16)))))
  (if (i32.eq (local.get $used) (i32.const 16)) (then (return (i32.const 0))))
  (call $network.open (i32.add (local.get $at) (local.get $gap))
    (i32.sub (local.get $used) (local.get $gap))
    (i32.sub (i32.const 16) (local.get $used)))
  (i32.const 1))

;; Moves the `behind` bytes at `at` up by `missing`, and puts zeros where they were.
(func $network.open (param $at i32) (param $behind i32) (param $missing i32)
  (memory.copy (i32.add (local.get $at) (local.get $missing)) (local.get $at) (local.get $behind))
  (memory.fill (local.get $at) (i32.const 0) (local.get $missing)))

;; Reads a number of at most `most` digits: the number, and how many digits it has.
(func $network.number (param $text i32) (param $end i32) (param $base i32) (param $most i32) (result i32 i32)
  (local $number i32) (local $digits i32) (local $digit i32)
  (block $over
    (loop $next
      (br_if $over (i32.eq (local.get $digits) (local.get $most)))
      (local.set $digit (call $network.digit
        (call $text.peek (i32.add (local.get $text) (local.get $digits)) (local.get $end))))
      (br_if $over (i32.ge_u (local.get $digit) (local.get $base)))
      (local.set $number (i32.add (i32.mul (local.get $number) (local.get $base)) (local.get $digit)))
      (local.set $digits (i32.add (local.get $digits) (i32.const 1)))
      (br $next)))
  (local.get $number)
  (local.get $digits))

;; What a digit counts, hexadecimal ones included; -1, which no base reaches, if it is none.
(func $network.digit (param $byte i32) (result i32)
  (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 0x30)) (i32.const 10))
    (then (return (i32.sub (local.get $byte) (i32.const 0x30)))))
  (local.set $byte (i32.sub (i32.or (local.get $byte) (i32.const 0x20)) (i32.const 0x61))) ;; from a, in lower case
  (select (i32.add (local.get $byte) (i32.const 10)) (i32.const -1) (i32.lt_u (local.get $byte) (i32.const 6))))
