#!lua flags=no-writes,allow-stale
-- Returns the consumers whose lease has not run out.
--
-- KEYS  meta, none
-- ARGV  none
-- reply for each: consumer, lease until, how many runs it holds, what it says of itself (empty: nothing)
-- bound the number of consumers
local living, reply = call('ZRANGEBYSCORE', P .. 'consumers', '(' .. string.format('%.0f', now()), '+inf', 'WITHSCORES'), {}
for at = 1, #living, 2 do
  reply[#reply + 1] = living[at]
  reply[#reply + 1] = living[at + 1]
  reply[#reply + 1] = call('HLEN', P .. 'own:' .. living[at])
  reply[#reply + 1] = call('HGET', P .. 'introductions', living[at]) or ''
end
return reply
