# The help of the program and of each command.
"$SMH" --help; "$SMH" --version; for c in run compare check list record from-fuzz cache; do "$SMH" $c --help; done
