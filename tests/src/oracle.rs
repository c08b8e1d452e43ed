//! What must be true of every scenario once it is over: nothing lost, nothing stuck, nothing left behind.

use aqueduct::broker_api::{Broker, BrokerAdmin, QueueLengths};
use aqueduct::redis::RedisBroker;
use aqueduct_redis_server::RedisServer;

use crate::redis::{PATIENCE, broker};

/// What the broker knows of runs that have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// Recorded as successful.
    pub succeeded: u64,
    /// Recorded as failed for good.
    pub failed: u64,
    /// How often an attempt is to be repeated.
    pub retried: u64,
}

/// The most answers that are kept of one client, the newest number, and how many requests there were.
const ANSWERS: u64 = 66;

/// The most tokens of a bell: one, and one that each consumer here may have given back when it stopped.
const TOKENS: u64 = 4;

/// Waits until no run is unfinished, and checks what is left in the server.
///
/// # Panics
///
/// Panics if a run is stuck, or a key is left behind that `docs/REDIS.md` does not allow.
///
/// # Cancel safety
///
/// Dropping the future changes nothing.
pub async fn at_rest(server: &RedisServer) -> Ended {
    let direct = broker(&server.url()).await;
    at_rest_of(server, &direct).await
}

/// As [`at_rest`], with the broker to ask; the server is the one that has its keys.
///
/// # Panics
///
/// Panics if a run is stuck, or a key is left behind that `docs/REDIS.md` does not allow.
///
/// # Cancel safety
///
/// Dropping the future changes nothing.
pub async fn at_rest_of(server: &RedisServer, direct: &RedisBroker) -> Ended {
    let quiet = async { while unfinished(direct).await > 0 {} };
    if tokio::time::timeout(PATIENCE, quiet).await.is_err() {
        let lengths = direct.queue_lengths(&[]).await;
        let consumers = direct.consumers().await;
        panic!("a run is stuck: {lengths:?}, {consumers:?}");
    }
    check_keys(server);
    let tasks = direct.tasks().await.expect("an answer");
    Ended {
        succeeded: tasks.iter().map(|task| task.succeeded).sum(),
        failed: tasks.iter().map(|task| task.failed).sum(),
        retried: tasks.iter().map(|task| task.retried).sum(),
    }
}

/// Returns how many runs are not ended.
///
/// # Panics
///
/// Panics if the broker does not answer.
///
/// # Cancel safety
///
/// Dropping the future changes nothing.
pub async fn unfinished(direct: &RedisBroker) -> u64 {
    let lengths = direct.queue_lengths(&[]).await.expect("an answer");
    lengths.iter().map(QueueLengths::unfinished).sum()
}

/// Checks that what is left is what may be left when nothing waits and nothing runs.
fn check_keys(server: &RedisServer) {
    let ask = |words: &[&str]| server.command(words).expect("an answer");
    let number = |words: &[&str]| ask(words).parse::<u64>().expect("a number");
    check_limits(server);
    check_lines(server);
    for key in ask(&["KEYS", "{*}:*"]).lines() {
        let (_, name) = key.split_once("}:").expect("a key of a namespace");
        let (kind, of) = name.split_once(':').unwrap_or((name, ""));
        match kind {
            "bell" => assert!(
                number(&["LLEN", key]) <= TOKENS,
                "{key} has too many tokens"
            ),
            "replay" => {
                let consumers = key.replace(name, "consumers");
                let lease = ask(&["ZSCORE", &consumers, of]);
                let is_gone = lease.is_empty() && number(&["EXISTS", key]) == 1;
                assert!(!is_gone, "{key} is of a consumer that is forgotten");
                assert!(number(&["HLEN", key]) <= ANSWERS, "{key} grows");
            }
            "introductions" => {
                let consumers = key.replace(name, "consumers");
                for of in ask(&["HKEYS", key]).lines() {
                    let lease = ask(&["ZSCORE", &consumers, of]);
                    assert!(!lease.is_empty(), "{key} has {of}, which is forgotten");
                }
            }
            "ended" => assert_ne!(ask(&["PTTL", key]), "-1", "{key} is kept for ever"),
            "sent" => {
                assert!(number(&["HLEN", key]) <= ANSWERS, "{key} grows");
                assert_ne!(ask(&["PTTL", key]), "-1", "{key} is kept for ever");
            }
            "runs" | "kept" => {
                let runs = number(&["HLEN", &key.replace(name, "runs")]);
                let kept = number(&["ZCARD", &key.replace(name, "kept")]);
                assert_eq!(runs, kept, "a run is stored that has not ended");
            }
            "unique" | "repeated" | "windows" => check_holds(server, &key.replace(name, "")),
            "due" => assert_eq!(of, "last", "{key} is left behind"),
            _ => assert!(MAY_REMAIN.contains(&kind), "{key} is left behind"),
        }
    }
}

