;; Server names (SNI, RFC 6066 section 3) and patterns of them: a name, or `*.` and the end of one, which stands for every name
;; that ends in it with at least one label more.

(global $server-name.any i32 (i32.const 112)) (data (i32.const 112) "*.\00")

;; What `$server-name.is-pattern` wants, for errors.
(global $server-name.expected i32 (i32.const 120))
(data (i32.const 120) "a server name such as a.example or *.example\00")

;; Whether a text is a server name, or a pattern of one.
(func $server-name.is-pattern (param $text i32) (param $length i32) (result i32)
  (local $end i32) (local $byte i32)
  (local $in-label i32) ;; whether the label has a byte
  (local.set $end (i32.add (local.get $text) (local.get $length)))
  (if (call $server-name.is-any (local.get $text) (local.get $length))
    (then (local.set $text (i32.add (local.get $text) (i32.const 2)))))
  (loop $next
    (local.set $byte (call $text.peek (local.get $text) (local.get $end)))
    (if (i32.or
          (call $server-name.is-in-label (local.get $byte))
          (i32.and (local.get $in-label) (i32.eq (local.get $byte) (i32.const 0x2e)))) ;; .
      (then
        (local.set $in-label (i32.ne (local.get $byte) (i32.const 0x2e)))
        (local.set $text (i32.add (local.get $text) (i32.const 1)))
        (br $next))))
  (i32.and (i32.eq (local.get $text) (local.get $end)) (local.get $in-label)))

;; How well a pattern, in any case, matches a name, in lower case as the host gives it: 0 not at all, more for a longer pattern,
;; most (as an unsigned number) for the name itself. The most specific pattern holds.
(func $server-name.match
  (param $pattern i32) (param $length i32) (param $name i32) (param $name-length i32) (result i32)
  (local $any i32) (local $at i32)
  (local.set $any (call $server-name.is-any (local.get $pattern) (local.get $length)))
  ;; Of a pattern, the name has to end in what is behind the star.
  (local.set $pattern (i32.add (local.get $pattern) (local.get $any)))
  (local.set $length (i32.sub (local.get $length) (local.get $any)))
  (if (select
        (i32.lt_u (local.get $name-length) (local.get $length))
        (i32.ne (local.get $name-length) (local.get $length))
        (local.get $any))
    (then (return (i32.const 0))))
  (local.set $name (i32.add (local.get $name) (i32.sub (local.get $name-length) (local.get $length))))
  (loop $next
    (if (i32.lt_u (local.get $at) (local.get $length)) (then
      (if (i32.ne
            (call $server-name.lower (i32.load8_u (i32.add (local.get $pattern) (local.get $at))))
            (i32.load8_u (i32.add (local.get $name) (local.get $at))))
        (then (return (i32.const 0))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))))
  (select (local.get $length) (i32.const -1) (local.get $any)))

;; Whether a text begins with `*.`.
(func $server-name.is-any (param $text i32) (param $length i32) (result i32)
  (call $text.starts-with (local.get $text) (local.get $length) (call $text.word (global.get $server-name.any))))

;; A byte in lower case.
(func $server-name.lower (param $byte i32) (result i32)
  (i32.or (local.get $byte)
    (i32.shl (i32.lt_u (i32.sub (local.get $byte) (i32.const 0x41)) (i32.const 26)) (i32.const 5))))

;; Whether a byte may stand in a label: a letter, a digit, `-` or `_`.
(func $server-name.is-in-label (param $byte i32) (result i32)
  (i32.or
    (i32.or
      (i32.lt_u (i32.sub (call $server-name.lower (local.get $byte)) (i32.const 0x61)) (i32.const 26))
      (i32.lt_u (i32.sub (local.get $byte) (i32.const 0x30)) (i32.const 10)))
    (i32.or
      (i32.eq (local.get $byte) (i32.const 0x2d))
      (i32.eq (local.get $byte) (i32.const 0x5f)))))
