/* scenario_load.h: what the parts of the scenario loader share.
 *
 * Owns: struct smh_loader, and the tables of keys, one for each object of the format.
 * Invariants: each part answers false exactly when it has set the error; what it has stored in the
 * scenario until then is freed by smh_scenario_free.
 */
#ifndef SMH_SIM_SCENARIO_LOAD_H
#define SMH_SIM_SCENARIO_LOAD_H

#include "scenario.h"
#include "scenario_json.h"

#define SMH_NAME_BYTES_MAX   63
#define SMH_OPS_MAX          1000000
#define SMH_PREFER_MAX       16
#define SMH_CORES_MAX        64
#define SMH_STORE_BUFFER_MAX 64
#define SMH_L2_HIT_CYCLES    8
#define SMH_STACK_ALIGN      ((uint64_t)8) /* of a buffer on the stack that asks for none */

struct smh_loader {
    struct smh_json json;
    struct smh_scenario *scenario;
    bool parse_traces;
};

/* scenario_machine.c; pool and attributes come before all that names an attribute. */
bool smh_load_pool(struct smh_loader *loader, const json_t *object);
bool smh_load_attributes(struct smh_loader *loader, const json_t *object);
bool smh_load_machine(struct smh_loader *loader, const json_t *object);
/* scenario_cache.c; the machine's line is known. */
bool smh_load_caches(struct smh_loader *loader, const json_t *machine);
/* The value of an attribute: a name, an integer or a list of them. text (may be NULL) becomes what
 * was written. */
bool smh_load_attr(struct smh_loader *loader, const json_t *value, uint32_t *attr, char **text);
/* scenario_workload.c */
bool smh_load_workload(struct smh_loader *loader, const json_t *array);
bool smh_load_prefer(struct smh_loader *loader, const json_t *array, struct smh_attr_list **list);
/* scenario_ops.c */
bool smh_load_ops(struct smh_loader *loader, const json_t *array, size_t actor);
/* scenario_generate.c */
bool smh_load_generator(struct smh_loader *loader, const json_t *object,
                        struct smh_generator_config *config);
void smh_generator_config_free(struct smh_generator_config *config);
/* scenario_expect.c */
bool smh_load_expect(struct smh_loader *loader, const json_t *object);

extern const struct smh_json_keys smh_keys_pool, smh_keys_machine, smh_keys_l1, smh_keys_l2;
extern const struct smh_json_keys smh_keys_region, smh_keys_alias;
extern const struct smh_json_keys smh_keys_actor, smh_keys_stack, smh_keys_operation;
extern const struct smh_json_keys smh_keys_generator, smh_keys_size, smh_keys_lifetime;
extern const struct smh_json_keys smh_keys_expect, smh_keys_failed, smh_keys_hazard;
extern const struct smh_json_keys smh_keys_expect_region;

#endif
