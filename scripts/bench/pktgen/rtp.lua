-- SPDX-License-Identifier: Apache-2.0
-- How much RTP a Sallyport gateway carries without loss: RFC 2544 section 26.1,
-- for Pktgen-DPDK. Port 0 replays the pcap that was given with -s (rtp_pcap.py)
-- into the access side, port 1 counts what comes from the trunk side.
--
--   pktgen ... -- ... -s 0:rtp.pcap -f rtp.lua
--
-- Halves the interval between a rate that is carried whole and one that isn't,
-- confirms the last one for longer, prints each trial and writes them to
-- rtp-results.csv.

package.path = package.path .. ";?.lua;../?.lua"
require "Pktgen"

local SEND, RECEIVE = "0", "1"
local TRIAL, CONFIRM, REST = 10000, 60000, 2000 -- ms
local TRIALS = 10
local FULL = 100   -- per cent of the line
local BEARABLE = 0 -- packets that may be lost in a trial

-- Versions of Pktgen differ in how deep they put a port's counters.
local function counter(t, name)
	if type(t) ~= "table" then
		return nil
	end
	if type(t[name]) == "number" then
		return t[name]
	end
	for _, inner in pairs(t) do
		local found = counter(inner, name)
		if found then
			return found
		end
	end
	return nil
end

local function count(port, name)
	local well, stats = pcall(pktgen.portStats, port, "port")
	if not well then
		stats = pktgen.portStats(port)
	end
	return counter(stats[tonumber(port)] or stats, name) or
		error("Pktgen says nothing of " .. name)
end

-- One trial at a rate. @return packets lost, packets received a second.
local function trial(rate, ms, out)
	local sent, received, lost, pps

	pktgen.clr()
	pktgen.set(SEND, "rate", rate)
	pktgen.start(SEND)
	pktgen.delay(ms)
	pktgen.stop(SEND)
	pktgen.delay(REST) -- what is still under way
	sent = count(SEND, "opackets")
	received = count(RECEIVE, "ipackets")
	lost = sent - received
	pps = received * 1000 / ms
	print(string.format("%6.2f %%  sent %d  received %d  lost %d  %.3f Mpps",
		rate, sent, received, lost, pps / 1e6))
	out:write(string.format("%.4f,%d,%d,%d,%.0f\n", rate, ms, sent, received,
		pps))
	return lost, pps
end

local function main()
	local out = assert(io.open("rtp-results.csv", "w"))
	local low, high, rate = 0, FULL, FULL

	out:write("rate_percent,ms,sent,received,received_pps\n")
	pktgen.screen("off")
	pktgen.set(SEND, "count", 0) -- until told to stop
	pktgen.pcap(SEND, "enable")
	trial(1, 2000, out) -- neighbours and caches
	for _ = 1, TRIALS do
		if trial(rate, TRIAL, out) <= BEARABLE then
			low = rate
			if rate == FULL then
				break
			end
		else
			high = rate
		end
		rate = (low + high) / 2
	end
	if low == 0 then
		print("No rate was carried whole: are the flows programmed? " ..
			"(sallyctl bench flows N)")
	else
		local lost, pps = trial(low, CONFIRM, out)
		print(string.format("%s: %.3f Mpps at %.2f %% of the line",
			lost <= BEARABLE and "Carried without loss" or
			"Not confirmed", pps / 1e6, low))
	end
	out:close()
	pktgen.screen("on")
end

main()
