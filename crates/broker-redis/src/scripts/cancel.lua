#!lua flags=allow-oom
-- Ends runs that wait, and asks for the end of those that are held.
--
-- KEYS  meta, none
-- ARGV  keep failed ms, keep ended ms, most kept; reason, as a field; list, from, to (of a part of a list
--       to look at; empty for all, if they are short), then the ids
-- reply {1 if all was looked at, a byte for each id: C cancelled, R requested, U unknown, or the digit of
--       the state that it has ended in}
-- bound 512 ids, 1000 entries of lists, the number of consumers
local limits = { tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) }
local reason, list, time = ARGV[4], ARGV[5], now()
local ids, answers = {}, {}
for index = 8, #ARGV do ids[index - 7] = ARGV[index] end
local found, is_complete = locate(ids, list, tonumber(ARGV[6]), tonumber(ARGV[7]))

for index, id in ipairs(ids) do
  local place = found[id]
  answers[index] = place and cancel(id, place, reason, time, limits) or 'U'
  if answers[index] == 'C' then found[id] = { BY_ID, get(RUNS, id) } end
end
flush()
return { is_complete and 1 or 0, table.concat(answers) }
