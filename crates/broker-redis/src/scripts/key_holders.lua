#!lua flags=no-writes,allow-stale
-- Tells which runs hold unique keys.
--
-- KEYS  meta, none
-- ARGV  the keys
-- reply for each key: the id of the run, since when and until when (0: until it gives it back), 6 bytes each; empty
--       if nobody holds it
-- bound 512 keys
local reply, time = {}, now()
for index, hold in ipairs(call('HMGET', UNIQUE, unpack(ARGV))) do
  local over = hold and parse('>I6', hold, 23) or 0
  reply[index] = hold and (over == 0 or over > time) and hold or ''
end
return reply
