/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c: several regions behind one door.
 *
 * Owns: regions and their slots, the order in which they are tried, the way from an address to its
 * region, and the questions that change nothing. Requests are in pool_request.c.
 *
 *     slots           0      1      2        in the order of adding, never moved or removed
 *     region          0x40   0x10   0x20
 *     by_rank         0      1      2        slot numbers by a fixed policy's rank: tried in turn
 *     by_address      1      2      0        slot numbers by ascending address, ...
 *     address_at      0x10   0x20   0x40     ... and those addresses: searched by halves
 *
 * Readers take no lock to find a region. Slots below region_count are complete and never change
 * but for their heaps. add() shifts the two orders from the top down, an entry at a time, so that a
 * reader who goes upwards meets every region at least once; who searches by halves may miss one,
 * sees that by `version`, and reads the slots in turn instead: nobody ever waits for an add, not
 * even an interrupt that came in the middle of one. Loads and stores only, no read-modify-write
 * (Cortex-M0 has none).
 *
 * Invariants: a slot's heap is touched under its lock (or by the one owner of an unlocked pool);
 * no two locks are held at a time; nothing of the user's is copied or cleared under one.
 */
#include "pool_private.h"

#define SLOT_COUNT_MAX 65535u

void smh_pool_begin(struct smh_pool *pool)
{
    pool->match = smh_match_equal;
    pool->policy = &smh_policy_add_order;
    pool->allocate = smh_pool_allocate_in_order;
    pool->slots = pool->built_in;
    pool->slot_count = SMH_POOL_REGION_COUNT;
    pool->threshold_bytes = SMH_POOL_THRESHOLD_DEFAULT;
    __atomic_store_n(&pool->initialised, SMH_POOL_MAGIC, __ATOMIC_RELEASE);
}

int smh_pool_init(struct smh_pool *pool, const struct smh_pool_config *config)
{
    if (pool == NULL) {
        return -EINVAL;
    }
    __atomic_store_n(&pool->initialised, 0, __ATOMIC_RELAXED);
    if (config != NULL && ((config->slots != NULL && config->slot_count - 1 >= SLOT_COUNT_MAX) ||
                           (config->policy != NULL && config->policy->rank == NULL))) {
        return -EINVAL;
    }
    memset(pool, 0, sizeof(*pool));
    smh_port_lock_init(&pool->lock);
    smh_pool_begin(pool);
    if (config == NULL) {
        return 0;
    }
    pool->unlocked = config->unlocked;
    if (config->match != NULL) {
        pool->match = config->match;
    }
    if (config->threshold_bytes != 0) {
        pool->threshold_bytes = config->threshold_bytes;
    }
    if (config->policy != NULL) {
        pool->policy = config->policy;
        if (!config->policy->fixed) {
            pool->allocate = smh_pool_allocate_by_rank;
        }
    }
    if (config->slots != NULL) {
        pool->slots = config->slots;
        pool->slot_count = (uint32_t)config->slot_count;
        memset(pool->slots, 0, pool->slot_count * sizeof(pool->slots[0]));
    }
    return 0;
}

/* The two orders. */

static void order_put(const struct smh_pool *pool, enum smh_pool_order order, uint32_t index,
                      uint32_t number)
{
    __atomic_store_n(smh_pool_order_entry(pool, order, index), (uint16_t)number, __ATOMIC_RELEASE);
    if (order == SMH_BY_ADDRESS) {
        __atomic_store_n(&pool->slots[index].address_at, pool->slots[number].region.addr,
                         __ATOMIC_RELEASE);
    }
}

/* Whether the slot `left` comes before the new slot `right`. */
static bool comes_before(const struct smh_pool *pool, enum smh_pool_order order,
                         const struct smh_pool_slot *left, const struct smh_pool_slot *right)
{
    if (order == SMH_BY_ADDRESS) {
        return left->region.addr < right->region.addr;
    }
    return !pool->policy->fixed ||
           pool->policy->rank(left, 0, 0) <= pool->policy->rank(right, 0, 0);
}

/* Puts the new slot, number `count`, into an order:
 *
 *     a b d 0        published, the new entry is that of slot 0, as all are from init on: valid
 *     a b d d        shifted from the top down ...
 *     a b c d        ... until the place of the new slot, c, is found
 */
static void order_insert(const struct smh_pool *pool, enum smh_pool_order order, uint32_t count)
{
    const struct smh_pool_slot *added = &pool->slots[count];
    uint32_t index = count;

    while (index > 0) {
        uint32_t below = smh_pool_order_get(pool, order, index - 1);

        if (comes_before(pool, order, &pool->slots[below], added)) {
            break;
        }
        order_put(pool, order, index, below);
        index--;
    }
    order_put(pool, order, index, count);
}

/* Lets readers see the slot behind the last one. */
static void publish(struct smh_pool *pool)
{
    uint32_t count = pool->region_count;
    uint32_t version = pool->version;

    __atomic_store_n(&pool->version, version + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&pool->region_count, count + 1, __ATOMIC_RELEASE);
    if ((count & (count + 1)) == 0) {
        __atomic_store_n(&pool->search_span, count + 1, __ATOMIC_RELEASE);
    }
    order_insert(pool, SMH_BY_RANK, count);
    order_insert(pool, SMH_BY_ADDRESS, count);
    __atomic_store_n(&pool->version, version + 2, __ATOMIC_RELEASE);
}

