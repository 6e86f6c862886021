# A program is recorded, and the trace replays; nothing else is left in the folder.
mkdir things && touch things/{one,two,three}
"$SMH" record -q -o plain.trace --key version=1 --note "a note" -- ls things
echo "= $?"
"$SMH" record -q -o small.trace.zst --no-time --no-threads --max-operations 20 -- ls things
echo "= $?"
head -c 32 plain.trace | cut -d' ' -f1-3
grep -c '^# a note$' plain.trace
grep -cE '^a [0-9]+ [0-9]+( align=[0-9]+)?( zero=1)? t=[0-9]+ thread=0$' plain.trace | sed 's/[0-9][0-9]*/some/'
zstd -dcq small.trace.zst | grep -cE 't=|thread='
zstd -dcq small.trace.zst | grep -cE '^[arf] ' | awk '{ print ($1 > 0 && $1 <= 20) ? "at most 20" : "too many: " $1 }'
for trace in plain.trace small.trace.zst; do
    cat >scenario.json <<END
{ "schema": 1, "name": "recorded", "why": "a trace recorded just now",
  "machine": { "regions": [ { "name": "ram", "base": "0x20000000", "size": "8M", "attr": "cacheable" } ] },
  "workload": [ { "actor": "program", "trace": "$trace" } ], "expect": { "failed_allocations": 0 } }
END
    "$SMH" run scenario.json | tail -n 1
done
# The program's own status is told, the trace is kept.
"$SMH" record -q -o status.trace -- sh -c 'exit 3'
echo "= $?"
"$SMH" record -q -o killed.trace -- sh -c 'kill -9 $$'
echo "= $?"
# Children get files of their own, unless they are not wanted.
"$SMH" record -q -o family.trace.zst -- sh -c 'ls things >/dev/null; ls things >/dev/null; :'
echo "= $?"
ls | grep -cE '^family\.[0-9]+\.trace\.zst$'
"$SMH" record -q -o alone.trace.gz --no-children -- sh -c 'ls things >/dev/null; :'
ls -A | grep -v '^family\.[0-9]'
