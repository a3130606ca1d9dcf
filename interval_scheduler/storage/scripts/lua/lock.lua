-- Acquire, extend and release locks.
-- KEYS: reply, fence
-- KEYS... lock: string, one for each step: the token of its holder
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2...] for each step three: action: a (acquire), e (extend) or r (release); token: string, the holder's, or ''
--   to acquire; time to live: integer, ms, or '' to release
-- Returns: string, for each step, with blanks between them: the token if acquired, 1 if extended or released, else 0
-- Guarantees: atomic; refused after data were lost, but not under another list of partitions, since work that drains may
--   need its locks; applied once per request; only the holder extends or releases; tokens strictly increase; passes when
--   Redis is out of memory, for the same reason.

local done = recall_in_database(reply_key, stamp_arg)
if done then
  return done
end

pass_when_full(reply_key)
local results = {}
for n, key in ipairs(lock_keys) do
  local action, token, ttl = ARGV[3 * n - 1], ARGV[3 * n], ARGV[3 * n + 1]
  local holder = call('GET', key)
  results[n] = '0'
  if action == 'a' and not holder then
    results[n] = next_token(fence_key, now_us())
    call('SET', key, results[n], 'PX', ttl)
  elseif action == 'e' and holder == token then
    call('PEXPIRE', key, ttl)
    results[n] = '1'
  elseif action == 'r' and holder == token then
    call('DEL', key)
    results[n] = '1'
  end
end
return remember(reply_key, stamp_arg, table.concat(results, ' '))
