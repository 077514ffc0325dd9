;; Server names (SNI, RFC 6066 section 3) and patterns of them: a name, or `*.` and the end of one, which stands for every name
;; that ends in it with at least one label more.

(global $server-name.any i32 (i32.const 112)) (data (i32.const 112) "*.\00")

;; What `$server-name.all` and `$server-name.is-pattern` want, for errors.
(global $server-name.name-expected i32 (i32.const 480))
(data (i32.const 480) "a server name such as a.example, without scheme, port or path; no address; xn-- where it is not ASCII\00")
(global $server-name.expected i32 (i32.const 608))
(data (i32.const 608) "a server name such as a.example or *.example, without scheme, port or path; no address; xn-- where it is not ASCII\00")

;; Whether a text is a server name, or a pattern of one. It may be in any case, and have a dot at its end.
(func $server-name.is-pattern (param $text i32) (param $length i32) (result i32)
  (local $end i32) (local $byte i32)
  (local $label i32) ;; how many bytes the label has
  (local $other i32) ;; how many of them are no digits: 127.1 is an address, as 127.0.0.1 is, and no name
  (local.set $end (i32.add (local.get $text)
    (call $server-name.undotted (local.get $text) (local.get $length))))
  (if (call $server-name.is-any (local.get $text) (i32.sub (local.get $end) (local.get $text)))
    (then (local.set $text (i32.add (local.get $text) (i32.const 2)))))
  (if (i32.gt_u (i32.sub (local.get $end) (local.get $text)) (i32.const 253)) (then (return (i32.const 0))))
  (loop $next
    (local.set $byte (call $text.peek (local.get $text) (local.get $end)))
    (if (i32.and (i32.ne (local.get $label) (i32.const 0)) (i32.eq (local.get $byte) (i32.const 0x2e))) ;; .
      (then
        (local.set $label (i32.const 0))
        (local.set $other (i32.const 0))
        (local.set $text (i32.add (local.get $text) (i32.const 1)))
        (br $next)))
    (if (call $server-name.is-in-label (local.get $byte))
      (then
        (local.set $label (i32.add (local.get $label) (i32.const 1)))
        (local.set $other (i32.add (local.get $other)
          (i32.ge_u (i32.sub (local.get $byte) (i32.const 0x30)) (i32.const 10))))
        (local.set $text (i32.add (local.get $text) (i32.const 1)))
        (br_if $next (i32.le_u (local.get $label) (i32.const 63))))))
  (i32.and
    (i32.eq (local.get $text) (local.get $end))
    (i32.and (i32.ne (local.get $other) (i32.const 0)) (i32.le_u (local.get $label) (i32.const 63)))))

;; Every value of `key`, each a server name and no pattern, as the host spells it: a list in the order of the file.
(func $server-name.all (param $key i32) (result i32 i32)
  (local $list i32) (local $count i32) (local $at i32) (local $rest i32)
  (local.set $list (local.set $count (call $settings.all (local.get $key))))
  (local.set $at (local.get $list))
  (local.set $rest (local.get $count))
  (loop $next
    (if (local.get $rest) (then
      (if (i32.or
            (call $server-name.is-any (call $text.load (local.get $at)))
            (i32.eqz (call $server-name.is-pattern (call $text.load (local.get $at)))))
        (then (call $settings.invalid (local.get $key) (global.get $server-name.name-expected)
          (call $text.load (local.get $at)))))
      (call $server-name.spell (local.get $at))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (local.set $rest (i32.sub (local.get $rest) (i32.const 1)))
      (br $next))))
  (local.get $list)
  (local.get $count))

;; Gives the text that lies at `at` the one spelling of a name, in its place.
(func $server-name.spell (param $at i32)
  (local $byte i32) (local $end i32)
  (i32.store offset=4 (local.get $at) (call $server-name.undotted (call $text.load (local.get $at))))
  (local.set $byte (i32.load (local.get $at)))
  (local.set $end (i32.add (local.get $byte) (i32.load offset=4 (local.get $at))))
  (loop $next
    (if (i32.lt_u (local.get $byte) (local.get $end)) (then
      (i32.store8 (local.get $byte) (call $server-name.lower (i32.load8_u (local.get $byte))))
      (local.set $byte (i32.add (local.get $byte) (i32.const 1)))
      (br $next)))))

;; A name's length without the dot at its end, which names the same host.
(func $server-name.undotted (param $text i32) (param $length i32) (result i32)
  (if (i32.eqz (local.get $length)) (then (return (i32.const 0))))
  (i32.sub (local.get $length)
    (i32.eq
      (i32.load8_u (i32.sub (i32.add (local.get $text) (local.get $length)) (i32.const 1)))
      (i32.const 0x2e)))) ;; .

;; How well a pattern matches a name, which is as the host gives it: 0 not at all, more for a longer pattern, most (as an unsigned
;; number) for the name itself. The most specific pattern holds.
(func $server-name.match
  (param $pattern i32) (param $length i32) (param $name i32) (param $name-length i32) (result i32)
  (local $any i32) (local $at i32)
  (local.set $length (call $server-name.undotted (local.get $pattern) (local.get $length)))
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
