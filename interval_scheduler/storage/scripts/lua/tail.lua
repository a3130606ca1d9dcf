-- Tell those who watch runs of some that ended.
-- KEYS: counts
-- ARGV[1] channel: string, where they listen
-- ARGV[2] message: string, JSON
-- Returns: integer, how many heard it
-- Guarantees: changes nothing; a repetition is heard again.

local heard = redis.pcall('PUBLISH', channel_arg, message_arg)
return type(heard) == 'number' and heard or 0
