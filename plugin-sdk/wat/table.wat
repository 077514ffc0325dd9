;; Tables of settings, the whole and those within it, as settings.wat reads them. Each is a record:
;;
;;   0   its path, with a dot at its end; of no bytes for the whole
;;   8   its pairs, as `configure` gets them: key and value, 16 bytes; a key that was read is no text any more
;;   12  where the pairs end
;;   16  the names of the keys that were asked for (names.wat)
;;   20  the names of those that nobody read, when it is closed
;;   24  the table around it

;; The one that is being read.
(global $table (mut i32) (i32.const 0))

;; Makes a table of these pairs, from `pairs` to `end`, the one to read.
(func $table.open (param $path i32) (param $length i32) (param $pairs i32) (param $end i32)
  (local $new i32)
  (local.set $new (call $memory.take (i32.const 28) (i32.const 4)))
  (call $text.store (local.get $new) (local.get $path) (local.get $length))
  (i32.store offset=8 (local.get $new) (local.get $pairs))
  (i32.store offset=12 (local.get $new) (local.get $end))
  (i64.store offset=16 align=4 (local.get $new) (i64.const 0))
  (i32.store offset=24 (local.get $new) (global.get $table))
  (global.set $table (local.get $new)))

;; The first of the table's pairs.
(func $table.pairs (result i32)
  (i32.load offset=8 (global.get $table)))

;; Whether this is still one of the table's pairs, and not their end.
(func $table.is-pair (param $pair i32) (result i32)
  (i32.lt_u (local.get $pair) (i32.load offset=12 (global.get $table))))

;; The first pair whose key begins with `prefix` and goes on; 0 if there is none.
(func $table.find (param $prefix i32) (param $length i32) (result i32)
  (local $pair i32)
  (local.set $pair (call $table.pairs))
  (loop $next
    (if (call $table.is-pair (local.get $pair)) (then
      (if (i32.and
            (i32.gt_u (i32.load offset=4 (local.get $pair)) (local.get $length))
            (call $text.starts-with (call $text.load (local.get $pair)) (local.get $prefix) (local.get $length)))
        (then (return (local.get $pair))))
      (local.set $pair (i32.add (local.get $pair) (i32.const 16)))
      (br $next))))
  (i32.const 0))

;; What a pair's key begins with, up to its last dot.
(func $table.path-of (param $pair i32) (result i32 i32)
  (call $text.through-last (call $text.load (local.get $pair)) (i32.const 0x2e)))

;; Moves the pairs of one table, from this one on, to pairs of their own, whose keys are what is behind the table's name: where
;; they begin, and where they end.
(func $table.split (param $pair i32) (param $path i32) (param $length i32) (result i32 i32)
  (local $pairs i32) (local $new i32)
  (local.set $pairs (call $memory.take (i32.const 0) (i32.const 4)))
  (loop $next
    (if (call $table.is-pair (local.get $pair)) (then
      (if (call $text.equal (call $table.path-of (local.get $pair)) (local.get $path) (local.get $length)) (then
        (local.set $new (call $memory.take (i32.const 16) (i32.const 4)))
        (call $text.store (local.get $new)
          (i32.add (i32.load (local.get $pair)) (local.get $length))
          (i32.sub (i32.load offset=4 (local.get $pair)) (local.get $length)))
        (call $text.store (i32.add (local.get $new) (i32.const 8)) (call $table.take (local.get $pair)))))
      (local.set $pair (i32.add (local.get $pair) (i32.const 16)))
      (br $next))))
  (local.get $pairs)
  (i32.add (local.get $new) (i32.const 16)))

;; Takes the value of a pair, which is read from then on.
(func $table.take (param $pair i32) (result i32 i32)
  (call $text.store (local.get $pair) (i32.const 0) (i32.const 0))
  (call $text.load (i32.add (local.get $pair) (i32.const 8))))

;; The whole name of what is called so in this table.
(func $table.name (param $key i32) (param $length i32) (result i32 i32)
  (call $text.join (call $text.load (global.get $table)) (local.get $key) (local.get $length)))

;; Remembers that this name was asked for.
(func $table.know (param $name i32) (param $length i32)
  (call $names.insert (i32.add (global.get $table) (i32.const 16)) (local.get $name) (local.get $length)))
