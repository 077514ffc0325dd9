-- KEYS: the session. ARGV: format and flags, the record, the milliseconds that it has, whether this is a Cluster.
local stamp = incarnation(ARGV[4]) or ''
redis.call('SET', KEYS[1], ARGV[1] .. string.char(#stamp) .. stamp .. ARGV[2], 'PX', ARGV[3])
return 1
