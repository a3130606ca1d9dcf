-- Try all commands that the other scripts use, on a key that only this script uses.
-- KEYS: probe
-- ARGV[1] channel: string, where nobody listens
-- Returns: {server time, µs; for each command that was refused two: its name; the error}
-- Guarantees: leaves no key behind; O(1).

local refused = {}

local function try(command, ...)
  local reply = redis.pcall(command, ...)
  if type(reply) == 'table' and reply.err then
    refused[#refused + 1] = command
    refused[#refused + 1] = reply.err
  end
end

local key = probe_key

-- Delete the key before the next type is tried. If one of UNLINK and DEL is refused, the other one does it; if both
-- are, the key expires.
local function clean()
  redis.pcall('UNLINK', key)
  redis.pcall('DEL', key)
  redis.pcall('PEXPIRE', key, 1000)
end

try('SET', key, '1', 'PX', 1000)
try('GET', key)
try('MGET', key)
try('EXISTS', key)
try('PEXPIRE', key, 1000)
try('DEL', key)
try('UNLINK', key)
clean()
try('HSET', key, 'a', '1')
try('HGET', key, 'a')
try('HMGET', key, 'a')
try('HEXISTS', key, 'a')
try('HINCRBY', key, 'a', 1)
try('HSCAN', key, 0)
try('HGETALL', key)
try('HDEL', key, 'a')
clean()
try('ZADD', key, 0, 'a')
try('ZSCORE', key, 'a')
try('ZMSCORE', key, 'a')
try('ZCARD', key)
try('ZCOUNT', key, 0, 0)
try('ZRANGE', key, 0, 0)
try('ZRANGEBYLEX', key, '-', '+')
try('ZSCAN', key, 0)
try('ZREMRANGEBYRANK', key, 0, 0)
try('ZREM', key, 'a')
clean()
try('RPUSH', key, 'a')
try('LRANGE', key, 0, 0)
clean()
try('SADD', key, 'a')
try('SCARD', key)
try('SMISMEMBER', key, 'a')
clean()
try('PUBLISH', channel_arg, '1')
return { now_us(), unpack(refused) }
