# The zoo: every scenario passes, so exactly the hazards occur that it names; of every one there is
# a repaired twin, which is clean; each class is there twice.
cd "$ROOT/scenarios/hazards"
for file in *.json; do
    output=$("$SMH" run "$file" 2>&1); code=$?
    name=${file%.json}
    printf '%-48s exit %d, %s\n' "$name" "$code" "$(grep -o '^expected hazards: .*' <<< "$output")"
    [ "$code" = 0 ] || grep '^hazard ' <<< "$output"
    case $name in *_repaired) ;; *) [ -f "${name}_repaired.json" ] || echo "$name has no repaired twin" ;; esac
done
for class in 1 2 3 4 5 6 7 8 9 10; do
    echo "H$class: $(grep -l "\"class\": \"H$class\"" *.json | wc -l) scenarios"
done
echo "threads: $(grep -lE '"why": "Models [A-Za-z-]+/[A-Za-z0-9_-]+#[0-9]+' *.json | wc -l)"
