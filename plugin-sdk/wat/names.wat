;; Names in order, each once: a chain of records, whose first is found where the caller says.
;;
;;   0  the next record, or 0
;;   4  the name

(global $names.comma i32 (i32.const 96)) (data (i32.const 96) ", \00")

;; Puts a name into the chain whose first record's pointer lies at `link`.
(func $names.insert (param $link i32) (param $name i32) (param $length i32)
  (local $other i32) (local $order i32) (local $new i32)
  (loop $next
    (local.set $other (i32.load (local.get $link)))
    (if (local.get $other) (then
      (local.set $order (call $text.order
        (call $text.load (i32.add (local.get $other) (i32.const 4)))
        (local.get $name) (local.get $length)))
      (if (i32.eqz (local.get $order)) (then (return)))
      (if (i32.lt_s (local.get $order) (i32.const 0)) (then
        (local.set $link (local.get $other))
        (br $next))))))
  (local.set $new (call $memory.take (i32.const 12) (i32.const 4)))
  (i32.store (local.get $new) (local.get $other))
  (call $text.store (i32.add (local.get $new) (i32.const 4)) (local.get $name) (local.get $length))
  (i32.store (local.get $link) (local.get $new)))

;; Says the names from this record on: `a`, `b`.
(func $names.say (param $record i32)
  (loop $next
    (if (local.get $record) (then
      (call $error.say-quoted (call $text.load (i32.add (local.get $record) (i32.const 4))))
      (local.set $record (i32.load (local.get $record)))
      (if (local.get $record) (then (call $error.say (global.get $names.comma))))
      (br $next)))))
