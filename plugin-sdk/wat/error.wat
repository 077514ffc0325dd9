;; The error that `configure` gives: one text, said piece by piece.
;;
;; The pieces are taken from the heap one behind the other; so nothing else is taken while an error is being said.

(global $error.text (mut i32) (i32.const 0))
(global $error.length (mut i32) (i32.const 0))

(global $error.quote i32 (i32.const 72)) (data (i32.const 72) "`\00")
(global $error.digits i32 (i32.const 80)) (data (i32.const 80) "0123456789\00")
(global $error.begin i32 (i32.const 320)) (data (i32.const 320) "setting `\00")
(global $error.expected i32 (i32.const 336)) (data (i32.const 336) "`: expected \00")
(global $error.found i32 (i32.const 352)) (data (i32.const 352) ", found \00")
(global $error.nothing i32 (i32.const 368)) (data (i32.const 368) "nothing\00")
(global $error.unknown i32 (i32.const 376)) (data (i32.const 376) "unknown setting \00")
(global $error.unknown-ones i32 (i32.const 400)) (data (i32.const 400) "unknown settings \00")
(global $error.knows i32 (i32.const 424)) (data (i32.const 424) "; this policy knows \00")
(global $error.knows-none i32 (i32.const 448)) (data (i32.const 448) "; this policy has no settings\00")

;; Whether there is one.
(func $error.is-said (result i32)
  (i32.ne (global.get $error.length) (i32.const 0)))

;; Says a text.
(func $error.say-text (param $text i32) (param $length i32)
  (local $at i32)
  (local.set $at (call $memory.take (local.get $length) (i32.const 1)))
  (memory.copy (local.get $at) (local.get $text) (local.get $length))
  (if (i32.eqz (call $error.is-said)) (then (global.set $error.text (local.get $at))))
  (global.set $error.length (i32.add (global.get $error.length) (local.get $length))))

;; Says a word.
(func $error.say (param $word i32)
  (call $error.say-text (call $text.word (local.get $word))))

;; Says a text in quotes.
(func $error.say-quoted (param $text i32) (param $length i32)
  (call $error.say (global.get $error.quote))
  (call $error.say-text (local.get $text) (local.get $length))
  (call $error.say (global.get $error.quote)))

;; Says a number, in digits.
(func $error.say-number (param $number i32)
  (if (i32.lt_s (local.get $number) (i32.const 0)) (then
    (call $error.say (global.get $text.minus))
    (local.set $number (i32.sub (i32.const 0) (local.get $number)))))
  (if (i32.ge_u (local.get $number) (i32.const 10)) (then
    (call $error.say-number (i32.div_u (local.get $number) (i32.const 10)))))
  (call $error.say-text
    (i32.add (global.get $error.digits) (i32.rem_u (local.get $number) (i32.const 10)))
    (i32.const 1)))

;; Begins an error about a setting, by its whole name, unless there is one; whether it does.
(func $error.setting (param $name i32) (param $length i32) (result i32)
  (if (call $error.is-said) (then (return (i32.const 0))))
  (call $error.say (global.get $error.begin))
  (call $error.say-text (local.get $name) (local.get $length))
  (call $error.say (global.get $error.expected))
  (i32.const 1))

;; Ends an error with what was found.
(func $error.say-found (param $found i32) (param $length i32)
  (call $error.say (global.get $error.found))
  (if (local.get $found)
    (then (call $error.say-quoted (local.get $found) (local.get $length)))
    (else (call $error.say (global.get $error.nothing)))))

;; Says that settings are unknown, if there are some, and which are known.
(func $error.say-unknown (param $unknown i32) (param $known i32)
  (if (i32.eqz (local.get $unknown)) (then (return)))
  (call $error.say (select (global.get $error.unknown-ones) (global.get $error.unknown) (i32.load (local.get $unknown))))
  (call $names.say (local.get $unknown))
  (call $error.say (select (global.get $error.knows) (global.get $error.knows-none) (local.get $known)))
  (call $names.say (local.get $known)))
