-- What both ways of running a script must answer alike. ARGV[1] says what to do.
local way = ARGV[1]
if way == 'global' then
  leaked = 1
elseif way == 'error' then
  error('as it should')
elseif way == 'type' then
  return redis.call('GET', KEYS[2])
elseif way == 'unknown' then
  return redis.call('NO_SUCH_COMMAND', KEYS[1])
end

redis.call('SET', KEYS[1], 7, 'PX', 60000)
redis.call('HSET', KEYS[2], 'a', ARGV[2], 'b', 2.5)
redis.call('ZADD', KEYS[3], 1893456000000, 'x', '1.5', 'y', 3, 'z')
redis.call('ZADD', KEYS[3], 1893456000000, 'x', 1, 'v', 2, 'w')
local refused = redis.pcall('ZRANGE', KEYS[1], 0, -1)
return {
  way,
  redis.call('GET', KEYS[1]),
  redis.call('GET', 'none') == false,
  redis.call('EXISTS', KEYS[1], KEYS[2], 'none'),
  redis.call('HMGET', KEYS[2], 'a', 'none', 'b'),
  redis.call('HGETALL', KEYS[2]),
  redis.call('HDEL', KEYS[2], 'a', 'none'),
  redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES'),
  redis.call('ZRANGE', KEYS[3], 0, 1, 'WITHSCORES'),
  redis.call('ZRANGE', 'none', 0, 1, 'WITHSCORES'),
  redis.call('MGET', KEYS[1], KEYS[2], 'none'),
  redis.call('SET', KEYS[1], '8', 'GET'),
  redis.call('ZRANGE', KEYS[3], '-inf', 3, 'BYSCORE', 'LIMIT', 0, 5, 'WITHSCORES'),
  redis.call('ZRANGE', KEYS[3], '-inf', '3.5', 'BYSCORE', 'LIMIT', 0, 2, 'WITHSCORES'),
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, 1),
  redis.call('ZREMRANGEBYRANK', 'none', 0, 1),
  redis.call('ZSCORE', KEYS[3], 'y'),
  redis.call('ZREM', KEYS[3], 'x', 'y', 'z', 'none'),
  redis.call('EXISTS', KEYS[3]),
  redis.call('TYPE', KEYS[2]),
  #redis.call('TIME'),
  string.match(tostring(refused.err), 'WRONGTYPE'),
  { {}, { 1, 2.9, -3 }, true, 'a', false, 'b', nil, 'behind the end' },
  redis.status_reply('FINE'),
}
