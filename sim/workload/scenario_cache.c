/* scenario_cache.c: the caches of a scenario's machine.
 *
 * Owns: the keys under $.machine.l1 and $.machine.l2.
 * Invariants: a cache that loads has a power of two of sets, of lines of the machine's size.
 */
#include "scenario_load.h"

#include <inttypes.h>

#define CACHE_BYTES_MAX ((uint64_t)1 << 30)

static const struct smh_json_key l1_keys[] = {
    {"size", true},         {"ways", false},           {"policy", false}, {"hit_cycles", false},
    {"replacement", false}, {"write_allocate", false}, {"shared", false},
};
const struct smh_json_keys smh_keys_l1 = SMH_JSON_KEYS("$.machine.l1", l1_keys);

static const struct smh_json_key l2_keys[] = {
    {"size", true},        {"ways", false},        {"policy", false},
    {"hit_cycles", false}, {"replacement", false}, {"write_allocate", false},
};
const struct smh_json_keys smh_keys_l2 = SMH_JSON_KEYS("$.machine.l2", l2_keys);

static bool load_cache(struct smh_loader *loader, const json_t *object,
                       const struct smh_json_keys *keys, uint32_t hit_cycles,
                       struct smh_cache_config *cache)
{
    static const char *const policies[] = {"write-back", "write-through"};
    static const char *const replacements[] = {"lru", "plru", "random"};
    struct smh_json *json = &loader->json;
    uint32_t line_bytes = loader->scenario->machine.line_bytes;
    unsigned policy = 0;
    unsigned replacement = 0;
    cache->ways = 4;
    cache->hit_cycles = hit_cycles;
    if (!smh_json_object(json, object, keys) ||
        !smh_json_get_size(json, object, "size", 1, CACHE_BYTES_MAX, &cache->size_bytes) ||
        !smh_json_get_integer32(json, object, "ways", 1, 64, &cache->ways) ||
        !smh_json_get_choice(json, object, "policy", policies, 2, &policy) ||
        !smh_json_get_integer32(json, object, "hit_cycles", 1, 1000, &cache->hit_cycles) ||
        !smh_json_get_choice(json, object, "replacement", replacements, 3, &replacement)) {
        return false;
    }
    cache->policy = policy == 0 ? SMH_CACHE_WRITE_BACK : SMH_CACHE_WRITE_THROUGH;
    cache->replacement = (enum smh_cache_replacement)replacement;
    cache->write_allocate = cache->policy == SMH_CACHE_WRITE_BACK;
    if (!smh_json_get_bool(json, object, "write_allocate", &cache->write_allocate)) {
        return false;
    }
    if (cache->replacement == SMH_REPLACE_PLRU && (cache->ways & (cache->ways - 1)) != 0) {
        smh_json_enter(json, "ways");
        return smh_json_refuse(json, json_object_get(object, "ways"),
                               "a power of two with \"replacement\": \"plru\"");
    }
    uint64_t set_bytes = (uint64_t)cache->ways * line_bytes;
    uint64_t sets = cache->size_bytes / set_bytes;
    if (cache->size_bytes % set_bytes != 0 || (sets & (sets - 1)) != 0) {
        smh_json_enter(json, "size");
        return smh_json_refuse(json, json_object_get(object, "size"),
                               "a power of two times %" PRIu32 " ways of %" PRIu32 " bytes a line",
                               cache->ways, line_bytes);
    }
    return true;
}

bool smh_load_caches(struct smh_loader *loader, const json_t *machine)
{
    struct smh_machine_config *config = &loader->scenario->machine;
    const json_t *l1 = json_object_get(machine, "l1");
    const json_t *l2 = json_object_get(machine, "l2");
    size_t mark = smh_json_enter(&loader->json, "l1");
    if (l1 != NULL && (!load_cache(loader, l1, &smh_keys_l1, 1, &config->l1) ||
                       !smh_json_get_bool(&loader->json, l1, "shared", &config->l1_shared))) {
        return false;
    }
    smh_json_leave(&loader->json, mark);
    mark = smh_json_enter(&loader->json, "l2");
    if (l2 != NULL && l1 == NULL) {
        return smh_json_refuse(&loader->json, l2,
                               "only with \"l1\" (of cores that share one cache, that is l1 with "
                               "\"shared\": true)");
    }
    if (l2 != NULL && !load_cache(loader, l2, &smh_keys_l2, SMH_L2_HIT_CYCLES, &config->l2)) {
        return false;
    }
    smh_json_leave(&loader->json, mark);
    return true;
}
