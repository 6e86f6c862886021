# Every malformed scenario and trace: exit code 2, one message, one line to paste.
garbage=$PWD/garbage
printf '\x8e\x00\xf3\x1b{\xff\xfe\x07"\x80\xc0\xaf\n\x7f\x00\xe2\x82]\xd8\x05\x9c:\x1f,\xed\xa0\x80\xff' > "$garbage"
cd "$DATA/malformed"
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
judge "$garbage"
echo "$count judged"
