"$SMH" --help; "$SMH" --version; for c in run compare check list; do "$SMH" $c --help; done
