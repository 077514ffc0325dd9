-- KEYS: the version of the notices, the notices, the nodes. ARGV: a notice, after how many seconds a silent node is forgotten.
-- Answers whether the notice is here, the version, and for each node its name, the version it knows, and for how many seconds
-- it has been silent.
local now, nodes = redis.call('TIME')[1], {}
local said = redis.call('HGETALL', KEYS[3])
for i = 1, #said, 2 do
  local at, version = string.match(said[i + 1], '^(%d+) (.*)$')
  local silent = now - (at or 0)
  if silent > tonumber(ARGV[2]) then
    redis.call('HDEL', KEYS[3], said[i])
  else
    nodes[#nodes + 1] = {said[i], version, silent}
  end
end
return {redis.call('ZSCORE', KEYS[2], ARGV[1]) and 1 or 0, redis.call('GET', KEYS[1]), nodes}
