-- KEYS: the session. ARGV: the channel, what is told there.
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
