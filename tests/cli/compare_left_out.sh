# smh compare: of all engines those without a place in the machine are left out; one that is asked for must fit.
"$SMH" compare --quiet -p add_order -o out "$ROOT/scenarios/psram_metadata.json"
echo "compare: $?"
/usr/bin/python3 -c '
import json
document = json.load(open("out/results.json"))
print(sorted({run["engine"] for run in document["runs"]}), document["verdict"].split(". ")[-1])'
"$SMH" compare --quiet -e buddy -o asked "$ROOT/scenarios/psram_metadata.json"
