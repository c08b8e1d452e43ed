#!lua flags=no-writes,allow-stale
-- Tells where a run stands that takes turns.
--
-- KEYS  meta, none
-- ARGV  id; the most entries to look at
-- reply {runs before it in its line, entries before its line in the ready list (-1: it waits for a limit, or is further
--       behind)}, or nothing if it stands in no line, or further behind
-- bound twice so many entries
local id, most = ARGV[1], ARGV[2]
local run = get(RUNS, id)
if not run or not is_run(run) then return {} end
local _, _, _, _, text = side_of(run)
if not text or not is_fair(text) then return {} end
local line = sub(ready_of(run), #P + 7) .. '\n' .. limits_in(text).names
local before = call('LPOS', P .. 'line:' .. line, id, 'MAXLEN', most)
if not before then return {} end
return { before, call('LPOS', ready_of(run), LINE .. line, 'MAXLEN', most) or -1 }
