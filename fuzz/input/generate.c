/* generate.c: inputs by chance. See generate.h; the meaning of each byte is in fuzz_input.c. */
#include "generate.h"

#include "../../sim/random.h"
#include "../../sim/workload/fuzz_input.h"

#include <stdbool.h>
#include <string.h>

#define PALETTE 4

/* Bytes of a record. */
enum { KIND, SLOT, SIZE_LOW, SIZE_HIGH, ALIGN, ATTR, ARGUMENT_LOW, ARGUMENT_HIGH };

enum mood { FILL, CHURN, DRAIN, RESIZE, MISUSE, ANY, MOODS };
enum order { ASCENDING, DESCENDING, EVERY_OTHER, RANDOM, ORDERS };

/* Kinds as the first byte of a record says them (fuzz_input.c, draws): eight choices a mood. */
static const uint8_t kinds[MOODS][8] = {
    [FILL] = {0, 0, 0, 0, 0, 11, 13, 22},       [CHURN] = {0, 0, 0, 13, 13, 22, 25, 11},
    [DRAIN] = {13, 13, 13, 13, 13, 13, 0, 22},  [RESIZE] = {22, 22, 22, 25, 25, 25, 0, 13},
    [MISUSE] = {30, 30, 31, 30, 0, 13, 29, 28}, [ANY] = {0, 13, 22, 25, 26, 27, 28, 29},
};

struct plan {
    struct smh_random random;
    uint16_t sizes[PALETTE];
    uint8_t aligns[PALETTE];
    uint8_t attrs[PALETTE];
    uint8_t slot;
};

static size_t below(struct plan *plan, size_t bound)
{
    return (size_t)smh_random_below(&plan->random, bound);
}

static bool one_in(struct plan *plan, size_t times)
{
    return below(plan, times) == 0;
}

/* Most regions are small: their edges are met more often, and inputs cost less. */
static void write_region(struct plan *plan, uint8_t *region, const uint8_t *first)
{
    for (size_t i = 0; i < 8; i++) {
        region[i] = (uint8_t)smh_random_next(&plan->random);
    }
    if (first != region && !one_in(plan, 3)) {
        region[0] = first[0]; /* of one engine all */
    }
    region[1] = (uint8_t)(one_in(plan, 4) ? region[1] : region[1] & ~1u);
    region[2] = one_in(plan, 3) ? region[2] : 0;
    region[3] = (uint8_t)(one_in(plan, 8) ? region[3] % 32 : below(plan, 6));
    region[4] = one_in(plan, 4) ? 0 : region[4]; /* a power of two, or half as much again */
    region[6] = (uint8_t)(one_in(plan, 2) ? region[6] : below(plan, 4));
}

static void write_header(struct plan *plan, uint8_t *header)
{
    memset(header, 0, SMH_FUZZ_HEADER_BYTES);
    uint16_t swarm = 0;
    for (unsigned group = 0; group <= SMH_FUZZ_GROUP_CHECK; group++) {
        swarm = (uint16_t)(swarm | (one_in(plan, 4) ? 1u << group : 0u));
    }
    if (!one_in(plan, 2)) {
        swarm &= (uint16_t) ~(1u << SMH_FUZZ_GROUP_FREE);
    }
    swarm = one_in(plan, 3) ? 0 : swarm;
    header[0] = (uint8_t)swarm;
    header[1] = (uint8_t)(swarm >> 8);
    header[2] = (uint8_t)below(plan, 256);
    header[3] = (uint8_t)(one_in(plan, 2) ? 0x80 | below(plan, 16) : 0);
    header[4] = (uint8_t)below(plan, 2);
    header[5] = (uint8_t)below(plan, 256);
    header[6] = (uint8_t)below(plan, SMH_FUZZ_REGIONS_MAX);
    for (size_t i = 0; i < SMH_FUZZ_REGIONS_MAX; i++) {
        write_region(plan, header + 8 + 8 * i, header + 8);
    }
}

/* Size classes of fuzz_input.c: 0 to 3 small, 4 to 2048, 5 edges, 6 shares of the region. */
static void choose_palette(struct plan *plan)
{
    static const uint8_t classes[8] = {0, 1, 3, 3, 5, 5, 6, 4};
    for (size_t i = 0; i < PALETTE; i++) {
        size_t low = below(plan, 1u << 13);
        size_t class = classes[below(plan, 8)];
        /* Shares of a region: mostly an eighth of it or less. */
        low = class == 6 && !one_in(plan, 4) ? low / 8 : low;
        plan->sizes[i] = (uint16_t)(class << 13 | low);
        plan->aligns[i] = (uint8_t)(one_in(plan, 3) ? 144 + below(plan, 112) : 0);
        plan->attrs[i] = (uint8_t)(one_in(plan, 6) ? below(plan, 256) : below(plan, 8));
    }
}

static uint8_t next_slot(struct plan *plan, enum order order)
{
    switch (order) {
    case ASCENDING:
        return plan->slot++;
    case DESCENDING:
        return plan->slot--;
    case EVERY_OTHER:
        plan->slot = (uint8_t)(plan->slot + 2);
        return plan->slot;
    default:
        return (uint8_t)below(plan, SMH_FUZZ_SLOTS);
    }
}

static void write_record(struct plan *plan, uint8_t *record, enum mood mood, enum order order)
{
    for (size_t i = 0; i < SMH_FUZZ_RECORD_BYTES; i++) {
        record[i] = (uint8_t)smh_random_next(&plan->random);
    }
    uint8_t kind = kinds[mood][below(plan, 8)];
    record[KIND] = (uint8_t)(one_in(plan, 16) ? record[KIND] : kind | (record[KIND] & 0xE0));
    record[SLOT] = next_slot(plan, order);
    if (!one_in(plan, 6)) {
        uint16_t size = plan->sizes[below(plan, PALETTE)];
        size = (uint16_t)(one_in(plan, 4) ? size + below(plan, 17) - 8 : size);
        record[SIZE_LOW] = (uint8_t)size;
        record[SIZE_HIGH] = (uint8_t)(size >> 8);
    }
    record[ALIGN] = one_in(plan, 6) ? record[ALIGN] : plan->aligns[below(plan, PALETTE)];
    record[ATTR] = one_in(plan, 6) ? record[ATTR] : plan->attrs[below(plan, PALETTE)];
}

size_t fuzz_generate(uint8_t *bytes, size_t max_size, uint64_t seed)
{
    struct plan plan = {.slot = 0};
    if (max_size < SMH_FUZZ_HEADER_BYTES) {
        return 0;
    }
    smh_random_init(&plan.random, seed, 2);
    write_header(&plan, bytes);
    size_t size = SMH_FUZZ_HEADER_BYTES;
    size_t phases = 1 + below(&plan, one_in(&plan, 8) ? 12 : 5);
    choose_palette(&plan);
    for (size_t phase = 0; phase < phases; phase++) {
        enum mood mood = phase == 0 ? FILL : (enum mood)below(&plan, MOODS);
        enum order order = (enum order)below(&plan, ORDERS);
        if (one_in(&plan, 3)) {
            choose_palette(&plan);
        }
        plan.slot = (uint8_t)below(&plan, SMH_FUZZ_SLOTS);
        for (size_t n = 4 + below(&plan, one_in(&plan, 4) ? 57 : 17);
             n > 0 && max_size - size >= SMH_FUZZ_RECORD_BYTES; n--) {
            write_record(&plan, bytes + size, mood, order);
            size += SMH_FUZZ_RECORD_BYTES;
        }
    }
    return size;
}
