/* midway.c: a pool asked in the midst of an add. See midway.h.
 *
 *     add        -----+-----+-----+-----+----->      an edge of the core's control flow
 *                     '- all -'- all -'- all         questions, each answered at once
 *
 *     question   ---------+--------------->          one edge of it, each in turn
 *                         '- a whole add
 *
 *     add        --s---s-----ss----s------>          on x86-64: an instruction that has changed
 *                  '- all '- all ...                 the pool (stores need no edge between them)
 */
#include "midway.h"

#include "../stage.h"

#include <signal.h>

#define REGIONS_MOST 9u
#define REGION_BYTES 256u
#define STRIDE       384u
#define STEPPED_MOST 2u /* pools a process: each instruction of an add costs a signal */

static _Alignas(64) uint8_t room[STRIDE * (REGIONS_MOST + 2)];
static struct smh_pool_slot slots[REGIONS_MOST];
static struct smh_pool_slot kept_slots[REGIONS_MOST];
static struct smh_pool pool;
static struct smh_pool kept_pool;
static unsigned places[REGIONS_MOST]; /* of slot i, from 1 on */
static uint32_t known;                /* regions whose add has come back */
static struct smh_region next;        /* what is being added */

static uint8_t *memory_of(uint32_t slot)
{
    return room + (size_t)places[slot] * STRIDE;
}

/* A region of its own attribute, wherever the pool's order puts it. */
static void judge_served(uint32_t slot)
{
    void *block = smh_pool_alloc(&pool, slot, 16);
    FUZZ_REQUIRE(block != NULL && (uintptr_t)block - (uintptr_t)memory_of(slot) < REGION_BYTES,
                 "while region %u is added, region %u does not serve", known, slot);
    FUZZ_REQUIRE(smh_pool_free(&pool, block) == 0,
                 "while region %u is added, region %u does not take its block back", known, slot);
}

static void judge_address(uint32_t slot, size_t offset, int truth)
{
    int index = smh_pool_index_of(&pool, memory_of(slot) + offset);
    FUZZ_REQUIRE(index == truth || (slot == known && index == -ENOENT),
                 "while region %u is added, an address of %u is in %d", known, slot, index);
    if (slot == known && index == truth) { /* what is found is complete: its heap, its lock */
        FUZZ_REQUIRE(smh_pool_verdict(&pool, memory_of(slot) + offset) != 0,
                     "while region %u is added, there is a live block in it", known);
    }
}

/* Whatever is under way. */
static void ask_all(void)
{
    uint32_t count = known + (next.size != 0);
    for (uint32_t i = 0; i < count; i++) {
        judge_address(i, 0, (int)i);
        judge_address(i, REGION_BYTES - 1, (int)i);
        judge_address(i, REGION_BYTES, -ENOENT);
        if (i < known) {
            judge_served(i);
        }
    }
    int index = smh_pool_index_of(&pool, room);
    FUZZ_REQUIRE(index == -ENOENT, "while region %u is added, no region is %d", known, index);
}

static void ask_at_each_edge(void)
{
    fuzz_alarm = 0;
    ask_all();
    fuzz_alarm = fuzz_steps + 1;
}

static void add_next(void)
{
    int code = smh_pool_add(&pool, &next);
    FUZZ_REQUIRE(code == 0, "region %u gives %d", known, code);
}

static void add_once(void)
{
    fuzz_alarm = 0;
    add_next();
}

#if defined(__x86_64__)
static struct smh_pool_slot seen_slots[REGIONS_MOST];
static struct smh_pool seen_pool;

static void keep_seen(void)
{
    seen_pool = pool;
    memcpy(seen_slots, slots, sizeof(slots));
}

/* Behind each instruction; without a trap of its own. */
static void on_trap(int signal_number)
{
    (void)signal_number;
    if (memcmp(&seen_pool, &pool, sizeof(pool)) != 0 ||
        memcmp(seen_slots, slots, sizeof(slots)) != 0) {
        ask_all();
        keep_seen();
    }
}

/* Beside the red zone, which may be in use. */
static void add_in_steps(void)
{
    struct sigaction trap = {.sa_handler = on_trap};
    struct sigaction before;
    (void)sigaction(SIGTRAP, &trap, &before);
    keep_seen();
    __asm__ volatile("leaq -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq;"
                     "leaq 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
    add_next();
    __asm__ volatile("leaq -128(%%rsp), %%rsp; pushfq; andq $-0x101, (%%rsp); popfq;"
                     "leaq 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
    (void)sigaction(SIGTRAP, &before, NULL);
}
#else
static void add_in_steps(void)
{
    add_next();
}
#endif

/* The question about slot's region, or about no region, or a request for one, with an add at each
 * of its edges. */
static void interrupt(uint32_t slot, bool asks)
{
    bool rung = true;
    for (uint64_t edge = 1; rung; edge++) {
        pool = kept_pool;
        memcpy(slots, kept_slots, sizeof(slots));
        fuzz_alarm_rings = add_once;
        fuzz_alarm = fuzz_steps + edge;
        if (slot < known && !asks) {
            judge_served(slot);
        } else if (slot < known) {
            judge_address(slot, REGION_BYTES / 2, (int)slot);
        } else {
            judge_address(0, REGION_BYTES, -ENOENT);
        }
        rung = fuzz_alarm == 0;
        fuzz_alarm = 0;
    }
}

void fuzz_judge_midway(unsigned argument)
{
    static unsigned stepped;
    uint32_t count = 1 + argument % REGIONS_MOST;
    const struct smh_policy *policy =
        argument / 16 % 2 == 0 ? &smh_policy_address : &smh_policy_add_order;
    const struct smh_pool_config config = {
        .policy = policy, .slots = slots, .slot_count = REGIONS_MOST};
    FUZZ_REQUIRE(smh_pool_init(&pool, &config) == 0, "a pool of %u slots is refused", REGIONS_MOST);
    known = 0;
    stepped += count > 2; /* as many as make a difference */
    for (uint32_t i = 0; i < count; i++) {
        /* Below all the others, or somewhere, or above. */
        places[i] = 1 + (unsigned)(i * (1 + argument / 32 % 10) + argument / 512) % 11 % 10;
        for (uint32_t other = 0; other < i;) {
            bool taken = places[other] == places[i];
            places[i] = taken ? 1 + places[i] % 10 : places[i];
            other = taken ? 0 : other + 1;
        }
        next = (struct smh_region){.attr = i,
                                   .addr = (uintptr_t)memory_of(i),
                                   .size = REGION_BYTES,
                                   .engine = &smh_engine_first_fit};
        kept_pool = pool;
        memcpy(kept_slots, slots, sizeof(slots));
        for (uint32_t slot = 0; slot <= known; slot++) {
            interrupt(slot, true);
            interrupt(slot, false);
        }
        pool = kept_pool;
        memcpy(slots, kept_slots, sizeof(slots));
        if (stepped <= STEPPED_MOST) {
            add_in_steps();
            pool = kept_pool;
            memcpy(slots, kept_slots, sizeof(slots));
        }
        fuzz_alarm_rings = ask_at_each_edge;
        fuzz_alarm = fuzz_steps + 1;
        add_next();
        fuzz_alarm = 0;
        known = i + 1;
        next.size = 0;
        ask_all();
    }
}
