;; A policy's settings: the [settings] table of NAME.toml, read key by key between `$settings.begin` and `$settings.end`. The
;; first error counts, what is read after it does not matter; a key that nobody read is an error too. Keys, and what is expected
;; of a value, are words (text.wat). All texts stay valid for the instance's life.
;;
;;   (call $settings.begin (local.get $pairs) (local.get $count))
;;   (local.set $names (local.set $count (call $settings.all (global.get $key.name))))
;;   (call $settings.end)

;; What `configure` gives lies here: a byte that is 0, or 1 and the error at 4.
(global $settings.result i32 (i32.const 48))

(global $settings.dot i32 (i32.const 192)) (data (i32.const 192) ".\00")
(global $settings.any-name i32 (i32.const 196)) (data (i32.const 196) "NAME\00")
(global $settings.true i32 (i32.const 208)) (data (i32.const 208) "true\00")
(global $settings.false i32 (i32.const 216)) (data (i32.const 216) "false\00")
(global $settings.a-flag i32 (i32.const 224)) (data (i32.const 224) "true or false\00")
(global $settings.a-table i32 (i32.const 240)) (data (i32.const 240) "a table\00")
(global $settings.a-number i32 (i32.const 256)) (data (i32.const 256) "a number from \00")
(global $settings.to i32 (i32.const 272)) (data (i32.const 272) " to \00")
(global $settings.one-value i32 (i32.const 280)) (data (i32.const 280) "one value, found \00")
(global $settings.values i32 (i32.const 304)) (data (i32.const 304) " values\00")

;; Begins with what `configure` got.
(func $settings.begin (param $pairs i32) (param $count i32)
  (call $table.open (i32.const 0) (i32.const 0)
    (local.get $pairs) (i32.add (local.get $pairs) (i32.shl (local.get $count) (i32.const 4)))))

;; Ends with what `configure` gives, and keeps all that was read.
(func $settings.end (result i32)
  (call $settings.leave)
  (i32.store8 (global.get $settings.result) (call $error.is-said))
  (call $text.store (i32.add (global.get $settings.result) (i32.const 4))
    (global.get $error.text) (global.get $error.length))
  (call $memory.keep)
  (global.get $settings.result))

;; Every value of `key`, as a list in the order of the file; of none if it is not set.
(func $settings.all (param $key i32) (result i32 i32)
  (local $list i32) (local $count i32) (local $pair i32)
  (call $table.know (call $table.name (call $text.word (local.get $key))))
  (local.set $list (call $memory.take (i32.const 0) (i32.const 4)))
  (local.set $pair (call $table.pairs))
  (loop $next
    (if (call $table.is-pair (local.get $pair)) (then
      (if (call $text.equal (call $text.load (local.get $pair)) (call $text.word (local.get $key))) (then
        ;; One behind the other, which makes them a list.
        (call $text.store (call $memory.take (i32.const 8) (i32.const 4)) (call $table.take (local.get $pair)))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))))
      (local.set $pair (i32.add (local.get $pair) (i32.const 16)))
      (br $next))))
  (local.get $list)
  (local.get $count))

;; The one value of `key`; no text if it is not set, or set more than once.
(func $settings.one (param $key i32) (result i32 i32)
  (local $list i32) (local $count i32)
  (local.set $list (local.set $count (call $settings.all (local.get $key))))
  (if (i32.eq (local.get $count) (i32.const 1)) (then (return (call $text.load (local.get $list)))))
  (if (local.get $count) (then
    (if (call $error.setting (call $table.name (call $text.word (local.get $key)))) (then
      (call $error.say (global.get $settings.one-value))
      (call $error.say-number (local.get $count))
      (call $error.say (global.get $settings.values))))))
  (i32.const 0) (i32.const 0))

;; The flag `key`, true or false; `otherwise` if it is not set.
(func $settings.flag (param $key i32) (param $otherwise i32) (result i32)
  (local $value i32) (local $length i32)
  (local.set $value (local.set $length (call $settings.one (local.get $key))))
  (if (i32.eqz (local.get $value)) (then (return (local.get $otherwise))))
  (if (call $text.equal (local.get $value) (local.get $length) (call $text.word (global.get $settings.true)))
    (then (return (i32.const 1))))
  (if (i32.eqz (call $text.equal (local.get $value) (local.get $length) (call $text.word (global.get $settings.false))))
    (then (call $settings.invalid (local.get $key) (global.get $settings.a-flag) (local.get $value) (local.get $length))))
  (i32.const 0))

