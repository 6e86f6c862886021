# The options that commands share, the command to paste after a failure, and where results are written.
small="$DATA/small"
speed() { sed -E 's/[0-9.]+ (s of|million)/N \1/g'; }
"$SMH" compare -v -e bitmap -p add_order "$small/two_regions.json" 2>&1 | speed
"$SMH" check -v -e buddy -p best_fit -s 3 "$small/two_regions.json"
"$SMH" check --json - "$small/two_regions.json" /nowhere.json; echo "exit $?"
"$SMH" check -q "$small/two_regions.json"; echo "exit $?"
"$SMH" list scenarios -qv "$small"
"$SMH" list engines --json engines.json > /dev/null; grep -A2 '"bitmap"' engines.json
"$SMH" list policies --json - | grep -A2 '"address"'
"$SMH" list scenarios --json - "$small" | grep -c '"why"'; "$SMH" list keys --json - | grep -F '$.seed'

# What an engine refuses is told by check, as by run.
region='{"schema":1,"name":"t","machine":{"regions":[{"name":"r","base":"0x20000000","size":8,"attr":0}]},"workload":[{"actor":"a","ops":[{"alloc":"x","bytes":8}]}]}'
echo "$region" > "it's small.json"
"$SMH" check "it's small.json"; echo "exit $?"
"$SMH" run "it's small.json"; echo "exit $?"

# A granule is for the region's own engine: as written it must be one that the engine takes; an engine
# that the command line forces on the region, as compare does, may have another.
granule=${region/'"attr":0'/'"attr":0,"granule":64'}
echo "${granule/'"size":8'/'"size":8192'}" > granule.json
"$SMH" compare -p add_order granule.json; echo "exit $?"

# A plug-in that gives less than was asked for: exit 3, and the line to paste names its file.
cat > cheat.c <<'END'
#include <smh/engine.h>
struct smh_engine smh_engine_plugin;
static size_t one_less(const struct smh_heap *heap, const void *block)
{
    return smh_engine_best_fit.usable_size(heap, block) - 24;
}
__attribute__((constructor)) static void fill(void)
{
    smh_engine_plugin = smh_engine_best_fit;
    smh_engine_plugin.name = "cheat";
    smh_engine_plugin.usable_size = one_less;
}
END
gcc -std=c11 -Wall -Wextra -pedantic -fPIC -shared -I "$ROOT/include" -o "my cheat.so" cheat.c
"$SMH" run -q -e "./my cheat.so" --validate-every 5 "$small/tight.json"; echo "exit $?"
"$SMH" compare -q -e "bitmap,./my cheat.so" -p add_order "$small/tight.json"; echo "exit $?"
eval "$("$SMH" run -q -e "./my cheat.so" "$small/tight.json" 2>&1 | sed "s|^repeat: smh|'$SMH' -q|; s| -q run| run -q|")"; echo "exit $?"

# What is no regular file is written to, not replaced; what fails leaves nothing behind.
"$SMH" run -q --json /dev/null "$small/two_regions.json"; stat -c %F /dev/null
ln -s target.json link.json; "$SMH" run -q --json link.json "$small/two_regions.json"; stat -c %F link.json target.json
echo old > kept.packed; echo 'nonsense' | "$SMH" cache --pack kept.packed -; echo "exit $?"; cat kept.packed
"$SMH" cache --json /nowhere/x /dev/null > /dev/null; echo "exit $?"
"$SMH" run -q --json "$PWD" "$small/two_regions.json"; echo "exit $?"
ls | grep -c tmp
