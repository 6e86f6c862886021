/* hardware_lines.c: on which core the allocator's lines are, and which it has stored to.
 *
 *     lines   | core 0 | core 0, stored | nobody | core 1, stored | ...     a byte a line
 */
#include "hardware_hit.h"

#include <string.h>

/* Writes a line back from a core's caches and drops it, at no cost: the port has done it. */
static void drop_line(struct smh_hardware *hardware, const struct smh_hardware_range *range,
                      uint64_t line, uint8_t core)
{
    uint64_t start = line << hardware->line_shift;
    struct smh_access flush = {.operation = hardware->access.operation,
                               .offset = start > range->skew ? start - range->skew : 0,
                               .bytes = 1,
                               .region = range->region,
                               .actor = hardware->access.actor,
                               .core = core,
                               .kind = SMH_ACCESS_FLUSH,
                               .by_allocator = true};
    (void)smh_memory_access(hardware->memory, &flush);
}

void smh_hardware_follow(struct smh_hardware *hardware, const struct smh_hardware_range *range,
                         const struct smh_access *access)
{
    uint64_t last = (access->offset + access->bytes - 1 + range->skew) >> hardware->line_shift;
    uint8_t stored = access->kind == SMH_ACCESS_STORE ? LINE_STORED : 0;
    for (uint64_t i = (access->offset + range->skew) >> hardware->line_shift; i <= last; i++) {
        uint8_t core = range->lines[i] & (uint8_t)~LINE_STORED;
        if (core == access->core + 1) {
            range->lines[i] |= stored;
            continue;
        }
        range->lines[i] = (uint8_t)(access->core + 1) | stored;
        if (core != 0) {
            smh_hit_forget(hardware->run, i);
            drop_line(hardware, range, i, (uint8_t)(core - 1));
            drop_line(hardware, range, i, access->core);
        }
    }
}

void smh_hardware_drop(struct smh_hardware *hardware, const struct smh_hardware_range *range,
                       uint64_t offset, uint64_t bytes)
{
    uint64_t from = offset + range->skew;
    uint64_t end = (from + bytes) >> hardware->line_shift;
    uint64_t i = (from + (1u << hardware->line_shift) - 1) >> hardware->line_shift;
    while (i < end) {
        uint64_t eight;
        memcpy(&eight, range->lines + i, sizeof(eight)); /* SMH_LINES_BEHIND more are there */
        if ((eight & LINE_STORED * UINT64_C(0x0101010101010101)) == 0) {
            i += 8;
            continue;
        }
        if ((range->lines[i] & LINE_STORED) != 0) {
            range->lines[i] &= (uint8_t)~LINE_STORED;
            smh_hit_forget(hardware->run, i);
            drop_line(hardware, range, i, (uint8_t)(range->lines[i] - 1));
        }
        i++;
    }
}
