# Hits and misses of a trace as text, packed and compressed, and what bad usage and bad traces say.
printf 'I  04001090,3\n L 1ffeffe7e0,8\n S 1ffeffe7e8,8\n M 04001090,4\n L 1ffeffe7fc,8\n' > trace
"$SMH" cache trace; echo "exit $?"
zstd -q trace -o trace.zst; "$SMH" cache --size 1K --ways 2 --line 32 --l2-size 64K --i1-size 1K --i1-ways 1 --json - trace.zst; echo "exit $?"
gzip -c trace | "$SMH" cache --l2-size 1M --json counts.json; echo "exit $?"; cat counts.json
printf 'L 10,4\nL 10;4\n' | "$SMH" cache -; echo "exit $?"
"$SMH" cache --size 33K trace; echo "exit $?"
"$SMH" cache --ways; echo "exit $?"
"$SMH" cache --size 12Q trace; echo "exit $?"
"$SMH" cache --replacement fifo trace; echo "exit $?"
"$SMH" cache no-such-file; echo "exit $?"
"$SMH" cache --json /no/such/folder/x trace > /dev/null; echo "exit $?"
"$SMH" cache --pack packed trace; echo "exit $?"; "$SMH" cache --l2-size 64K packed; echo "exit $?"
zstd -q -c packed | "$SMH" cache; echo "exit $?"
"$SMH" cache --pack - packed | cmp - packed; echo "exit $?"
"$SMH" cache --data --pack data packed; echo "exit $?"
grep -v I trace | "$SMH" cache --pack - | cmp - data; echo "exit $?"
"$SMH" cache --data trace; echo "exit $?"
head -c 30 packed > cut; "$SMH" cache cut; echo "exit $?"
printf 'L 10;4\n' | "$SMH" cache --pack left-over; echo "exit $?"; ls left-over 2> /dev/null
"$SMH" cache --pack /no/such/folder/x trace; echo "exit $?"
"$SMH" cache --help; echo "exit $?"
