"""The Lua script of the pool makes each of its decisions in Redis, so that choosing and reserving a unit is one step.

The used places of a unit are those that we have placed there, reserved or in use, and those that the unit reports
beyond that (`foreign`: placed by another scheduler). Times are those of the Redis server.
"""

from __future__ import annotations

POOL = """
-- Keys: `rms:node:<kind>:<unit>` is what a unit can hold, holds and reports; `rms:alloc:...` says by
-- number what is placed on it: {p = ports, h = full-HD ports, s = 'held' or 'used'}; `rms:room:...` ranks
-- the units of a room; `rms:held` has the time at which each reservation expires.
local function now_in_millis() local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000) end
local now = now_in_millis()
local op = ARGV[1]
local function node_key(kind, unit) return 'rms:node:' .. kind .. ':' .. unit end
local function placed_key(kind, unit) return 'rms:alloc:' .. kind .. ':' .. unit end
local function room_key(kind, room) return 'rms:room:' .. kind .. ':' .. room end
local function number_in(key, field) return tonumber(redis.call('HGET', key, field) or '0') or 0 end

-- What is left of a unit: its capacity, less what we have placed and what another scheduler has.
local function free_of(key, what)
  return number_in(key, 'cap_' .. what) - number_in(key, 'all_' .. what) - number_in(key, 'foreign_' .. what)
end

-- Rank a unit in its room: most free ports first, then the one whose turn is longest ago. A unit that is
-- draining or full leaves the ranking.
local function update_rank(kind, unit)
  local key = node_key(kind, unit)
  local room = redis.call('HGET', key, 'room')
  if not room then return end
  if number_in(key, 'draining') == 1 or free_of(key, 'confs') < 1 then
    redis.call('ZREM', room_key(kind, room), unit)
  else
    local turn = 1000000 - number_in(key, 'turn') % 1000000
    redis.call('ZADD', room_key(kind, room), free_of(key, 'ports') * 1000000 + turn, unit)
  end
end

local function add_usage(key, ports, hd, sign)
  redis.call('HINCRBY', key, 'all_confs', sign)
  redis.call('HINCRBY', key, 'all_ports', string.format('%d', sign * ports))
  redis.call('HINCRBY', key, 'all_hd', string.format('%d', sign * hd))
end

-- Take a number off a unit. False: it was not there.
local function release(kind, unit, e164)
  local stored = redis.call('HGET', placed_key(kind, unit), e164)
  if not stored then return false end
  local placement = cjson.decode(stored)
  redis.call('HDEL', placed_key(kind, unit), e164)
  redis.call('ZREM', 'rms:held', kind .. '|' .. unit .. '|' .. e164)
  redis.call('SREM', 'rms:conf:' .. e164, kind .. '|' .. unit)
  local key = node_key(kind, unit)
  if redis.call('EXISTS', key) == 1 then
    add_usage(key, placement.p, placement.h, -1)
    update_rank(kind, unit)
  end
  return true
end

-- Place a number on a unit; a reservation ('held') expires after 15 s.
local function place(kind, unit, e164, ports, hd, state)
  release(kind, unit, e164)
  redis.call('HSET', placed_key(kind, unit), e164, cjson.encode({p = ports, h = hd, s = state}))
  redis.call('SADD', 'rms:conf:' .. e164, kind .. '|' .. unit)
  local key = node_key(kind, unit)
  add_usage(key, ports, hd, 1)
  if state == 'held' then
    redis.call('ZADD', 'rms:held', now + 15000, kind .. '|' .. unit .. '|' .. e164)
  end
  redis.call('HSET', key, 'turn', redis.call('INCR', 'rms:turn'))
  update_rank(kind, unit)
end

-- Avoid a unit that did not take a conference: it refused, or it sends heartbeats but does not answer commands.
-- It is avoided for a minute, each time twice as long up to an hour, until it takes a conference.
local function avoid(unit)
  local times = math.min(redis.call('INCR', 'rms:failed:' .. unit), 7)
  redis.call('EXPIRE', 'rms:failed:' .. unit, 86400)
  redis.call('SET', 'rms:tired:' .. unit, 1, 'EX', math.min(3600, 60 * 2 ^ (times - 1)))
end

-- Release the reservations that nobody has confirmed in time.
local function release_expired()
  local expired = redis.call('ZRANGEBYSCORE', 'rms:held', '-inf', now, 'LIMIT', 0, 100)
  for _, entry in ipairs(expired) do
    local kind, unit, e164 = entry:match('^(%w+)|(.-)|([^|]*)$')
    release(kind, unit, e164)
    redis.call('ZREM', 'rms:held', entry)
  end
end

local function has_space(kind, unit, ports, hd, excluded)
  if excluded[unit] then return false end
  local key = node_key(kind, unit)
  return free_of(key, 'confs') >= 1 and free_of(key, 'ports') >= ports and free_of(key, 'hd') >= hd
end

-- The numbers in use on a unit, and their sum; reservations do not count.
local function used_on(kind, unit)
  local numbers, sum = {}, {confs = 0, ports = 0, hd = 0}
  for _, e164 in ipairs(redis.call('HKEYS', placed_key(kind, unit))) do
    local placement = cjson.decode(redis.call('HGET', placed_key(kind, unit), e164))
    if placement.s ~= 'held' then
      numbers[#numbers + 1] = string.format('%s|%d|%d', e164, placement.p, placement.h)
      sum = {
        confs = sum.confs + 1, ports = sum.ports + placement.p, hd = sum.hd + placement.h,
      }
    end
  end
  return numbers, sum
end

-- True once a unit has reported less than we count there in five heartbeats in a row.
local function has_drifted(kind, unit, load)
  local key, counts_more = node_key(kind, unit), false
  for what, reported in pairs(load) do
    counts_more = counts_more or number_in(key, 'all_' .. what) > reported
  end
  if counts_more then
    local _, sum = used_on(kind, unit)
    counts_more = sum.confs > load.confs or sum.ports > load.ports or sum.hd > load.hd
  end
  local times = counts_more and redis.call('HINCRBY', key, 'drift', 1) or 0
  if times == 0 or times >= 5 then redis.call('HDEL', key, 'drift') end
  return times >= 5
end

-- The best unit of the first room that has one. Units that were lost within the last minute, or did not take
-- what they were offered ('tired'), are taken only where there is no other. A media unit that is a mixer too composes
-- the pictures of its own conferences alone.
local function choose_unit(kind, rooms, ports, hd, excluded, want_tired)
  for _, room in ipairs(rooms) do
    for _, unit in ipairs(redis.call('ZREVRANGE', room_key(kind, room), 0, 63)) do
      local tired = redis.call('EXISTS', 'rms:tired:' .. unit) == 1
      local serves_others = kind ~= 'mps' or redis.call('EXISTS', node_key('mcu', unit)) == 0
      if serves_others and tired == want_tired and has_space(kind, unit, ports, hd, excluded) then return unit, room end
    end
  end
  if not want_tired then return choose_unit(kind, rooms, ports, hd, excluded, true) end
end

-- Place a number on a recorder or mixer beside a media unit. A media unit that is a recorder or mixer too does it by
-- itself, so that very unit is reserved. If no recorder is free, the conference is one that waits ('hungry').
local function place_beside(kind, unit, e164, rooms)
  local other = unit
  if redis.call('EXISTS', node_key(kind, unit)) == 0 then
    other = choose_unit(kind, rooms, 0, 0, {}, false)
  elseif not has_space(kind, unit, 0, 0, {}) then
    other = nil
  end
  if other then place(kind, other, e164, 0, 0, 'held') end
  if kind == 'vrs' and not other then redis.call('SET', 'rms:hungry', 1, 'EX', 60) end
  return other
end

-- Remove a unit with all that is placed on it. 1: it was known.
local function remove_unit(kind, unit)
  local room = redis.call('HGET', node_key(kind, unit), 'room')
  if room then redis.call('ZREM', room_key(kind, room), unit) end
  local was_known = redis.call('DEL', node_key(kind, unit))
  for _, e164 in ipairs(redis.call('HKEYS', placed_key(kind, unit))) do release(kind, unit, e164) end
  redis.call('ZREM', 'rms:seen', kind .. '|' .. unit)
  return was_known
end

-- An emptied Redis answers EMPTY until it is rebuilt.
if op ~= 'rebuilt' and op ~= 'adopt' and op ~= 'placed' and redis.call('EXISTS', 'rms:ready') == 0 then
  return 'EMPTY'
end

-- state, adopt: a heartbeat, or a unit known from the database. Answers new (the unit was not known), drift (see
-- has_drifted), hungry (a conference waits for places, and the unit reports fewer in use) or known.
if op == 'state' or op == 'adopt' then
  local kind, unit, node = ARGV[2], ARGV[3], cjson.decode(ARGV[4])
  local key = node_key(kind, unit)
  local fresh = redis.call('EXISTS', key) == 0
  local room = redis.call('HGET', key, 'room')
  if room and room ~= node.room then redis.call('ZREM', room_key(kind, room), unit) end
  redis.call('HSET', key, 'room', node.room, 'draining', node.draining, 'platform', node.platform,
    'clockskew', node.clockskew, 'cap_confs', node.capacity.confs,
    'cap_ports', node.capacity.ports, 'cap_hd', node.capacity.hd)
  local reports_less, has_drift = false, false
  if op == 'state' then
    for _, what in ipairs({'confs', 'ports', 'hd'}) do
      reports_less = reports_less or node.load[what] < number_in(key, 'load_' .. what)
      redis.call('HSET', key, 'load_' .. what, node.load[what],
        'foreign_' .. what, math.max(0, node.load[what] - number_in(key, 'all_' .. what)))
    end
    has_drift = has_drifted(kind, unit, node.load)
  end
  redis.call('ZADD', 'rms:seen', now, kind .. '|' .. unit)
  update_rank(kind, unit)
  if fresh then return 'new' end
  if has_drift then return 'drift' end
  return reports_less and redis.call('DEL', 'rms:hungry') == 1 and 'hungry' or 'known'
end

-- ask: reserve a media unit, and other resources, for a number. Answers {} where no unit has space.
if op == 'ask' then
  release_expired()
  local request = cjson.decode(ARGV[2])
  local excluded = {}
  for _, unit in ipairs(request.exclude) do excluded[unit] = true end
  for _, entry in ipairs(redis.call('SMEMBERS', 'rms:conf:' .. request.e164)) do
    local kind, unit = entry:match('^(%w+)|(.*)$')
    local stored = redis.call('HGET', placed_key(kind, unit), request.e164)
    if stored and cjson.decode(stored).s == 'held' then release(kind, unit, request.e164) end
  end
  local unit, room = choose_unit('mcu', request.rooms, request.ports, request.hd, excluded, false)
  if not unit then redis.call('SET', 'rms:hungry', 1, 'EX', 60) return '{}' end
  local why = 'most free ports (' .. free_of(node_key('mcu', unit), 'ports') .. ') in room ' .. room
  place('mcu', unit, request.e164, request.ports, request.hd, 'held')
  local granted = {mcu = unit, why = why, platform = redis.call('HGET', node_key('mcu', unit), 'platform')}
  redis.call('SET', 'rms:why:' .. request.e164, why, 'EX', 604800)
  for _, kind in ipairs(request.also) do
    granted[kind] = place_beside(kind, unit, request.e164, request.rooms)
  end
  return cjson.encode(granted)
end

-- recorder: reserve a recorder for a number that runs already. Answers {} where none has space.
if op == 'recorder' then
  release_expired()
  local request = cjson.decode(ARGV[2])
  local unit = ''
  for _, entry in ipairs(redis.call('SMEMBERS', 'rms:conf:' .. request.e164)) do
    local kind, name = entry:match('^(%w+)|(.*)$')
    if kind == 'mcu' then unit = name end
    if kind == 'vrs' then release(kind, name, request.e164) end
  end
  local recorder = place_beside('vrs', unit, request.e164, request.rooms)
  return recorder and cjson.encode({vrs = recorder}) or '{}'
end

-- used: a conference runs on what was reserved for it.
if op == 'used' then
  local kind, unit, e164 = ARGV[2], ARGV[3], ARGV[4]
  local stored = redis.call('HGET', placed_key(kind, unit), e164)
  if not stored then return 'unknown' end
  local placement = cjson.decode(stored)
  if placement.s == 'held' then
    redis.call('ZREM', 'rms:held', kind .. '|' .. unit .. '|' .. e164)
    placement.s = 'used'
    redis.call('HSET', placed_key(kind, unit), e164, cjson.encode(placement))
    redis.call('DEL', 'rms:failed:' .. unit)
  end
  return 'used'
end

-- in_use: the numbers in use on a unit, as `number|ports|full-HD ports`.
if op == 'in_use' then
  local numbers = used_on(ARGV[2], ARGV[3])
  return numbers
end

-- free: a conference has left a unit. Answers hungry if somebody waits for places.
if op == 'free' then
  local stored = redis.call('HGET', placed_key(ARGV[2], ARGV[3]), ARGV[4])
  if ARGV[2] == 'mcu' and stored and cjson.decode(stored).s == 'held' then avoid(ARGV[3]) end
  local was_placed = release(ARGV[2], ARGV[3], ARGV[4])
  return was_placed and redis.call('DEL', 'rms:hungry') == 1 and 'hungry' or 'free'
end

-- placed: the database says that a conference is on a unit.
if op == 'placed' then
  if redis.call('EXISTS', node_key(ARGV[2], ARGV[3])) == 0 then return 'unknown' end
  place(ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7])
  return 'placed'
end

-- drain: take a unit out of service for new conferences, or back in.
if op == 'drain' then
  if redis.call('EXISTS', node_key(ARGV[2], ARGV[3])) == 1 then
    redis.call('HSET', node_key(ARGV[2], ARGV[3]), 'draining', ARGV[4])
    update_rank(ARGV[2], ARGV[3])
  end
  return 'ok'
end

-- silent: the units without a heartbeat for ARGV[2] ms. Answers none until this was called for as long without a
-- gap of 4 s, because after a gap units need time for their next heartbeat.
if op == 'silent' then
  local limit, last = tonumber(ARGV[2]), tonumber(redis.call('GET', 'rms:watched') or '0')
  redis.call('SET', 'rms:watched', now)
  if now - last > 4000 then redis.call('SET', 'rms:watching_since', now) end
  if now - tonumber(redis.call('GET', 'rms:watching_since') or now) < limit then return {} end
  return redis.call('ZRANGEBYSCORE', 'rms:seen', '-inf', now - limit)
end

-- gone: a unit is lost. Answers back if it was silent and has been heard of meanwhile.
if op == 'gone' then
  if ARGV[4] == 'silent' then
    local seen = redis.call('ZSCORE', 'rms:seen', ARGV[2] .. '|' .. ARGV[3])
    if seen and tonumber(seen) > now - 12000 then return 'back' end
  end
  redis.call('SET', 'rms:tired:' .. ARGV[3], 1, 'EX', 60)
  return remove_unit(ARGV[2], ARGV[3]) == 1 and 'gone' or 'unknown'
end

-- hungry: tell whether a conference waits for places, and clear that mark.
if op == 'hungry' then return redis.call('DEL', 'rms:hungry') == 1 and 'hungry' or 'full' end

-- rebuilt: Redis is filled again and may answer.
if op == 'rebuilt' then redis.call('SET', 'rms:ready', 1) return 'ok' end
return 'unknown operation'
"""
