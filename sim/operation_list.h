/* operation_list.h: operations in memory, for benches, tests and fuzzers.
 *
 * Owns: a growing array of operations, filled from a source, and the source over it.
 */
#ifndef SMH_SIM_OPERATION_LIST_H
#define SMH_SIM_OPERATION_LIST_H

#include "operation.h"

struct smh_operation_list {
    struct smh_operation *operations;
    size_t count;
    size_t capacity;
};

/* Appends all that source yields and closes it. -1 with *error set. */
int smh_operation_list_collect(struct smh_operation_list *list, struct smh_source *source,
                               struct smh_error *error);
void smh_operation_list_free(struct smh_operation_list *list);
/* A source over the list, which must outlive it and not grow meanwhile. */
struct smh_source *smh_operation_list_open(const struct smh_operation_list *list);

#endif
