-- KEYS: the version of the notices, the notices. ARGV: random digits, the channel, what is told there, how long those that have
-- expired are kept for the sake of clocks that are late, then for each notice when it expires, and the notice.
-- A version is `RANDOM:HISTORY:COUNT`: versions that differ in the count only are of one history and in its order.
local history = incarnation('0')
if not history then return redis.error_reply('ERR no master') end
local version = redis.call('GET', KEYS[1]) or ''
local random, of, count = string.match(version, '^(%x+):(%x+):(%d+)$')
if of ~= history then random, count = ARGV[1], 0 end
for i = 5, #ARGV, 2 do redis.call('ZADD', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', redis.call('TIME')[1] - ARGV[4])
version = string.format('%s:%s:%d', random, history, count + 1)
redis.call('SET', KEYS[1], version)
redis.call('PUBLISH', ARGV[2], ARGV[3])
return version
