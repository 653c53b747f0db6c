-- SPDX-License-Identifier: Apache-2.0
-- For wrk: POST bodies from a file, one in a line, and look at every reply.
-- Arguments: the file, the version of the core-driver interface, and "once" where a body must not be sent twice.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  wrk.method = "POST"
  wrk.headers["content-type"] = "application/json; charset=utf-8"
  wrk.headers["cdi-version"] = arguments[2]
  requests, sent, wrong, first_wrong = {}, 0, 0, ""
  for body in io.lines(arguments[1]) do
    table.insert(requests, wrk.format(nil, nil, nil, body))
  end
  once = arguments[3] == "once"
end

function request()
  if once and sent == #requests then
    wrong, first_wrong = wrong + 1, "more requests than bodies"
  end
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function response(status, headers, body)
  if status ~= 200 or not string.find(body, '"status":"OK"', 1, true) then
    if wrong == 0 then
      first_wrong = status .. " " .. body
    end
    wrong = wrong + 1
  end
end

function done(summary, latency, requests)
  for _, thread in ipairs(threads) do
    io.write("Wrong replies: ", thread:get("wrong"), " ", thread:get("first_wrong"), "\n")
  end
end
