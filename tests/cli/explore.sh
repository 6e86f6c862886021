# A second opinion on the zoo: every schedule, enumerated with data, goes wrong somewhere exactly where hazards are
# expected (H10 aside: what a device cannot reach is wrong in any schedule); --sarif writes them.
cd "$ROOT/scenarios/hazards"
for file in *.json; do
    said=$("$SMH" run --exhaustive "$file" 2>&1 | head -1 | sed 's/ in .*//; s/:.*//')
    case $file in *_repaired.json) kind=repaired ;; *) kind=hazardous ;; esac
    echo "$kind: $(sed 's/a schedule.*/a schedule goes wrong/' <<< "$said")"
done | sort | uniq -c
"$SMH" run -q --explore 100 nuttx_5062_fat_buffer_dirty.json | sed 's/[0-9]* of 100/N of 100/'
"$SMH" run --sarif - nuttx_5062_fat_buffer_dirty.json | grep -c '"ruleId": "H4"'
"$SMH" run --explore 0 nuttx_5062_fat_buffer_dirty.json
