"""The pool's decisions as one atomic script: choosing and reserving are a single step in Redis.

An entry lives as long as its unit refreshes it. What is taken of a unit is all that we have placed
there, held or in use, and what it reports beyond that (`foreign`: another scheduler's). Times are
Redis' own.
"""

from __future__ import annotations

POOL = """
local function millis() local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000) end
local now = millis()
local op = ARGV[1]
local function nk(kind, unit) return 'rms:node:' .. kind .. ':' .. unit end
local function ak(kind, unit) return 'rms:alloc:' .. kind .. ':' .. unit end
local function rk(kind, room) return 'rms:room:' .. kind .. ':' .. room end
local function num(key, field) return tonumber(redis.call('HGET', key, field) or '0') or 0 end

local function free(key, what)
  return num(key, 'cap_' .. what) - num(key, 'all_' .. what) - num(key, 'foreign_' .. what)
end

local function rescore(kind, unit)
  local key = nk(kind, unit)
  local room = redis.call('HGET', key, 'room')
  if not room then return end
  if num(key, 'draining') == 1 or free(key, 'confs') < 1 then
    redis.call('ZREM', rk(kind, room), unit)
  else
    local turn = 1000000 - num(key, 'turn') % 1000000
    redis.call('ZADD', rk(kind, room), free(key, 'ports') * 1000000 + turn, unit)
  end
end

local function count(key, ports, hd, sign)
  redis.call('HINCRBY', key, 'all_confs', sign)
  redis.call('HINCRBY', key, 'all_ports', string.format('%d', sign * ports))
  redis.call('HINCRBY', key, 'all_hd', string.format('%d', sign * hd))
end

local function release(kind, unit, e164)
  local kept = redis.call('HGET', ak(kind, unit), e164)
  if not kept then return false end
  local a = cjson.decode(kept)
  redis.call('HDEL', ak(kind, unit), e164)
  redis.call('ZREM', 'rms:held', kind .. '|' .. unit .. '|' .. e164)
  redis.call('SREM', 'rms:conf:' .. e164, kind .. '|' .. unit)
  local key = nk(kind, unit)
  if redis.call('EXISTS', key) == 1 then
    count(key, a.p, a.h, -1)
    rescore(kind, unit)
  end
  return true
end

local function place(kind, unit, e164, ports, hd, state)
  release(kind, unit, e164)
  redis.call('HSET', ak(kind, unit), e164, cjson.encode({p = ports, h = hd, s = state}))
  redis.call('SADD', 'rms:conf:' .. e164, kind .. '|' .. unit)
  local key = nk(kind, unit)
  count(key, ports, hd, 1)
  if state == 'held' then
    redis.call('ZADD', 'rms:held', now + 15000, kind .. '|' .. unit .. '|' .. e164)
  end
  redis.call('HSET', key, 'turn', redis.call('INCR', 'rms:turn'))
  rescore(kind, unit)
end

local function lapse()
  local over = redis.call('ZRANGEBYSCORE', 'rms:held', '-inf', now, 'LIMIT', 0, 100)
  for _, one in ipairs(over) do
    local kind, unit, e164 = one:match('^(%w+)|(.-)|([^|]*)$')
    release(kind, unit, e164)
    redis.call('ZREM', 'rms:held', one)
  end
end

local function fits(kind, unit, ports, hd, excluded)
  if excluded[unit] then return false end
  local key = nk(kind, unit)
  return free(key, 'confs') >= 1 and free(key, 'ports') >= ports and free(key, 'hd') >= hd
end

local function in_use(kind, unit)
  local numbers, sum = {}, {confs = 0, ports = 0, hd = 0}
  for _, e164 in ipairs(redis.call('HKEYS', ak(kind, unit))) do
    local a = cjson.decode(redis.call('HGET', ak(kind, unit), e164))
    if a.s ~= 'held' then
      numbers[#numbers + 1] = string.format('%s|%d|%d', e164, a.p, a.h)
      sum = {confs = sum.confs + 1, ports = sum.ports + a.p, hd = sum.hd + a.h}
    end
  end
  return numbers, sum
end

local function drifts(kind, unit, load)
  local key, more = nk(kind, unit), false
  for what, said in pairs(load) do more = more or num(key, 'all_' .. what) > said end
  if more then
    local _, sum = in_use(kind, unit)
    more = sum.confs > load.confs or sum.ports > load.ports or sum.hd > load.hd
  end
  local times = more and redis.call('HINCRBY', key, 'drift', 1) or 0
  if times == 0 or times >= 5 then redis.call('HDEL', key, 'drift') end
  return times >= 5
end

local function choose(kind, rooms, ports, hd, excluded, weak)
  for _, room in ipairs(rooms) do
    for _, unit in ipairs(redis.call('ZREVRANGE', rk(kind, room), 0, 63)) do
      local tired = redis.call('EXISTS', 'rms:tired:' .. unit) == 1
      if tired == weak and fits(kind, unit, ports, hd, excluded) then return unit, room end
    end
  end
  if not weak then return choose(kind, rooms, ports, hd, excluded, true) end
end

local function forget(kind, unit)
  local room = redis.call('HGET', nk(kind, unit), 'room')
  if room then redis.call('ZREM', rk(kind, room), unit) end
  local known = redis.call('DEL', nk(kind, unit))
  for _, e164 in ipairs(redis.call('HKEYS', ak(kind, unit))) do release(kind, unit, e164) end
  redis.call('ZREM', 'rms:seen', kind .. '|' .. unit)
  return known
end

if op ~= 'rebuilt' and op ~= 'adopt' and op ~= 'placed' and redis.call('EXISTS', 'rms:ready') == 0 then
  return 'EMPTY'
end

if op == 'state' or op == 'adopt' then
  local kind, unit, n = ARGV[2], ARGV[3], cjson.decode(ARGV[4])
  local key = nk(kind, unit)
  local fresh = redis.call('EXISTS', key) == 0
  local room = redis.call('HGET', key, 'room')
  if room and room ~= n.room then redis.call('ZREM', rk(kind, room), unit) end
  redis.call('HSET', key, 'room', n.room, 'draining', n.draining, 'platform', n.platform,
    'cap_confs', n.capacity.confs, 'cap_ports', n.capacity.ports, 'cap_hd', n.capacity.hd)
  local less, drift = false, false
  if op == 'state' then
    for _, what in ipairs({'confs', 'ports', 'hd'}) do
      less = less or n.load[what] < num(key, 'load_' .. what)
      redis.call('HSET', key, 'load_' .. what, n.load[what],
        'foreign_' .. what, math.max(0, n.load[what] - num(key, 'all_' .. what)))
    end
    drift = drifts(kind, unit, n.load)
  end
  redis.call('ZADD', 'rms:seen', now, kind .. '|' .. unit)
  rescore(kind, unit)
  if fresh then return 'new' end
  if drift then return 'drift' end
  return less and redis.call('DEL', 'rms:hungry') == 1 and 'hungry' or 'known'
end

if op == 'ask' then
  lapse()
  local q = cjson.decode(ARGV[2])
  local excluded = {}
  for _, unit in ipairs(q.exclude) do excluded[unit] = true end
  for _, one in ipairs(redis.call('SMEMBERS', 'rms:conf:' .. q.e164)) do
    local kind, unit = one:match('^(%w+)|(.*)$')
    local kept = redis.call('HGET', ak(kind, unit), q.e164)
    if kept and cjson.decode(kept).s == 'held' then release(kind, unit, q.e164) end
  end
  local unit, room = choose('mcu', q.rooms, q.ports, q.hd, excluded, false)
  if not unit then redis.call('SET', 'rms:hungry', 1, 'EX', 60) return '{}' end
  local why = 'most free ports (' .. free(nk('mcu', unit), 'ports') .. ') in room ' .. room
  place('mcu', unit, q.e164, q.ports, q.hd, 'held')
  local got = {mcu = unit, why = why, platform = redis.call('HGET', nk('mcu', unit), 'platform')}
  redis.call('SET', 'rms:why:' .. q.e164, why, 'EX', 604800)
  for _, kind in ipairs(q.also) do
    local other = choose(kind, q.rooms, 0, 0, {}, false)
    if other then place(kind, other, q.e164, 0, 0, 'held') got[kind] = other end
  end
  return cjson.encode(got)
end

if op == 'used' then
  local kind, unit, e164 = ARGV[2], ARGV[3], ARGV[4]
  local kept = redis.call('HGET', ak(kind, unit), e164)
  if not kept then return 'unknown' end
  local a = cjson.decode(kept)
  if a.s == 'held' then
    redis.call('ZREM', 'rms:held', kind .. '|' .. unit .. '|' .. e164)
    a.s = 'used'
    redis.call('HSET', ak(kind, unit), e164, cjson.encode(a))
  end
  return 'used'
end

if op == 'in_use' then
  local numbers = in_use(ARGV[2], ARGV[3])
  return numbers
end

if op == 'free' then
  local known = release(ARGV[2], ARGV[3], ARGV[4])
  return known and redis.call('DEL', 'rms:hungry') == 1 and 'hungry' or 'free'
end

if op == 'placed' then
  if redis.call('EXISTS', nk(ARGV[2], ARGV[3])) == 0 then return 'unknown' end
  place(ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7])
  return 'placed'
end

if op == 'drain' then
  if redis.call('EXISTS', nk(ARGV[2], ARGV[3])) == 1 then
    redis.call('HSET', nk(ARGV[2], ARGV[3]), 'draining', ARGV[4])
    rescore(ARGV[2], ARGV[3])
  end
  return 'ok'
end

if op == 'silent' then
  local limit, last = tonumber(ARGV[2]), tonumber(redis.call('GET', 'rms:watched') or '0')
  redis.call('SET', 'rms:watched', now)
  if now - last > 4000 then redis.call('SET', 'rms:watching_since', now) end
  if now - tonumber(redis.call('GET', 'rms:watching_since') or now) < limit then return {} end
  return redis.call('ZRANGEBYSCORE', 'rms:seen', '-inf', now - limit)
end

if op == 'gone' then
  if ARGV[4] == 'silent' then
    local seen = redis.call('ZSCORE', 'rms:seen', ARGV[2] .. '|' .. ARGV[3])
    if seen and tonumber(seen) > now - 12000 then return 'back' end
  end
  redis.call('SET', 'rms:tired:' .. ARGV[3], 1, 'EX', 60)
  return forget(ARGV[2], ARGV[3]) == 1 and 'gone' or 'unknown'
end

if op == 'hungry' then return redis.call('DEL', 'rms:hungry') == 1 and 'hungry' or 'full' end

if op == 'rebuilt' then redis.call('SET', 'rms:ready', 1) return 'ok' end
return 'unknown operation'
"""
