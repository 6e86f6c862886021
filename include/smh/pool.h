/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h: several regions with attributes, behind one door.
 *
 * Owns: the contract of smh_pool_*: which region serves a request (matching and policy), who owns
 * a pointer, and the locks.
 *
 *     request (attr, align, bytes) -> match: which regions may serve -> policy: in which order
 *                                  -> the first whose heap can
 *
 * Invariants: regions never overlap; they are only ever added. One lock per region guards its heap
 * and one lock guards adding; no two are held at a time, and no payload is copied under one.
 */
#ifndef SMH_POOL_H
#define SMH_POOL_H

#include <smh/engine.h>
#include <smh/heap.h>
#include <smh/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Slots built into a struct smh_pool; a pool with more brings its own (smh_pool_config.slots). */
#ifndef SMH_POOL_REGION_COUNT
#define SMH_POOL_REGION_COUNT 16
#endif

/* A region, as added and as read back. All zero but addr and size is valid. */
struct smh_region {
    uint32_t attr;                   /* opaque to the pool but for the matching function */
    uintptr_t addr;                  /* first byte; a multiple of 8 */
    size_t size;                     /* bytes */
    const char *name;                /* for reports; kept, not copied; may be NULL */
    const struct smh_engine *engine; /* NULL: SMH_ENGINE_DEFAULT */
    size_t granule;                  /* as in smh_heap_config */
    unsigned target_bits;            /* as in smh_heap_config */
    void *metadata;                  /* as in smh_heap_config */
    size_t metadata_size;
    /* Bytes of the region that only requests for exactly its attribute value may use: a request
     * that matches otherwise is served only while largest-free would stay at or above it (known
     * by trying: such a request may cost an alloc, a free and two largest_free of the engine). */
    size_t reserve_bytes;
    uint32_t cost;     /* latency, in any unit; for the policies fastest and size_threshold */
    uint32_t priority; /* 0 is the highest; for the policy tiered */
    void *user_data;   /* the caller's; read back by smh_pool_region_of */
};

/* Whether a region with region_attr may serve a request for request_attr. Pure. */
typedef bool (*smh_match)(uint32_t region_attr, uint32_t request_attr);
bool smh_match_equal(uint32_t region_attr, uint32_t request_attr); /* Zephyr's */
bool smh_match_all_bits(
    uint32_t region_attr,
    uint32_t request_attr); /* every bit asked for is there; 0 asks for nothing, matches all */

struct smh_pool_slot;
struct smh_pool;

/* A policy orders the regions that match: lower rank first, ties in add order.
 *
 *     fixed               sorted when a region is added: a request pays for what it tries
 *     not fixed           ranks are asked per request: O(regions) for each region tried, each under
 *                         its slot's lock unless lockless
 *
 * Where a block grows, its own region comes first whatever the policy says (smh_pool_realloc). */
struct smh_policy {
    const char *name;
    const char *summary;
    bool fixed; /* rank never changes once the region is added: neither request nor fill count */
    /* The rank of a slot for a request. Reads the slot's heap only under the slot's lock, which
     * the pool holds during the call unless fixed or lockless. */
    uint64_t (*rank)(const struct smh_pool_slot *slot, size_t align, size_t bytes);
    /* The rank for requests above the pool's threshold_bytes; NULL: rank. Not where fixed. */
    uint64_t (*rank_large)(const struct smh_pool_slot *slot, size_t align, size_t bytes);
    bool lockless; /* ranks read nothing that the slot's lock guards: it is not taken for them */
    bool rotates;  /* the pool keeps slot->turn, the later the more recently the slot has served.
                    * Not where fixed. */
};
extern const struct smh_policy smh_policy_add_order;       /* Zephyr: the order of adding */
extern const struct smh_policy smh_policy_address;         /* ascending address */
extern const struct smh_policy smh_policy_smallest_region; /* smallest size first */
extern const struct smh_policy
    smh_policy_best_fit;                             /* smallest largest-free that suffices first,
                                                        the others after by descending largest-free */
