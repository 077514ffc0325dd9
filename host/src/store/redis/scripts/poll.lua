-- KEYS: the version of the notices, the nodes. ARGV: this node, the version it knows.
-- Where there is no room for this node's name, it learns the version all the same.
redis.pcall('HSET', KEYS[2], ARGV[1], redis.call('TIME')[1] .. ' ' .. ARGV[2])
return redis.call('GET', KEYS[1])
