-- The keys that runs hold: the hash `unique` by unique key, and `repeated` by idempotency key; each is the id of
-- the run, since when and until when it holds the key (until it gives it back: 0), 6 bytes each; and one byte more if the
-- run may be stored nowhere but in its ready list (lib/carried.lua). What time gives back is in the zset `windows` as well.
local UNIQUE, REPEATED, WINDOWS = P .. 'unique', P .. 'repeated', P .. 'windows'

-- What a run asks for by keys, the first text beside it (crates/broker-redis/src/keyed.rs): scope, what becomes of
-- a conflict, window ms, how long it may be put off in ms + 1, unique key (empty: none); then the window and the
-- idempotency key, if there is one.
local WHILE_QUEUED, FOR_A_WINDOW = 1, 3
local REPLACE, REFUSE = 1, 2

local function keyed(text)
  local scope, rule, window, put_off, key, rest = parse('>BBI6I6I2c0', text)
  local repetition, known_for
  if rest <= #text then known_for, repetition = parse('>I6', text, rest), sub(text, rest + 6) end
  return { scope = scope, rule = rule, window = window, put_off = put_off, key = key,
    repetition = repetition, known_for = known_for }
end

-- Returns the unique key that a text asks for; empty if none.
local function key_in(text)
  return (parse('>I2c0', text, 15))
end

-- Reads who holds the unique keys of some runs, of which is known what stands beside them.
local function load_holders(runs)
  local keys = {}
  for _, run in ipairs(runs) do
    local _, _, text = side_of(run)
    if text and text ~= '' then keys[#keys + 1] = key_in(text) end
  end
  load(UNIQUE, keys)
end

-- Gives a key to a run: for a window, or (0) until the run gives it back.
local windows = 0
local function hold_key(hash, key, id, time, window)
  local over = window > 0 and math.min(time + window, LAST) or 0
  put(hash, key, id .. time_bytes(time) .. time_bytes(over))
  if over > 0 then
    call('ZADD', WINDOWS, over, (hash == UNIQUE and 'u' or 'r') .. key)
    windows = windows + 1
  end
end

-- Returns who holds a key, and since when. A window from later than now begins anew: the clock was set back, and the
-- window is to be no longer for it.
local function holder_of(hash, key, time)
  local hold = get(hash, key)
  if not hold then return nil end
  local since, over = parse('>I6I6', hold, 17)
  if over > 0 and over <= time then return nil end
  local holder = sub(hold, 1, 16)
  if over > 0 and since > time then
    hold_key(hash, key, holder, time, over - since)
    since = time
  end
  return holder, since
end

-- Takes its unique key from a run that holds it for no window.
local function give_back_key(key, id)
  local hold = key ~= '' and get(UNIQUE, key)
  if hold and sub(hold, 1, 16) == id and sub(hold, 23, 28) == '\0\0\0\0\0\0' then
    put(UNIQUE, key, false)
  end
end

-- Forgets windows that are over; returns how many.
local function forget_windows(time, most)
  local over = call('ZRANGEBYSCORE', WINDOWS, '-inf', time, 'LIMIT', 0, most)
  for _, member in ipairs(over) do
    local hash, key = byte(member) == 117 and UNIQUE or REPEATED, sub(member, 2)
    local hold = get(hash, key)
    local until_when = hold and parse('>I6', hold, 23) or 0
    if until_when > 0 and until_when <= time then put(hash, key, false) end
  end
  in_pieces('ZREM', WINDOWS, over)
  return #over
end
