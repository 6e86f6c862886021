# What bad usage and bad input say: what, where, what is allowed, a line to paste, exit code 2.
try() { "$SMH" "$@"; echo "exit $?"; }
try
try fly
try run
try run a b
try run --engin zephyr x
try run --engine
try run --engine warp "$DATA/small/tight.json"
try run --policy luck "$DATA/small/tight.json"
try run --engine zephyr,first_fit "$DATA/small/tight.json"
try run --seed -1 "$DATA/small/tight.json"
try run --seed 99999999999999999999 "$DATA/small/tight.json"
try run --checks some "$DATA/small/tight.json"
try run --engine /dev/null "$DATA/small/tight.json" 2>&1 | sed 's|engine /dev/null: .*|engine /dev/null: (the reason)|'
try compare --seed 1-99999 "$DATA/small/tight.json"
try compare --jobs 0 "$DATA/small/tight.json"
try list
try list everything
try list scenarios /nowhere
try check
try run /nowhere.json
try run --json /nowhere/out.json --quiet "$DATA/small/two_regions.json"
try list --seed 1 engines
try check --cycles "$DATA/small/tight.json"