;; The whole number `key`, from `least` to `most`; `otherwise` if it is not set.
(func $settings.number (param $key i32) (param $least i32) (param $most i32) (param $otherwise i32) (result i32)
  (local $value i32) (local $length i32) (local $number i32) (local $is-number i32)
  (local.set $value (local.set $length (call $settings.one (local.get $key))))
  (if (i32.eqz (local.get $value)) (then (return (local.get $otherwise))))
  (local.set $number (local.set $is-number (call $text.number (local.get $value) (local.get $length))))
  (if (i32.and (local.get $is-number)
        (i32.and (i32.ge_s (local.get $number) (local.get $least)) (i32.le_s (local.get $number) (local.get $most))))
    (then (return (local.get $number))))
  (if (call $error.setting (call $table.name (call $text.word (local.get $key)))) (then
    (call $error.say (global.get $settings.a-number))
    (call $error.say-number (local.get $least))
    (call $error.say (global.get $settings.to))
    (call $error.say-number (local.get $most))
    (call $error.say-found (local.get $value) (local.get $length))))
  (local.get $otherwise))

;; Enters the next table under `key`, whose keys are names of the user's choice (they may have dots), and gives its name; no
;; text if there is none any more. What is read from then on is read from it, until `$settings.leave`.
(func $settings.enter (param $key i32) (result i32 i32)
  (local $prefix i32) (local $prefix-length i32) ;; `key` and a dot
  (local $pair i32)
  (local $path i32) (local $path-length i32) ;; what its keys begin with, up to their last dot
  (local.set $prefix (local.set $prefix-length
    (call $text.join (call $text.word (local.get $key)) (call $text.word (global.get $settings.dot)))))
  (call $table.know (call $table.name
    (call $text.join (local.get $prefix) (local.get $prefix-length) (call $text.word (global.get $settings.any-name)))))
  (local.set $pair (call $table.find (local.get $prefix) (local.get $prefix-length)))
  (if (i32.or (i32.eqz (local.get $pair)) (call $error.is-said)) (then (return (i32.const 0) (i32.const 0))))
  (local.set $path (local.set $path-length (call $table.path-of (local.get $pair))))
  (if (i32.eq (local.get $path-length) (local.get $prefix-length)) (then
    (if (call $error.setting (call $table.name (call $text.load (local.get $pair)))) (then
      (call $error.say (global.get $settings.a-table))
      (call $error.say-found (call $text.load (i32.add (local.get $pair) (i32.const 8))))))
    (return (i32.const 0) (i32.const 0))))
  (call $table.open
    (call $table.name (local.get $path) (local.get $path-length))
    (call $table.split (local.get $pair) (local.get $path) (local.get $path-length)))
  (call $settings.unquote
    (i32.add (local.get $path) (local.get $prefix-length))
    (i32.sub (i32.sub (local.get $path-length) (local.get $prefix-length)) (i32.const 1))))

;; Leaves the table; a key of it that nobody read is an error.
(func $settings.leave
  (local $pair i32)
  (local.set $pair (call $table.pairs))
  (loop $next
    (if (call $table.is-pair (local.get $pair)) (then
      (if (i32.load (local.get $pair)) (then
        (call $names.insert (i32.add (global.get $table) (i32.const 20))
          (call $table.name (call $text.load (local.get $pair))))))
      (local.set $pair (i32.add (local.get $pair) (i32.const 16)))
      (br $next))))
  (if (i32.eqz (call $error.is-said)) (then
    (call $error.say-unknown
      (i32.load offset=20 (global.get $table))
      (i32.load offset=16 (global.get $table)))))
  (global.set $table (i32.load offset=24 (global.get $table))))

;; An error about `key`, for what a policy checks beyond types. What was found is shown in quotes, no text as nothing.
(func $settings.invalid (param $key i32) (param $expected i32) (param $found i32) (param $length i32)
  (if (call $error.setting (call $table.name (call $text.word (local.get $key)))) (then
    (call $error.say (local.get $expected))
    (call $error.say-found (local.get $found) (local.get $length)))))

;; An error about the name of the table itself.
(func $settings.invalid-name (param $expected i32) (param $found i32) (param $length i32)
  (if (call $error.setting
        (i32.load (global.get $table))
        (i32.sub (i32.load offset=4 (global.get $table)) (i32.const 1))) ;; without its dot
    (then
      (call $error.say (local.get $expected))
      (call $error.say-found (local.get $found) (local.get $length)))))

;; A name without the quotes that TOML puts around one with dots in it.
(func $settings.unquote (param $name i32) (param $length i32) (result i32 i32)
  (if (i32.or
        (i32.lt_u (local.get $length) (i32.const 2))
        (i32.or
          (i32.ne (i32.load8_u (local.get $name)) (i32.const 0x22))
          (i32.ne
            (i32.load8_u (i32.sub (i32.add (local.get $name) (local.get $length)) (i32.const 1)))
            (i32.const 0x22))))
    (then (return (local.get $name) (local.get $length))))
  (i32.add (local.get $name) (i32.const 1))
  (i32.sub (local.get $length) (i32.const 2)))
