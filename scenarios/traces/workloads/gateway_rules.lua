-- A rule engine as a gateway's script VM runs it: reads events from standard input, keeps a history
-- per device, evaluates rules (closures built from text), and answers in JSON.
local devices, rules, outbox = {}, {}, {}

local function encode(value)
    local kind = type(value)
    if kind == "table" then
        local parts = {}
        if #value > 0 then
            for i = 1, #value do parts[i] = encode(value[i]) end
            return "[" .. table.concat(parts, ",") .. "]"
        end
        local keys = {}
        for key in pairs(value) do keys[#keys + 1] = key end
        table.sort(keys)
        for i, key in ipairs(keys) do parts[i] = ("%q:%s"):format(key, encode(value[key])) end
        return "{" .. table.concat(parts, ",") .. "}"
    elseif kind == "string" then
        return '"' .. value:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
    end
    return tostring(value)
end

local Device = {}
Device.__index = Device
function Device.new(name)
    return setmetatable({ name = name, history = {}, total = 0, text = {} }, Device)
end
function Device:add(serial, value, text)
    self.total = self.total + value
    self.history[#self.history + 1] = { serial = serial, value = value }
    if #self.history > 40 then table.remove(self.history, 1) end
    for word in text:gmatch("%a+") do self.text[word] = (self.text[word] or 0) + 1 end
end
function Device:mean()
    local sum = 0
    for _, entry in ipairs(self.history) do sum = sum + entry.value end
    return #self.history > 0 and sum / #self.history or 0
end

local function add_rule(serial, name, limit)
    local source = ("return function(device) return device:mean() > %d and %q end"):format(
        limit, name .. " is above " .. limit .. " since " .. serial)
    rules[serial % 24 + 1] = load(source)()
end

local handlers = {}
function handlers.reading(serial, device, value, text) device:add(serial, value, text) end
function handlers.alarm(serial, device, value, text)
    device:add(serial, value, text)
    for _, rule in pairs(rules) do
        local message = rule(device)
        if message then outbox[#outbox + 1] = { to = device.name, message = message, at = serial } end
    end
    if #outbox > 60 then
        print(#encode(outbox))
        outbox = {}
    end
end
function handlers.config(serial, device, value) add_rule(serial, device.name, value) end
function handlers.query(serial, device)
    local walk = coroutine.wrap(function()
        for i = #device.history, 1, -1 do coroutine.yield(device.history[i]) end
    end)
    local answer = { device = device.name, mean = device:mean(), recent = {} }
    for entry in walk do answer.recent[#answer.recent + 1] = entry end
    print(#encode(answer))
end

for line in io.lines() do
    local serial, kind, name, value, text = line:match("^(%d+) (%a+) (%S+) (%d+) (.*)$")
    local device = devices[name]
    if not device then
        device = Device.new(name)
        devices[name] = device
    end
    handlers[kind](tonumber(serial), device, tonumber(value), text)
end
