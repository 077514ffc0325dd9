;; Texts, and bytes of any kind: a pointer and a length, always in this order, as parameters and as results. In memory they lie
;; one behind the other, as the interface has them. The pointer 0 is no text, which is not the same as a text of no bytes.
;;
;; A function that gives a text stands where one that takes a text wants it: `(call $text.equal (call $text.load …) …)`.
;; To keep both, `(local.set $text (local.set $length (call …)))`.
;;
;; A word is text that the module itself brings, at a fixed place, up to the zero byte behind it:
;;
;;   (global $word.calm i32 (i32.const 4096)) (data (i32.const 4096) "calm\00")
;;
;; A list of texts is a pointer to texts, one behind the other, and how many there are, as the interface has it too.

(global $text.minus i32 (i32.const 64)) (data (i32.const 64) "-\00")

;; The text whose pointer and length lie at `at`; so also a list.
(func $text.load (param $at i32) (result i32 i32)
  (i32.load (local.get $at))
  (i32.load offset=4 (local.get $at)))

;; The text of an `option` at `at`: no text for `none`.
(func $text.option (param $at i32) (result i32 i32)
  (if (result i32 i32) (i32.load8_u (local.get $at))
    (then (call $text.load (i32.add (local.get $at) (i32.const 4))))
    (else (i32.const 0) (i32.const 0))))

;; Writes a text's pointer and length to `at`.
(func $text.store (param $at i32) (param $text i32) (param $length i32)
  (i32.store (local.get $at) (local.get $text))
  (i32.store offset=4 (local.get $at) (local.get $length)))

;; A word as a text.
(func $text.word (param $word i32) (result i32 i32)
  (local $end i32)
  (local.set $end (local.get $word))
  (loop $next
    (if (i32.load8_u (local.get $end)) (then
      (local.set $end (i32.add (local.get $end) (i32.const 1)))
      (br $next))))
  (local.get $word)
  (i32.sub (local.get $end) (local.get $word)))

;; The byte at `at`, or -1 where the text has ended: a text of no bytes may lie at the memory's end, where a load would
;; trap.
(func $text.peek (param $at i32) (param $end i32) (result i32)
  (if (result i32) (i32.lt_u (local.get $at) (local.get $end))
    (then (i32.load8_u (local.get $at)))
    (else (i32.const -1))))

;; Which text comes first, byte by byte: below 0 if it is `a`, above 0 if it is `b`, 0 if they are the same.
(func $text.order (param $a i32) (param $a-length i32) (param $b i32) (param $b-length i32) (result i32)
  (local $at i32) (local $difference i32)
  (loop $next
    (if (i32.or (i32.eq (local.get $at) (local.get $a-length)) (i32.eq (local.get $at) (local.get $b-length)))
      (then (return (i32.sub (local.get $a-length) (local.get $b-length)))))
    (local.set $difference (i32.sub
      (i32.load8_u (i32.add (local.get $a) (local.get $at)))
      (i32.load8_u (i32.add (local.get $b) (local.get $at)))))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (br_if $next (i32.eqz (local.get $difference))))
  (local.get $difference))

;; Whether two texts are the same. No text is the same as no text alone.
(func $text.equal (param $a i32) (param $a-length i32) (param $b i32) (param $b-length i32) (result i32)
  (i32.and
    (i32.eq (i32.eqz (local.get $a)) (i32.eqz (local.get $b)))
    (i32.eqz (call $text.order (local.get $a) (local.get $a-length) (local.get $b) (local.get $b-length)))))

;; Whether a text begins with `prefix`.
(func $text.starts-with (param $text i32) (param $length i32) (param $prefix i32) (param $prefix-length i32) (result i32)
  (if (i32.lt_u (local.get $length) (local.get $prefix-length)) (then (return (i32.const 0))))
  (call $text.equal
    (local.get $text) (local.get $prefix-length)
    (local.get $prefix) (local.get $prefix-length)))

;; Whether a text ends in `suffix`.
(func $text.ends-with (param $text i32) (param $length i32) (param $suffix i32) (param $suffix-length i32) (result i32)
  (if (i32.lt_u (local.get $length) (local.get $suffix-length)) (then (return (i32.const 0))))
  (call $text.equal
    (i32.sub (i32.add (local.get $text) (local.get $length)) (local.get $suffix-length)) (local.get $suffix-length)
    (local.get $suffix) (local.get $suffix-length)))

;; Whether a text is one of a list.
(func $text.is-one-of (param $text i32) (param $length i32) (param $list i32) (param $count i32) (result i32)
  (loop $next
    (if (local.get $count) (then
      (if (call $text.equal (local.get $text) (local.get $length) (call $text.load (local.get $list)))
        (then (return (i32.const 1))))
      (local.set $list (i32.add (local.get $list) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next))))
  (i32.const 0))

;; The text up to the last `byte` in it, that byte included; of no bytes if there is none.
(func $text.through-last (param $text i32) (param $length i32) (param $byte i32) (result i32 i32)
  (loop $next
    (if (local.get $length) (then
      (if (i32.ne
            (i32.load8_u (i32.sub (i32.add (local.get $text) (local.get $length)) (i32.const 1)))
            (local.get $byte))
        (then
          (local.set $length (i32.sub (local.get $length) (i32.const 1)))
          (br $next))))))
  (local.get $text)
  (local.get $length))

;; A text of both, one behind the other, on the heap.
(func $text.join (param $a i32) (param $a-length i32) (param $b i32) (param $b-length i32) (result i32 i32)
  (local $at i32)
  (local.set $at (call $memory.take (i32.add (local.get $a-length) (local.get $b-length)) (i32.const 1)))
  (memory.copy (local.get $at) (local.get $a) (local.get $a-length))
  (memory.copy (i32.add (local.get $at) (local.get $a-length)) (local.get $b) (local.get $b-length))
  (local.get $at)
  (i32.add (local.get $a-length) (local.get $b-length)))

;; The whole number that a text of one to nine digits is, with a minus before them or not; and whether it is one.
(func $text.number (param $text i32) (param $length i32) (result i32 i32)
  (local $minus i32) (local $digit i32) (local $number i32)
  (local.set $minus (call $text.starts-with (local.get $text) (local.get $length) (call $text.word (global.get $text.minus))))
  (local.set $text (i32.add (local.get $text) (local.get $minus)))
  (local.set $length (i32.sub (local.get $length) (local.get $minus)))
  (if (i32.ge_u (i32.sub (local.get $length) (i32.const 1)) (i32.const 9)) (then (return (i32.const 0) (i32.const 0))))
  (loop $next
    (local.set $digit (i32.sub (i32.load8_u (local.get $text)) (i32.const 0x30)))
    (if (i32.gt_u (local.get $digit) (i32.const 9)) (then (return (i32.const 0) (i32.const 0))))
    (local.set $number (i32.add (i32.mul (local.get $number) (i32.const 10)) (local.get $digit)))
    (local.set $text (i32.add (local.get $text) (i32.const 1)))
    (local.set $length (i32.sub (local.get $length) (i32.const 1)))
    (br_if $next (local.get $length)))
  (select (i32.sub (i32.const 0) (local.get $number)) (local.get $number) (local.get $minus))
  (i32.const 1))
