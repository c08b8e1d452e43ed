#!lua flags=no-writes,allow-stale
-- Tells who holds runs, and which of them are to end.
--
-- KEYS  meta, none
-- ARGV  the ids
-- reply for each id: consumer (empty: nobody), and the reason, as a field (empty: none)
-- bound 512 ids, the number of consumers
local reply = {}
for index = 1, #ARGV do reply[index * 2 - 1], reply[index * 2] = '', '' end
for _, consumer in ipairs(call('ZRANGE', P .. 'consumers', 0, -1)) do
  for index, run in ipairs(call('HMGET', P .. 'own:' .. consumer, unpack(ARGV))) do
    if run then
      reply[index * 2 - 1] = consumer
      reply[index * 2] = call('HGET', P .. 'asked:' .. consumer, ARGV[index]) or ''
    end
  end
end
return reply
