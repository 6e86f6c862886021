# What smh record says to bad usage; each line ends with the exit code.
try() {
    "$SMH" record "$@"
    echo "= $?"
}
try
try -o out.trace
try -- ls
try -o out.trace --no-such-option -- ls
try -o out.trace --time-step 5 -- ls
try -o out.trace --max-operations 0 -- ls
try -o out.trace --key "two words" -- ls
try -o no/such/folder/out.trace -- ls
try -o out.trace -- ./no_such_program
SMH_RECORD_LIBRARY=./missing.so try -o out.trace -- ls
ls -A
