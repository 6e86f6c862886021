/* core.c: the tables of the two copies of the core. See core.h.
 *
 * The traced copy's functions have the names of the plain ones behind "smh_traced_" (the Makefile
 * renames them), and their types.
 */
#include "core.h"

extern __typeof__(smh_pool_init) smh_traced_smh_pool_init;
extern __typeof__(smh_pool_add) smh_traced_smh_pool_add;
extern __typeof__(smh_pool_aligned_alloc) smh_traced_smh_pool_aligned_alloc;
extern __typeof__(smh_pool_calloc) smh_traced_smh_pool_calloc;
extern __typeof__(smh_pool_alloc_prefer) smh_traced_smh_pool_alloc_prefer;
extern __typeof__(smh_pool_realloc) smh_traced_smh_pool_realloc;
extern __typeof__(smh_pool_aligned_realloc) smh_traced_smh_pool_aligned_realloc;
extern __typeof__(smh_pool_free) smh_traced_smh_pool_free;
extern __typeof__(smh_engine_find) smh_traced_smh_engine_find;
extern __typeof__(smh_policy_find) smh_traced_smh_policy_find;

const struct smh_core smh_core_plain = {
    .traced = false,
    .pool_init = smh_pool_init,
    .pool_add = smh_pool_add,
    .pool_aligned_alloc = smh_pool_aligned_alloc,
    .pool_calloc = smh_pool_calloc,
    .pool_alloc_prefer = smh_pool_alloc_prefer,
    .pool_realloc = smh_pool_realloc,
    .pool_aligned_realloc = smh_pool_aligned_realloc,
    .pool_free = smh_pool_free,
    .engine_find = smh_engine_find,
    .policy_find = smh_policy_find,
};

const struct smh_core smh_core_traced = {
    .traced = true,
    .pool_init = smh_traced_smh_pool_init,
    .pool_add = smh_traced_smh_pool_add,
    .pool_aligned_alloc = smh_traced_smh_pool_aligned_alloc,
    .pool_calloc = smh_traced_smh_pool_calloc,
    .pool_alloc_prefer = smh_traced_smh_pool_alloc_prefer,
    .pool_realloc = smh_traced_smh_pool_realloc,
    .pool_aligned_realloc = smh_traced_smh_pool_aligned_realloc,
    .pool_free = smh_traced_smh_pool_free,
    .engine_find = smh_traced_smh_engine_find,
    .policy_find = smh_traced_smh_policy_find,
};
