# An input of the fuzz targets as a scenario, which runs; and what bad usage says.
"$SMH" from-fuzz "$DATA/fuzz/small.input"; echo "exit $?"
"$SMH" from-fuzz --heap "$DATA/fuzz/small.input"; echo "exit $?"
"$SMH" from-fuzz "$DATA/fuzz/small.input" | "$SMH" run --quiet -; echo "exit $?"
"$SMH" from-fuzz --heap "$DATA/fuzz/small.input" | "$SMH" run --quiet -; echo "exit $?"
"$SMH" from-fuzz /dev/null | "$SMH" run --quiet -; echo "exit $?"
"$SMH" from-fuzz; echo "exit $?"
"$SMH" from-fuzz --no-such-option; echo "exit $?"
"$SMH" from-fuzz --help
"$SMH" from-fuzz -o /nowhere/out.json /dev/null; echo "exit $?"
