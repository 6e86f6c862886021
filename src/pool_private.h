/* SPDX-License-Identifier: Apache-2.0 */
/* pool_private.h: what pool.c and pool_request.c share.
 *
 * Owns: taking the locks, and reading what an add may be changing.
 * Invariants: every lock of a pool is taken through here; plain loads and stores only.
 */
#ifndef SMH_POOL_PRIVATE_H
#define SMH_POOL_PRIVATE_H

#include <smh/pool.h>
#include <smh/port.h>

#define SMH_POOL_MAGIC 0x706f6f6cu

static inline bool smh_pool_ready(const struct smh_pool *pool)
{
    return pool != NULL && __atomic_load_n(&pool->initialised, __ATOMIC_ACQUIRE) == SMH_POOL_MAGIC;
}

static inline uint32_t smh_pool_published(const struct smh_pool *pool)
{
    return __atomic_load_n(&pool->region_count, __ATOMIC_ACQUIRE);
}

static inline void smh_pool_lock_slot(const struct smh_pool *pool, struct smh_pool_slot *slot)
{
    if (!pool->unlocked) {
        smh_port_lock(&slot->lock);
    }
}

static inline void smh_pool_unlock_slot(const struct smh_pool *pool, struct smh_pool_slot *slot)
{
    if (!pool->unlocked) {
        smh_port_unlock(&slot->lock);
    }
}

static inline void smh_pool_lock(struct smh_pool *pool)
{
    if (!pool->unlocked) {
        smh_port_lock(&pool->lock);
    }
}

static inline void smh_pool_unlock(struct smh_pool *pool)
{
    if (!pool->unlocked) {
        smh_port_unlock(&pool->lock);
    }
}

static inline bool smh_pool_matches(const struct smh_pool *pool, const struct smh_pool_slot *slot,
                                    uint32_t attr)
{
    if (pool->match == smh_match_equal) {
        return slot->region.attr == attr; /* spares the usual cases a call */
    }
    if (pool->match == smh_match_all_bits) {
        return (slot->region.attr & attr) == attr;
    }
    return pool->match(slot->region.attr, attr);
}

enum smh_pool_order { SMH_BY_RANK, SMH_BY_ADDRESS };

static inline uint16_t *smh_pool_order_entry(const struct smh_pool *pool, enum smh_pool_order order,
                                             uint32_t index)
{
    struct smh_pool_slot *slot = &pool->slots[index];

    return order == SMH_BY_RANK ? &slot->by_rank : &slot->by_address;
}

static inline uint16_t smh_pool_order_get(const struct smh_pool *pool, enum smh_pool_order order,
                                          uint32_t index)
{
    return __atomic_load_n(smh_pool_order_entry(pool, order, index), __ATOMIC_ACQUIRE);
}

/* Makes a pool, which is all zero but for its lock, an empty one with the defaults of
 * smh_pool_config. Who calls this instead of smh_pool_init links less. */
void smh_pool_begin(struct smh_pool *pool);

/* Tries the regions that match in turn, as pool->allocate: in a fixed order, or by ranks that
 * change. `skip` has been tried before, or is NULL. */
void *smh_pool_allocate_in_order(struct smh_pool *pool, const struct smh_pool_slot *skip,
                                 uint32_t attr, size_t align, size_t bytes);
void *smh_pool_allocate_by_rank(struct smh_pool *pool, const struct smh_pool_slot *skip,
                                uint32_t attr, size_t align, size_t bytes);

/* The slot that holds address, or NULL: also when the pool is NULL or not initialised. */
struct smh_pool_slot *smh_pool_slot_of(const struct smh_pool *pool, const void *address);

#endif
