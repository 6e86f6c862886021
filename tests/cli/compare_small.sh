# smh compare: the table and verdict, the files that it writes, and the same document whatever --jobs is.
"$SMH" compare --engine zephyr,first_fit,as_written --policy add_order,best_fit --seed 1-3 "$DATA/small/two_regions.json"; echo "exit $?"
"$SMH" compare --quiet --output two/deep "$DATA/small/two_regions.json" "$DATA/small/tight.json"; echo "exit $?"
find . -type f | sort
"$SMH" compare --jobs 1 --json one.json "$DATA/small/two_regions.json" > /dev/null
"$SMH" compare --jobs 7 --json two.json "$DATA/small/two_regions.json" > /dev/null
cmp one.json two.json && echo "the number of jobs changes nothing"