/// Checks that no key is held any more but for a window, which time ends.
fn check_holds(server: &RedisServer, prefix: &str) {
    let script = r"
        local wrong = {}
        for mark, kind in pairs({ u = 'unique', r = 'repeated' }) do
            local all = redis.call('HGETALL', KEYS[1] .. kind)
            for index = 1, #all, 2 do
                local over = struct.unpack('>I6', all[index + 1], 23)
                local score = redis.call('ZSCORE', KEYS[1] .. 'windows', mark .. all[index])
                if over == 0 or tonumber(score) ~= over then wrong[#wrong + 1] = kind .. ' ' .. all[index] end
            end
        end
        return table.concat(wrong, ', ')";
    let wrong = server.command(&["EVAL", script, "1", prefix]);
    assert_eq!(wrong.expect("an answer"), "", "a key is held for ever");
}

/// Checks that limits count just the runs that consumers hold, and the lines of runs that share them: counted anew, from what
/// is held, and from the lines.
///
/// # Panics
///
/// Panics if a limit counts a place that nobody has, or a line that is not there, or lacks one.
pub fn check_limits(server: &RedisServer) {
    let script = r"
        local held, lines, wrong = {}, {}, {}
        local function note(counts, names)
            local from = 1
            while from <= #names do
                local length = struct.unpack('>I2', names, from + 1)
                local field = string.sub(names, from, from) .. string.sub(names, from + 3, from + 2 + length)
                counts[field] = (counts[field] or 0) + 1
                from = from + 3 + length
            end
        end
        local prefix = string.match(redis.call('KEYS', '{*}:meta')[1] or '', '^{.*}:') or ''
        for _, own in ipairs(redis.call('KEYS', prefix .. 'own:*')) do
            local all = redis.call('HGETALL', own)
            for index = 1, #all, 2 do
                local id, run = all[index], all[index + 1]
                local side, at = redis.call('HGET', prefix .. 'side', id) or '', 13
                if string.byte(run, 2) >= 128 then
                    side, at = run, #run - 1 - struct.unpack('>I2', run, #run - 1)
                end
                local limits_at = at < #side and at + 2 + struct.unpack('>I2', side, at) or #side
                local text = limits_at < #side and struct.unpack('>I2c0', side, limits_at) or ''
                note(held, #text > 1 and struct.unpack('>I2c0', text) or '')
            end
        end
        for _, line in ipairs(redis.call('HKEYS', prefix .. 'lines')) do
            note(lines, string.sub(line, string.find(line, '\n', 1, true) + 1))
        end
        local all = redis.call('HGETALL', prefix .. 'limits')
        for index = 1, #all, 2 do
            local field, running = all[index], struct.unpack('>I4', all[index + 1], 17)
            if string.sub(field, 1, 1) == 'c' then
                if running ~= (held[field] or 0) then
                    wrong[#wrong + 1] = field .. ': ' .. running .. ' counted, ' .. (held[field] or 0) .. ' held'
                end
                held[field] = nil
            end
            local counted = struct.unpack('>I4', all[index + 1], 37)
            if counted ~= (lines[field] or 0) then
                wrong[#wrong + 1] = field .. ': ' .. counted .. ' lines counted, of ' .. (lines[field] or 0)
            end
            lines[field] = nil
        end
        for field in pairs(lines) do
            if string.sub(field, 1, 1) ~= 'f' then wrong[#wrong + 1] = field .. ' has lines, and is not in use' end
        end
        for field, number in pairs(held) do
            if string.sub(field, 1, 1) == 'c' then wrong[#wrong + 1] = field .. ': ' .. number .. ' held, none counted' end
        end
        return table.concat(wrong, ', ')";
    let wrong = server.command(&["EVAL", script, "0"]).expect("an answer");
    assert_eq!(wrong, "", "a limit leaks");
}

/// Checks that each run with a fair key that is ready stands in one line, and that each line is in one place: once in its ready
/// list, or once among those that wait for a limit.
///
/// # Panics
///
/// Panics if a run or a line is lost, or there twice.
pub fn check_lines(server: &RedisServer) {
    let script = r"
        local prefix = string.match(redis.call('KEYS', '{*}:meta')[1] or '', '^{.*}:') or ''
        local stands, places, wrong = {}, {}, {}
        local function note(list) return function(value) list[value] = (list[value] or 0) + 1 end end
        local function each(pattern, what)
            for _, key in ipairs(redis.call('KEYS', prefix .. pattern)) do
                for _, value in ipairs(redis.call('LRANGE', key, 0, -1)) do what(value, key) end
            end
        end
        each('line:*', note(stands))
        each('aside', function(entry) note(stands)(string.sub(entry, 2)) end)
        each('blocked:*', note(places))
        each('ready:*', function(entry)
            if string.sub(entry, 1, 17) == string.rep('\0', 17) then note(places)(string.sub(entry, 18)) end
            if string.byte(entry) == 0 then note(stands)(string.sub(entry, 2)) end
        end)
        for _, line in ipairs(redis.call('HKEYS', prefix .. 'lines')) do
            if places[line] ~= 1 then wrong[#wrong + 1] = line .. ' is in ' .. (places[line] or 0) .. ' places' end
            places[line] = nil
        end
        for line in pairs(places) do wrong[#wrong + 1] = line .. ' is no line' end
        local runs = redis.call('HGETALL', prefix .. 'runs')
        for index = 1, #runs, 2 do
            local is_queued = math.floor(string.byte(runs[index + 1], 3) / 16) == 1
            if is_queued and not stands[runs[index]] then wrong[#wrong + 1] = 'a queued run is nowhere' end
        end
        return table.concat(wrong, ', ')";
    let wrong = server.command(&["EVAL", script, "0"]).expect("an answer");
    assert_eq!(wrong, "", "a run or a line is lost");
}

/// What is of a bounded size whatever happened: see the table of keys in `docs/REDIS.md`.
const MAY_REMAIN: [&str; 12] = [
    "beats",
    "clock",
    "consumers",
    "lengths",
    "limits",
    "meta",
    "paused",
    "schedules",
    "seen",
    "tasks",
    "turns",
    "unreadable",
];

/// Returns how much memory a server uses, in bytes.
///
/// # Panics
///
/// Panics if the server does not answer.
#[must_use]
pub fn memory_of(server: &RedisServer) -> u64 {
    let info = server.command(&["INFO", "memory"]).expect("an answer");
    let used = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    used.and_then(|used| used.trim().parse().ok())
        .expect("used_memory")
}
