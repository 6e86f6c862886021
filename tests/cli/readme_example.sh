# The scenario that README shows loads and passes.
mkdir -p scenarios && ln -s "$ROOT/scenarios/traces" scenarios/traces
awk '/^```json/ { inside = 1; next } /^```/ { inside = 0 } inside' "$ROOT/README.md" > scenarios/example.json
"$SMH" check scenarios/example.json
"$SMH" run scenarios/example.json | tail -3
