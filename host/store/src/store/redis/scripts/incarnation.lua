-- Which master's history this server writes now: the first half of its replication id. A server begins a new one whenever it
-- starts, and whenever it is promoted. In a Cluster, with the epoch of its slots, which grows with each slot that moves in.
local function incarnation(cluster)
  local id = string.match(redis.call('INFO', 'replication'), '\nrole:master.-\nmaster_replid:(%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x)')
  if id and cluster == '1' then
    local epoch = string.match(redis.call('CLUSTER', 'INFO'), 'cluster_my_epoch:(%d+)')
    return epoch and id .. ':' .. epoch
  end
  return id
end
