-- KEYS: the version of the notices, the nodes. ARGV: this node, the version it knows.
-- Answers the version, and why nothing can be written here, in the first word of the error. Where there is no room for this node's
-- name, it learns the version all the same.
local said = redis.pcall('HSET', KEYS[2], ARGV[1], redis.call('TIME')[1] .. ' ' .. ARGV[2])
local refused = type(said) == 'table' and said.err
return {redis.call('GET', KEYS[1]), refused and (string.match(refused, '^-?(%u+)') or 'ERR') or ''}
