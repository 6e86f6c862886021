# smh run --json: what the document of a run holds; twice the same bytes.
"$SMH" run --json - "$DATA/small/tight.json" > out.json; echo "exit $?"
/usr/bin/python3 - <<'PY'
import json
document = json.load(open("out.json"))
run = document["runs"][0]
print(sorted(document), sorted(run), sep="\n")
print(run["failures"])
print(run["expectations"])
print(run["regions"][0]["fragmentation"])
print(len(run["samples"]["time_ns"]), [len(region["columns"]) for region in run["heap_map"]])
PY
"$SMH" run --quiet --json two.json "$DATA/small/tight.json"; cmp out.json two.json && echo same
ls
