#!/bin/bash
# Records the traces of this folder again, or those named on the command line.
#
#     scenarios/traces/record.sh                     # all
#     scenarios/traces/record.sh mqtt_broker lua_rules
#     SMH=/usr/bin/smh OUT=/tmp/traces scenarios/traces/record.sh
#
# Every program is a Debian package (README.md names them); servers are bound to 127.0.0.1 on the
# ports from PORT. What programs read is made here or lies in workloads/.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
smh=$(realpath "${SMH:-$here/../../build/smh}")
out=$(realpath "${OUT:-$here}")
port=${PORT:-28830}
work=$(mktemp -d)
trap 'stop_server 2>/dev/null || true; kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
export LC_ALL=C
# Everything happens in $work, so that the traces name no path of this machine.
cp -r "$here/workloads" "$work/"
cd "$work"
fonts=/usr/share/fonts/truetype/dejavu

version_of() { dpkg-query -W -f '${Version}' "$1"; }

# trace NAME PACKAGE [OPTION...] -- PROGRAM [ARGUMENT...]
trace() {
    local name=$1 package=$2
    shift 2
    echo "== $name" >&2
    "$smh" record -o "$name.trace.zst" --no-children --time-step 10us \
        --key "package=$package" --key "version=$(version_of "$package")" \
        --note "scenarios/traces/record.sh $name" "$@"
    # The writer favours speed; these files are kept.
    zstd -q -d --stdout "$name.trace.zst" | zstd -q -19 -f -o "$out/$name.trace.zst"
}

# Before a server's command: writes its process id, which exec keeps, for stop_server.
as_server=(sh -c 'echo $$ >"$0"; exec "$@"' pid)
stop_server() { kill -"${1:-INT}" "$(cat pid)"; }

# Waits until something listens on 127.0.0.1:$1.
await_port() {
    for _ in $(seq 100); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
        sleep 0.05
    done
    echo "record.sh: nothing listens on port $1" >&2
    exit 1
}

# A broker for 12 seconds: subscribers with wildcards at QoS 0 to 2, steady publishers, retained
# topics, an offline session that queues, and clients that come and go.
record_mqtt_broker() {
    cat >mosquitto.conf <<END
listener $port 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 400
log_type error
END
    trace mqtt_broker mosquitto -- "${as_server[@]}" /usr/sbin/mosquitto -c mosquitto.conf &
    local broker=$! clients=() i
    await_port "$port"
    local at=(-h 127.0.0.1 -p "$port")
    mosquitto_sub "${at[@]}" -i offline -c -q 1 -t 'site/+/alarm' -E
    for i in 0 1 2 3 4 5 6 7; do
        mosquitto_sub "${at[@]}" -i "subscriber-$i" -q $((i % 3)) -t "site/$i/#" -t 'site/+/alarm' -W 11 >/dev/null &
        clients+=($!)
    done
    mosquitto_sub "${at[@]}" -i monitor -q 0 -t '#' -W 11 >/dev/null &
    clients+=($!)
    for i in 0 1 2 3; do
        (for n in $(seq 1 900); do
            echo "reading $n of publisher $i: $((n * 7919 % 10007)) $(printf '%*s' $((n * 31 % 400)) '' | tr ' ' x)"
            sleep 0.01
        done) | mosquitto_pub "${at[@]}" -i "publisher-$i" -q $((i % 3)) -t "site/$i/reading" -l &
        clients+=($!)
    done
    for i in $(seq 1 260); do
        mosquitto_pub "${at[@]}" -r -q 1 -t "site/$((i % 8))/state/$((i % 90))" -m "state $i $(printf '%*s' $((i * 37 % 200)) '')"
        if [ $((i % 4)) = 0 ]; then
            mosquitto_pub "${at[@]}" -q 2 -t "site/$((i % 9))/alarm" -m "alarm $i"
        fi
        sleep 0.02
    done
    wait "${clients[@]}" || true
    mosquitto_sub "${at[@]}" -i offline -c -q 1 -t 'site/+/alarm' -W 1 >/dev/null || true
    stop_server
    wait "$broker"
}

