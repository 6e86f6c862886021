# smh run: the summary of small scenarios; which pass, which fail and why.
cd "$DATA/small"
"$SMH" run two_regions.json; echo "exit $?"
"$SMH" run --engine first_fit --policy most_free --seed 9 two_regions.json; echo "exit $?"
"$SMH" run tight.json; echo "exit $?"
"$SMH" run --quiet tight.json; echo "exit $?"
"$SMH" run --no-metrics --checks none two_regions.json; echo "exit $?"
