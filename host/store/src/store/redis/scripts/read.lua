-- KEYS: the version of the notices, the notices.
return {redis.call('GET', KEYS[1]), redis.call('ZRANGE', KEYS[2], 0, -1)}