static bool overlaps_any(const struct smh_pool *pool, const struct smh_region *region)
{
    for (uint32_t i = 0; i < pool->region_count; i++) {
        const struct smh_region *other = &pool->slots[i].region;

        if (region->addr - other->addr < other->size || other->addr - region->addr < region->size) {
            return true;
        }
    }
    return false;
}

/* smh_pool_add with the adding lock held and the region's own numbers checked. */
static int add_locked(struct smh_pool *pool, const struct smh_region *region)
{
    struct smh_heap_config config = {
        .memory = (void *)region->addr,
        .memory_size = region->size,
        .metadata = region->metadata,
        .metadata_size = region->metadata_size,
        .granule = region->granule,
        .target_bits = region->target_bits,
        .engine = region->engine,
    };
    struct smh_pool_slot *slot;
    int result;

    if (overlaps_any(pool, region)) {
        return -EEXIST;
    }
    if (pool->region_count == pool->slot_count) {
        return -ENOSPC;
    }
    slot = &pool->slots[pool->region_count];
    result = smh_heap_init(&slot->heap, &config);
    if (result != 0) {
        return result;
    }
    slot->region = *region;
    smh_port_lock_init(&slot->lock);
    publish(pool);
    return 0;
}

int smh_pool_add(struct smh_pool *pool, const struct smh_region *region)
{
    int result;

    if (!smh_pool_ready(pool) || region == NULL || region->size == 0) {
        return -EINVAL;
    }
    if (region->addr == 0 || (region->addr & 7) != 0) {
        return -EFAULT;
    }
    if (region->size > UINTPTR_MAX - region->addr) {
        return -EOVERFLOW;
    }
    smh_pool_lock(pool);
    result = add_locked(pool, region);
    smh_pool_unlock(pool);
    return result;
}

/* `entry`, or the one `step` above it where that starts at or below address. Without a branch. */
static inline const struct smh_pool_slot *higher(const struct smh_pool_slot *entry, size_t step,
                                                 uintptr_t address)
{
    const struct smh_pool_slot *probe = entry + step;

    return address >= __atomic_load_n(&probe->address_at, __ATOMIC_ACQUIRE) ? probe : entry;
}

/* The last steps of a search: half of span, a quarter, ... 1. On large machines unrolled, where a
 * step of constant size takes half as many instructions. */
#if UINTPTR_MAX > 0xffffffffu
#define SPAN_UNROLLED 256u
static inline const struct smh_pool_slot *search_unrolled(const struct smh_pool_slot *entry,
                                                          uint32_t span, uintptr_t address)
{
    switch (span) {
    case 256:
        entry = higher(entry, 128, address); /* fall through */
    case 128:
        entry = higher(entry, 64, address); /* fall through */
    case 64:
        entry = higher(entry, 32, address); /* fall through */
    case 32:
        entry = higher(entry, 16, address); /* fall through */
    case 16:
        entry = higher(entry, 8, address); /* fall through */
    case 8:
        entry = higher(entry, 4, address); /* fall through */
    case 4:
        entry = higher(entry, 2, address); /* fall through */
    case 2:
        entry = higher(entry, 1, address); /* fall through */
    default:
        return entry;
    }
}
#else
#define SPAN_UNROLLED 1u
static inline const struct smh_pool_slot *search_unrolled(const struct smh_pool_slot *entry,
                                                          uint32_t span, uintptr_t address)
{
    (void)span;
    (void)address;
    return entry;
}
#endif

/* The entry of the order by address for the last region that starts at or below address; the first
 * when none does; NULL when there is none. The span is a power of two:
 *
 *     |<-- count - span -->|<------------- span ------------->|     one comparison chooses between
 *     |<------------- span ------------->|                          the last span and the first,
 *                                                                   then halves of it, to one entry
 */
static const struct smh_pool_slot *search(const struct smh_pool *pool, uintptr_t address)
{
    /* In this order: an add publishes the span last, so that it never exceeds the count. */
    uint32_t span = __atomic_load_n(&pool->search_span, __ATOMIC_ACQUIRE);
    const struct smh_pool_slot *entry = pool->slots;

    if (span == 0) {
        return NULL;
    }
    entry = higher(entry, smh_pool_published(pool) - span, address);
    while (span > SPAN_UNROLLED) {
        span >>= 1;
        entry = higher(entry, span, address);
    }
    return search_unrolled(entry, span, address);
}

static inline bool holds(const struct smh_pool_slot *slot, const void *address)
{
    return (uintptr_t)address - slot->region.addr < slot->region.size;
}

struct smh_pool_slot *smh_pool_slot_of(const struct smh_pool *pool, const void *address)
{
    const struct smh_pool_slot *entry;
    uint32_t version;