extern const struct smh_policy smh_policy_most_free; /* most free bytes first */
/* The region that has not served for the longest time first, those that never have in add order: of
 * any set of regions that match a request, as long as all can serve, each in turn. A region that
 * was tried in vain keeps its turn; resizing, in place or within a region, takes none. One thread
 * meets the exact order. Of several that ask at the same time, two may be given the same region;
 * nothing is waited for. After 2^32 - 1 requests served all turns begin anew. */
extern const struct smh_policy smh_policy_round_robin;
/* Requests of up to the pool's threshold_bytes: ascending cost; larger ones: descending cost. The
 * preferred memory being full, the next serves, so nothing fails that would not fail elsewhere: as
 * ESP-IDF's malloc with SPIRAM_MALLOC_ALWAYSINTERNAL. The bytes asked for count, for realloc too.
 */
extern const struct smh_policy smh_policy_size_threshold;
/* Ascending priority: a tier is touched only when no region of those before it could serve
 * (ESP-IDF's priorities of capabilities are such tiers). */
extern const struct smh_policy smh_policy_tiered;
extern const struct smh_policy smh_policy_fastest; /* ascending cost */
/* The i-th policy, in the order of `smh list policies`; NULL past the last. */
const struct smh_policy *smh_policy_at(size_t index);
/* By name; NULL when there is none. */
const struct smh_policy *smh_policy_find(const char *name);

/* A region in its pool. The fields are the core's.
 *
 *     | orders, region: read by all threads | heap, lock: by who holds the lock | apart | orders
 * ...
 *
 * Where processors have caches of their own, what every thread reads is a line away from what the
 * holder of the lock writes, wherever slots lie: two threads on two regions do not slow each other.
 * Of region the search and the match read the beginning, whose end is then far enough from heap.
 * Machines of 32 bits, taken to be small, spend nothing on it. */
struct smh_pool_slot {
    uintptr_t address_at; /* address of the region that is the i-th by address, i = this slot */
    uint16_t by_address;  /* its slot number */
    uint16_t by_rank;     /* slot number that is the i-th by rank (fixed policies) */
    struct smh_region region;
    struct smh_heap heap;
    struct smh_lock lock;
    uint32_t turn; /* of policies that rotate: when it served last, 0: never. Atomic */
#if UINTPTR_MAX > 0xffffffffu
    uint8_t apart[60];
#endif
};

/* Bytes; ESP-IDF's default for the same choice. */
#define SMH_POOL_THRESHOLD_DEFAULT 16384

struct smh_pool_config {
    smh_match match;                 /* NULL: smh_match_equal */
    const struct smh_policy *policy; /* NULL: smh_policy_add_order */
    struct smh_pool_slot *slots;     /* NULL: the SMH_POOL_REGION_COUNT built into the pool */
    size_t slot_count;               /* of slots; 1 to 65535 */
    bool unlocked;                   /* true: one thread at a time is the owner's promise */
    size_t threshold_bytes;          /* largest small request, for policies that tell small from
                                        large; 0: SMH_POOL_THRESHOLD_DEFAULT */
};

struct smh_pool {
    uint32_t initialised;
    uint32_t unlocked;
    smh_match match;
    const struct smh_policy *policy;
    void *(*allocate)(struct smh_pool *pool, const struct smh_pool_slot *skip, uint32_t attr,
                      size_t align, size_t bytes); /* how the policy's order is followed */
    struct smh_pool_slot *slots;
    uint32_t slot_count;
    uint32_t region_count; /* published with release order: slots below it are complete */
    uint32_t search_span;  /* the largest power of two in region_count, and published after it */
    uint32_t version;      /* odd while an add changes by_rank and by_address */
    size_t threshold_bytes;
    uint64_t failed_requests; /* that no region of the pool could serve */
    uint32_t turn;            /* the last one that a slot has taken. Atomic */
    struct smh_lock lock;     /* adding, and failed_requests */
    struct smh_pool_slot built_in[SMH_POOL_REGION_COUNT];
};

/* Empty pool. 0; -EINVAL: NULL pool, slot_count 0 or above 65535 with slots given, a policy without
 * rank. config may be NULL: all defaults. Not to be called while another thread uses the pool. A
 * pool may not be copied or moved. */
int smh_pool_init(struct smh_pool *pool, const struct smh_pool_config *config);

