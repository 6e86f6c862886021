/* operation.c: the names of the operations.
 *
 * Owns: the one table that scenarios, traces and reports read.
 */
#include "operation.h"

static const char *const names[SMH_OPERATION_KIND_COUNT] = {
    [SMH_OPERATION_ALLOC] = "alloc",       [SMH_OPERATION_CALLOC] = "calloc",
    [SMH_OPERATION_REALLOC] = "realloc",   [SMH_OPERATION_FREE] = "free",
    [SMH_OPERATION_CPU_READ] = "cpu_read", [SMH_OPERATION_CPU_WRITE] = "cpu_write",
    [SMH_OPERATION_DMA_READ] = "dma_read", [SMH_OPERATION_DMA_WRITE] = "dma_write",
    [SMH_OPERATION_CLEAN] = "clean",       [SMH_OPERATION_INVALIDATE] = "invalidate",
    [SMH_OPERATION_FLUSH] = "flush",       [SMH_OPERATION_BARRIER] = "barrier",
    [SMH_OPERATION_STACK] = "stack",
};

const char *smh_operation_name(enum smh_operation_kind kind)
{
    return (unsigned)kind < SMH_OPERATION_KIND_COUNT ? names[kind] : "unknown";
}