# A data logger's database in a file, with a page cache of 160 KiB.
record_sql_engine() {
    workloads/telemetry.sql.sh |
        trace sql_engine sqlite3 -- sqlite3 -batch telemetry.db >/dev/null
}

record_lua_rules() {
    workloads/events.sh 900 |
        trace lua_rules lua5.4 -- lua5.4 workloads/gateway_rules.lua >/dev/null
}

record_javascript() {
    trace javascript duktape -- duk workloads/dashboard.js >/dev/null
}

record_ruby_config() {
    trace ruby_config mruby -- mruby workloads/parser.rb >/dev/null
}

# A TLS 1.3 and 1.2 server: 60 handshakes, some resumed, each sends a few lines.
record_tls_server() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -subj /CN=device.example -keyout key.pem -out certificate.pem 2>/dev/null
    trace tls_server openssl -- "${as_server[@]}" openssl s_server -accept "127.0.0.1:$port" -quiet \
        -naccept 60 -key key.pem -cert certificate.pem </dev/null >/dev/null &
    local server=$! i version
    sleep 1
    for i in $(seq 1 60); do
        version=$([ $((i % 3)) = 0 ] && echo -tls1_2 || echo -tls1_3)
        (seq 1 $((i % 7 * 40 + 20)); sleep 0.05) |
            openssl s_client -connect "127.0.0.1:$port" "$version" -quiet -sess_out session \
                $([ $((i % 2)) = 0 ] && echo -sess_in session) >/dev/null 2>&1 || true
    done
    stop_server 2>/dev/null || true
    wait "$server"
}

# Filters, groups and rewrites a document of 1,200 records.
record_json_filter() {
    awk 'BEGIN { for (i = 0; i < 1200; i++) printf "{\"id\":%d,\"name\":\"device-%d\",\"tags\":[\"t%d\",\"common\"],\"position\":{\"x\":%.2f,\"y\":%d},\"text\":\"%s %d\"}\n", i, i * 7919 % 400, i % 17, i / 7, i * 31 % 97, "some words of text", i }' >records.json
    trace json_filter jq -- jq -s 'map(select(.position.y > 20)) | group_by(.tags[0]) | map({tag: .[0].tags[0], count: length, mean: (map(.position.x) | add / length), names: (map(.name) | unique | .[0:8])}) | sort_by(.count)' records.json >/dev/null
}

# Opens every font of a package and lists its names, languages and character coverage (FreeType).
record_font_scan() {
    trace font_scan fontconfig -- fc-scan "$fonts" >/dev/null
}

record_shell_script() {
    trace shell_script busybox -- busybox sh workloads/maintenance.sh >/dev/null
}

record_awk_report() {
    awk 'BEGIN { split("reading alarm config query", kinds, " "); for (i = 0; i < 800; i++) printf "%d %s device-%d %d the text of entry %d with words\n", i, kinds[i % 4 + 1], i * 104729 % 61, i * 7919 % 1000, i % 300 }' >log
    trace awk_report busybox -- busybox awk -f workloads/report.awk log >/dev/null
}

# A CoAP server with resources that come and go, block-wise transfers and an observer.
record_coap_server() {
    local at="coap://127.0.0.1:$port" server i
    trace coap_server libcoap3-bin -- "${as_server[@]}" coap-server-notls -A 127.0.0.1 -p "$port" -d 40 >/dev/null &
    server=$!
    sleep 1
    head -c 6000 /dev/zero | tr '\0' x >large
    coap-client-notls -m get -s 9 -B 10 "$at/time" >/dev/null 2>&1 &
    for i in $(seq 1 260); do
        coap-client-notls -m put -B 2 -e "value $i of a resource $(printf '%*s' $((i * 37 % 300)) '')" "$at/resource-$((i % 36))" >/dev/null 2>&1 || true
        coap-client-notls -m get -B 2 "$at/.well-known/core" >/dev/null 2>&1 || true
        if [ $((i % 5)) = 0 ]; then
            coap-client-notls -m put -B 2 -b 256 -f large "$at/resource-$((i % 36))" >/dev/null 2>&1 || true
            coap-client-notls -m get -B 2 -b 512 "$at/resource-$((i % 36))" >/dev/null 2>&1 || true
        fi
        if [ $((i % 7)) = 0 ]; then
            coap-client-notls -m delete -B 2 "$at/resource-$((i * 3 % 36))" >/dev/null 2>&1 || true
        fi
    done
    stop_server
    wait "$server"
}