/* Adds a region; *region is copied. In the order in which they are checked: -EINVAL NULL argument,
 * pool not initialised or size 0; -EFAULT addr is 0 or not a multiple of 8; -EOVERFLOW addr + size
 * wraps (to 0, too); -EEXIST it overlaps a region already there; -ENOSPC no slot; then what
 * smh_heap_init says: -EINVAL (engine, granule, target_bits, metadata), -ENOMEM (memory too small
 * to hold one block or larger than the engine manages, or metadata too small). When not 0 the pool
 * is as before. Safe against every other call: those that run meanwhile see the region or not, and
 * miss no other. Time: that of smh_heap_init and O(regions). */
int smh_pool_add(struct smh_pool *pool, const struct smh_region *region);

/* A block from the first region, in the policy's order, that matches attr and has room. NULL: no
 * region matches, none has room, bytes is 0, align is no power of two (0: natural), or the pool is
 * not initialised. */
void *smh_pool_alloc(struct smh_pool *pool, uint32_t attr, size_t bytes);
void *smh_pool_aligned_alloc(struct smh_pool *pool, uint32_t attr, size_t align, size_t bytes);
/* Zeroed; NULL also when count * bytes overflows. */
void *smh_pool_calloc(struct smh_pool *pool, uint32_t attr, size_t count, size_t bytes);
/* As smh_heap_realloc. Where the block's region matches attr: in place, else moved within that
 * region (as Zephyr does), else, and where it does not match, moved to the first region, in the
 * policy's order, that does and has room. Copies outside every lock. */
void *smh_pool_realloc(struct smh_pool *pool, uint32_t attr, void *block, size_t bytes);
void *smh_pool_aligned_realloc(struct smh_pool *pool, uint32_t attr, void *block, size_t align,
                               size_t bytes);
/* The first of attrs[0..count) that can serve. */
void *smh_pool_alloc_prefer(struct smh_pool *pool, const uint32_t *attrs, size_t count,
                            size_t align, size_t bytes);
/* As smh_heap_free; -ENOENT: in no region of the pool. */
int smh_pool_free(struct smh_pool *pool, void *block);
/* The verdict that free would give, and nothing changed; NULL gives -EINVAL. */
int smh_pool_verdict(const struct smh_pool *pool, const void *block);
/* As smh_heap_usable_size. */
size_t smh_pool_usable_size(const struct smh_pool *pool, const void *block);
/* The region in whose memory the address lies; NULL when in none. No lock, and never waits:
 * O(log regions), while an add is under way O(regions). */
const struct smh_region *smh_pool_region_of(const struct smh_pool *pool, const void *block);

#define SMH_ATTR_ANY UINT32_MAX
/* Adds up the counters of the regions whose attribute equals attr, or of all for SMH_ATTR_ANY (the
 * one attribute, 0xffffffff, that a region may have and that cannot be asked for alone);
 * largest_free_bytes is the largest of them. failed_requests: for SMH_ATTR_ANY the requests that
 * the pool answered with NULL; for one attribute the refusals of its regions, also those after
 * which another region served. 0; -ENOENT no such region; -EINVAL NULL or not initialised. Takes
 * each region's lock in turn, for the time of the engine's largest_free. */
int smh_pool_stats(const struct smh_pool *pool, uint32_t attr_or_any, struct smh_stats *stats);

/* Regions in the order of adding, for reports and tests. NULL past the last. The heap must not be
 * used while another thread may use the pool. */
size_t smh_pool_region_count(const struct smh_pool *pool);
const struct smh_region *smh_pool_region_at(const struct smh_pool *pool, size_t index);
const struct smh_heap *smh_pool_heap_at(const struct smh_pool *pool, size_t index);
/* Index of the region that holds address, or -ENOENT. */
int smh_pool_index_of(const struct smh_pool *pool, const void *address);

/* smh_heap_check on every region: 0, or -EINVAL with *fault and *index (both may be NULL). For
 * tests and for bring-up: holds each region's lock while it reads all of its chunks. */
int smh_pool_check(const struct smh_pool *pool, struct smh_fault *fault, size_t *index);

#ifdef __cplusplus
}
#endif

#endif
