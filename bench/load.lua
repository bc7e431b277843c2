-- What wrk does: asks for what the given file lists, one after the other, and counts every answer that is not as expected.
local count, place = 0, 0
wrong = 0

function setup(thread)
   threads = threads or {}
   table.insert(threads, thread)
end

function init(args)
   salt = tonumber(args[2])
   spec = dofile(args[1])
   for number, request in ipairs(spec.requests) do
      local method, path, body, headers = unpack(request, 1, 4)
      local text = wrk.format(method, path, headers, body)
      local first, last = text:find("@@@@@@@@@@@@@@@@", 1, true)
      spec.requests[number] = first and { text:sub(1, first - 1), text:sub(last + 1) } or text
   end
end

function request()
   place = place % #spec.requests + 1
   local made = spec.requests[place]
   if type(made) == "string" then
      return made
   end
   count = count + 1 -- a name that nobody had before
   return made[1] .. string.format("%s%02x%08d", spec.prefix, salt, count) .. made[2]
end

function response(status, headers, body)
   local length = body and #body or 0
   if status ~= spec.status or length < spec.least or length > spec.most then
      wrong = wrong + 1
      if wrong == 1 then
         io.stderr:write(string.format("%d, %d bytes: %s\n", status, length, (body or ""):sub(1, 300)))
      end
   end
end

function done(summary, latency, requests)
   local bad = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
   for _, thread in ipairs(threads) do
      bad = bad + thread:get("wrong")
   end
   io.write(string.format(
      '\n{"answers": %d, "seconds": %.6f, "bytes": %d, "wrong": %d, "p50": %.3f, "p99": %.3f}\n',
      summary.requests, summary.duration / 1e6, summary.bytes, bad,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
