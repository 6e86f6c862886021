# The scenario that README shows loads and passes, and the report of a hazard that it shows is what smh prints.
mkdir -p scenarios && ln -s "$ROOT/scenarios/traces" scenarios/traces
awk '/^```json/ { inside = 1; next } /^```/ { inside = 0 } inside' "$ROOT/README.md" > mine.json
"$SMH" check mine.json
"$SMH" run mine.json | tail -3
cd "$ROOT"
"$SMH" run scenarios/hazards/bitmap_free_chunk_behind_buffer.json > "$OLDPWD/printed"
awk '/^\$ smh run scenarios\/hazards/ { inside = 1; next } /^```/ { inside = 0 } inside' README.md > "$OLDPWD/shown"
cd "$OLDPWD"
while IFS= read -r line; do # "..." at its end or beginning: something is left out there
    line=${line#... }; line=${line%...}; line=${line%; }
    grep -qF -- "$line" printed || echo "README shows, smh does not print: $line"
done < shown
echo "$(wc -l < shown) lines of a report compared"
