# smh run --cycles: what the allocator costs on the target, per engine.
cd "$DATA/small"
"$SMH" run --cycles cached.json; echo "exit $?"
"$SMH" run --cycles --engine zephyr cached.json; echo "exit $?"
cd - > /dev/null
"$SMH" compare --cycles --engine zephyr,bitmap --policy add_order --seed 1-2 "$DATA/small/cached.json"; echo "exit $?"
"$SMH" run --cycles --quiet --json out.json "$DATA/small/cached.json"
/usr/bin/python3 - <<'PY'
import json
run = json.load(open("out.json"))["runs"][0]
cycles = run["cycles"]
print(sorted(cycles), cycles["unit"], [region["name"] for region in cycles["regions"]])
print({key: value for key, value in cycles["regions"][1]["operations"]["alloc"].items() if key != "buckets"})
print(cycles["actors"])
print(cycles["levels"])
print(run["wrong_reads"])
PY