# Recompresses twelve PNGs of 64 x 48 to 320 x 240, trying filters and levels.
record_image_png() {
    local i images=()
    for i in $(seq 1 12); do
        pgmnoise -randomseed "$i" 40 30 2>/dev/null |
            pnmscale -xysize $((64 + i * 21)) $((48 + i * 16)) 2>/dev/null | pnmtopng 2>/dev/null >"image-$i.png"
        images+=("image-$i.png")
    done
    trace image_png optipng -- optipng -quiet -o3 "${images[@]}"
}

# A message bus with a pool of threads: six clients send requests to one that answers.
record_message_bus() {
    local url=tcp://127.0.0.1:$port server i clients=()
    trace message_bus nng-utils -- "${as_server[@]}" nngcat --rep --listen "$url" --data "$(printf 'answer %.0s' {1..30})" >/dev/null &
    server=$!
    await_port "$port"
    for i in 1 2 3 4 5 6; do
        (for n in $(seq 1 400); do
            nngcat --req --dial "$url" --recv-timeout 2 --count 1 --data "request $n of client $i $(printf '%*s' $((n * 97 % 1500)) '' | tr ' ' x)" >/dev/null 2>&1 || true
        done) &
        clients+=($!)
    done
    wait "${clients[@]}"
    stop_server
    wait "$server"
}

# A key-value store with three more threads for input and output, and lazy freeing in another.
record_key_value_store() {
    trace key_value_store redis-server -- "${as_server[@]}" redis-server --port "$port" --bind 127.0.0.1 --save '' \
        --appendonly no --io-threads 3 --io-threads-do-reads yes --lazyfree-lazy-user-del yes \
        --lazyfree-lazy-expire yes --maxclients 40 --dir . --daemonize no --activedefrag no \
        --repl-backlog-size 16kb --hz 10 --logfile /dev/null &
    local server=$! i
    await_port "$port"
    local at=(-h 127.0.0.1 -p "$port")
    redis-benchmark "${at[@]}" -q -c 8 -n 1500 -r 300 -d 48 -t set,get,incr,lpush,rpop,sadd,hset,zadd >/dev/null
    for i in $(seq 1 60); do
        seq -f "HSET device:$((i % 12)) field:%g value-$i-of-a-field" 1 40
        echo "SADD all device:$((i % 12))"
        seq -f "RPUSH queue:$((i % 5)) item-%g" 1 30
        [ $((i % 6)) = 5 ] && echo "DEL device:$((i % 12)) queue:$((i % 5))"
        echo "SORT all ALPHA"
    done | redis-cli "${at[@]}" >/dev/null
    redis-benchmark "${at[@]}" -q -c 16 -P 8 -n 1000 -r 100 -d 200 -t set,get,lpush,lrange_100 >/dev/null
    redis-cli "${at[@]}" shutdown nosave || true
    wait "$server"
}

all="mqtt_broker sql_engine lua_rules javascript ruby_config tls_server json_filter font_scan
shell_script awk_report coap_server image_png message_bus key_value_store"
for name in ${*:-$all}; do
    case " $(echo $all) " in
    *" $name "*) "record_$name" ;;
    *) echo "record.sh: no trace $name; there are: $(echo $all)" >&2; exit 2 ;;
    esac
done