    if (!smh_pool_ready(pool)) {
        return NULL;
    }
    version = __atomic_load_n(&pool->version, __ATOMIC_ACQUIRE);
    entry = search(pool, (uintptr_t)address);
    if (entry != NULL) {
        struct smh_pool_slot *slot =
            &pool->slots[__atomic_load_n(&entry->by_address, __ATOMIC_ACQUIRE)];

        if (holds(slot, address)) {
            return slot;
        }
    }
    if ((version & 1) == 0 && __atomic_load_n(&pool->version, __ATOMIC_RELAXED) == version) {
        return NULL;
    }
    for (uint32_t i = 0; i < smh_pool_published(pool); i++) {
        if (holds(&pool->slots[i], address)) {
            return &pool->slots[i];
        }
    }
    return NULL;
}

/* Questions. */

int smh_pool_verdict(const struct smh_pool *pool, const void *block)
{
    struct smh_pool_slot *slot;
    int result;

    if (block == NULL) {
        return -EINVAL;
    }
    slot = smh_pool_slot_of(pool, block);
    if (slot == NULL) {
        return -ENOENT;
    }
    smh_pool_lock_slot(pool, slot);
    result = smh_heap_verdict(&slot->heap, block);
    smh_pool_unlock_slot(pool, slot);
    return result;
}

size_t smh_pool_usable_size(const struct smh_pool *pool, const void *block)
{
    struct smh_pool_slot *slot = smh_pool_slot_of(pool, block);
    size_t usable;

    if (slot == NULL) {
        return 0;
    }
    smh_pool_lock_slot(pool, slot);
    usable = smh_heap_usable_size(&slot->heap, block);
    smh_pool_unlock_slot(pool, slot);
    return usable;
}

const struct smh_region *smh_pool_region_of(const struct smh_pool *pool, const void *block)
{
    const struct smh_pool_slot *slot = smh_pool_slot_of(pool, block);

    return slot == NULL ? NULL : &slot->region;
}

int smh_pool_index_of(const struct smh_pool *pool, const void *address)
{
    const struct smh_pool_slot *slot = smh_pool_slot_of(pool, address);

    return slot == NULL ? -ENOENT : (int)(slot - pool->slots);
}

size_t smh_pool_region_count(const struct smh_pool *pool)
{
    return smh_pool_ready(pool) ? smh_pool_published(pool) : 0;
}

const struct smh_region *smh_pool_region_at(const struct smh_pool *pool, size_t index)
{
    return index < smh_pool_region_count(pool) ? &pool->slots[index].region : NULL;
}

const struct smh_heap *smh_pool_heap_at(const struct smh_pool *pool, size_t index)
{
    return index < smh_pool_region_count(pool) ? &pool->slots[index].heap : NULL;
}

static void add_up(struct smh_stats *sum, const struct smh_stats *one)
{
    sum->region_count += one->region_count;
    sum->memory_bytes += one->memory_bytes;
    sum->capacity_bytes += one->capacity_bytes;
    sum->used_bytes += one->used_bytes;
    sum->peak_used_bytes += one->peak_used_bytes;
    sum->free_bytes += one->free_bytes;
    if (one->largest_free_bytes > sum->largest_free_bytes) {
        sum->largest_free_bytes = one->largest_free_bytes;
    }
    sum->live_blocks += one->live_blocks;
    sum->allocated_blocks += one->allocated_blocks;
    sum->freed_blocks += one->freed_blocks;
    sum->failed_requests += one->failed_requests;
}

int smh_pool_stats(const struct smh_pool *pool, uint32_t attr_or_any, struct smh_stats *stats)
{
    if (stats == NULL) {
        return -EINVAL;
    }
    memset(stats, 0, sizeof(*stats));
    if (!smh_pool_ready(pool)) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < smh_pool_published(pool); i++) {
        struct smh_pool_slot *slot = &pool->slots[i];
        struct smh_stats one;

        if (attr_or_any != SMH_ATTR_ANY && slot->region.attr != attr_or_any) {
            continue;
        }
        smh_pool_lock_slot(pool, slot);
        smh_heap_stats(&slot->heap, &one);
        smh_pool_unlock_slot(pool, slot);
        add_up(stats, &one);
    }
    if (stats->region_count == 0) {
        return -ENOENT;
    }
    if (attr_or_any == SMH_ATTR_ANY) {
        struct smh_pool *locked = (struct smh_pool *)(uintptr_t)pool; /* for its lock alone */

        smh_pool_lock(locked);
        stats->failed_requests = pool->failed_requests;
        smh_pool_unlock(locked);
    }
    return 0;
}

int smh_pool_check(const struct smh_pool *pool, struct smh_fault *fault, size_t *index)
{
    if (fault != NULL) {
        fault->rule = "the pool is initialised";
        fault->offset = 0;
    }
    if (index != NULL) {
        *index = 0;
    }
    if (!smh_pool_ready(pool)) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < smh_pool_published(pool); i++) {
        struct smh_pool_slot *slot = &pool->slots[i];
        int result;

        smh_pool_lock_slot(pool, slot);
        result = smh_heap_check(&slot->heap, fault);
        smh_pool_unlock_slot(pool, slot);
        if (result != 0) {
            if (index != NULL) {
                *index = i;
            }
            return result;
        }
    }
    return 0;
}
