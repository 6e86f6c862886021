# Every malformed scenario and trace: exit code 2, one message, one line to paste.
cd "$DATA/malformed"
head -c 300 /dev/urandom > /tmp/smh_cli_garbage.$$ ; trap 'rm -f /tmp/smh_cli_garbage.$$' EXIT
count=0
judge() {
    output=$("$SMH" check "$1" 2>&1); code=$?
    [ "$code" = 2 ] && [ "$(grep -c '^smh check: ' <<< "$output")" = 1 ] && [ "$(wc -l <<< "$output")" = 2 ] \
        && grep -q '^try: smh list keys$' <<< "$output" || { echo "$1: exit $code"; echo "$output"; }
    count=$((count + 1))
}
for file in schema/*.json beyond/*.json not_json/*; do judge "$file"; done
for trace in traces/*; do
    scenario=$(mktemp --suffix .json)
    printf '{"schema":1,"name":"t","machine":{"regions":[{"name":"r","base":"0x20000000","size":"64K","attr":0}]},"workload":[{"actor":"a","trace":"%s"}]}' "$PWD/$trace" > "$scenario"
    judge "$scenario"
    rm "$scenario"
done
judge /tmp/smh_cli_garbage.$$
echo "$count judged"
