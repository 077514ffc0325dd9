-- KEYS: the session. ARGV: whether to consume it (always, or never), whether this is a Cluster, the channel, what is told there.
-- Answers nothing, or 0 if what is there is not ours, or the value, the milliseconds it has left, and whether it was consumed.
local value = redis.pcall('GET', KEYS[1])
if not value then return false end
if type(value) ~= 'string' or #value < 3 or string.byte(value, 1) ~= 1 then return 0 end
local left = redis.call('PTTL', KEYS[1])
if ARGV[1] ~= 'always' then return {value, left, 0} end
local single_use = string.byte(value, 2) % 2 == 1
local stamp = string.sub(value, 4, 3 + string.byte(value, 3))
if stamp ~= incarnation(ARGV[2]) then
  -- Another history of it may have it consumed.
  if single_use then redis.call('DEL', KEYS[1]) end
  return false
end
redis.call('DEL', KEYS[1])
-- What is for single use is copied nowhere.
if not single_use then redis.call('PUBLISH', ARGV[3], ARGV[4]) end
return {value, left, 1}
