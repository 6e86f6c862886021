#!/bin/bash
# How much smh record slows programs down: best of 9 runs without and with the library, interleaved.
#
#     bench/record_slowdown.sh [FOLDER with libsmh_record.so, default build]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
library=$(realpath "${1:-$root/build}/libsmh_record.so")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir raw
sed 's/sleep 0.02/:/' "$root/scenarios/traces/workloads/telemetry.sql.sh" >sql.sh && sh sql.sh >input.sql
sed 's/sleep 0.01/:/' "$root/scenarios/traces/workloads/events.sh" >events.sh && sh events.sh 4000 >input.events

ticks=0
[ "$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)" = tsc ] && ticks=1

# Nanoseconds of the command, read from input, with LD_PRELOAD set to $1.
nanoseconds() {
    local preload=$1 input=$2 start end
    shift 2
    start=$(date +%s%N)
    LD_PRELOAD=$preload SMH_RECORD_FOLDER=$work/raw SMH_RECORD_TICKS=$ticks "$@" <"$input" >/dev/null
    end=$(date +%s%N)
    echo $((end - start))
}

measure() {
    local input=$1 plain=9000000000000 recorded=9000000000000 now calls
    shift
    for _ in 1 2 3 4 5 6 7 8 9; do
        now=$(nanoseconds "" "$input" "$@") && [ "$now" -lt "$plain" ] && plain=$now
        rm -f raw/*
        now=$(nanoseconds "$library" "$input" "$@") && [ "$now" -lt "$recorded" ] && recorded=$now
    done
    # header.next, the number of records, is the 64-bit word at byte 64 of a raw file.
    calls=$(for file in raw/*; do od -A n -t u8 -j 64 -N 8 "$file"; done | awk '{ n += $1 } END { print n }')
    awk -v name="$1" -v a="$plain" -v b="$recorded" -v n="$calls" 'BEGIN { printf "%-10s %8.1f ms -> %8.1f ms  x %.2f  (%d records, %.0f ns each)\n", name, a / 1e6, b / 1e6, b / a, n, (b - a) / n }'
}

measure input.sql sqlite3 -batch :memory:
measure /dev/null /usr/bin/python3 -c 'import json; x = [{"a": i, "b": str(i), "c": [i] * 3} for i in range(60000)]; json.loads(json.dumps(x))'
measure input.events lua5.4 "$root/scenarios/traces/workloads/gateway_rules.lua"
measure /dev/null duk "$root/scenarios/traces/workloads/dashboard.js"
measure /dev/null lua5.4 -e 'local t = {} for i = 1, 300000 do t[i % 1000] = { i, tostring(i) } end'
