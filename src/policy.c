/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c: which region serves a request first.
 *
 * Owns: the matching functions and the table of policies.
 *
 *     regions that match     rank of each     tried in this order
 *     A  B  C            ->  7  3  3      ->  B  C  A        (ties: the order of adding)
 *
 * Invariants: matching is pure; a rank depends on the slot and the request alone, and reads nothing
 * but what smh_policy allows it to. Which request is a large one, and who has served, the pool
 * says.
 */
#include "heap_private.h"
#include "text.h"

#include <smh/pool.h>

bool smh_match_equal(uint32_t region_attr, uint32_t request_attr)
{
    return region_attr == request_attr;
}

bool smh_match_all_bits(uint32_t region_attr, uint32_t request_attr)
{
    return (region_attr & request_attr) == request_attr;
}

static uint64_t rank_add_order(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    (void)slot;
    (void)align;
    (void)bytes;
    return 0;
}

static uint64_t rank_address(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    (void)align;
    (void)bytes;
    return slot->region.addr;
}

static uint64_t rank_smallest_region(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    (void)align;
    (void)bytes;
    return slot->region.size;
}

/* What does not suffice comes after everything that does: the upper half of the ranks. A request
 * with an alignment is judged by its bytes; a region that then fails is followed by the next. */
static uint64_t rank_best_fit(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    uint64_t largest = smh_engine_of(slot->heap.engine)->largest_free(&slot->heap);

    (void)align;
    return largest >= bytes ? largest : UINT64_MAX - largest;
}

static uint64_t rank_most_free(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    (void)align;
    (void)bytes;
    return UINT64_MAX - (uint64_t)(slot->heap.capacity_bytes - slot->heap.used_bytes);
}

static uint64_t rank_round_robin(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    (void)align;
    (void)bytes;
    return __atomic_load_n(&slot->turn, __ATOMIC_RELAXED);
}

static uint64_t rank_tiered(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    (void)align;
    (void)bytes;
    return slot->region.priority;
}

static uint64_t rank_fastest(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    (void)align;
    (void)bytes;
    return slot->region.cost;
}

static uint64_t rank_slowest(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    (void)align;
    (void)bytes;
    return UINT32_MAX - slot->region.cost;
}

const struct smh_policy smh_policy_add_order = {
    .name = "add_order",
    .summary = "regions in the order in which they were added (Zephyr)",
    .fixed = true,
    .rank = rank_add_order,
};

const struct smh_policy smh_policy_address = {
    .name = "address",
    .summary = "regions by ascending address",
    .fixed = true,
    .rank = rank_address,
};

const struct smh_policy smh_policy_smallest_region = {
    .name = "smallest_region",
    .summary = "the smallest region first",
    .fixed = true,
    .rank = rank_smallest_region,
};

const struct smh_policy smh_policy_best_fit = {
    .name = "best_fit",
    .summary = "the region whose largest free block fits most tightly first",
    .fixed = false,
    .rank = rank_best_fit,
};

const struct smh_policy smh_policy_most_free = {
    .name = "most_free",
    .summary = "the region with the most free bytes first",
    .fixed = false,
    .rank = rank_most_free,
};

const struct smh_policy smh_policy_round_robin = {
    .name = "round_robin",
    .summary = "the region that has not served for the longest time first",
    .rank = rank_round_robin,
    .lockless = true,
    .rotates = true,
};

const struct smh_policy smh_policy_size_threshold = {
    .name = "size_threshold",
    .summary = "small requests: the least cost first; large ones: the highest (ESP-IDF)",
    .rank = rank_fastest,
    .rank_large = rank_slowest,
    .lockless = true,
};

const struct smh_policy smh_policy_tiered = {
    .name = "tiered",
    .summary = "the lowest priority number first; others only when it cannot serve",
    .fixed = true,
    .rank = rank_tiered,
};

const struct smh_policy smh_policy_fastest = {
    .name = "fastest",
    .summary = "the region of least cost first",
    .fixed = true,
    .rank = rank_fastest,
};

/* In this order for ever: fuzz inputs name policies by number. */
static const struct smh_policy *const policies[] = {
    &smh_policy_add_order,       &smh_policy_address,
    &smh_policy_smallest_region, &smh_policy_best_fit,
    &smh_policy_most_free,       &smh_policy_round_robin,
    &smh_policy_size_threshold,  &smh_policy_tiered,
    &smh_policy_fastest,         NULL,
};

const struct smh_policy *smh_policy_at(size_t index)
{
    size_t i = 0;

    while (policies[i] != NULL && i != index) {
        i++;
    }
    return policies[i];
}

const struct smh_policy *smh_policy_find(const char *name)
{
    if (name == NULL) {
        return NULL;
    }
    for (size_t i = 0; policies[i] != NULL; i++) {
        if (smh_same_text(policies[i]->name, name)) {
            return policies[i];
        }
    }
    return NULL;
}
