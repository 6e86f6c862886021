/* memory_store_buffer.c: stores that wait, and what waits for them.
 *
 * Owns: the store buffer of each core, a queue of words.
 *
 *     store 1 cycle --> | newest | ... | ... | oldest | --> caches, memory
 *                                               begun: carried out; busy for what it costs
 *
 * A store is carried out (looked up, its bytes written) when it comes to the head, and keeps its
 * entry and the head busy until its cost has passed in the core's own cycles. Words are not merged.
 * What waits behind the head is seen by nobody but the core, which waits for it.
 *
 * Invariants: the oldest entry has begun and is not done yet, no other has begun; time passes by
 * the core's own accesses alone.
 */
#include "memory_state.h"

#include <string.h>

static struct smh_pending_store *pending_at(const struct smh_memory *memory,
                                            const struct smh_memory_core *core, uint32_t index)
{
    return &core->pending[(core->pending_first + index) % memory->pending_max];
}

/* Counts the store once all of its words are carried out, apart from the access under way. */
static uint64_t carry_out(struct smh_memory *memory, struct smh_memory_core *core,
                          const struct smh_pending_store *store)
{
    struct smh_memory_met met = memory->met;
    memory->met = core->pending_met;
    uint64_t cost = smh_words_store(memory, core, store->region, store->offset, store->data,
                                    store->bytes, store->uncached);
    core->pending_met = memory->met;
    if (store->ends_access) {
        smh_memory_count(memory, store->region, true);
        core->pending_met = (struct smh_memory_met){0};
    }
    memory->met = met;
    return cost;
}

/* Lets the oldest entry begin if it may by now, and leave if it is done by now. Whether it left. */
static bool move_oldest(struct smh_memory *memory, struct smh_memory_core *core)
{
    struct smh_pending_store *oldest = pending_at(memory, core, 0);
    if (!oldest->begun) {
        uint64_t begin =
            core->free_cycle > oldest->enter_cycle ? core->free_cycle : oldest->enter_cycle;
        if (begin > core->cycle) {
            return false;
        }
        oldest->begun = true;
        oldest->done_cycle = begin + carry_out(memory, core, oldest);
        core->free_cycle = oldest->done_cycle;
    }
    if (oldest->done_cycle > core->cycle) {
        return false;
    }
    core->pending_first = (core->pending_first + 1) % memory->pending_max;
    core->pending_count--;
    return true;
}

void smh_buffer_pass(struct smh_memory *memory, struct smh_memory_core *core, uint64_t cycles)
{
    core->cycle += cycles;
    while (core->pending_count > 0 && move_oldest(memory, core)) {
    }
}

/* Waits until at most count entries are pending. */
static void wait_down_to(struct smh_memory *memory, struct smh_memory_core *core, uint32_t count)
{
    while (core->pending_count > count) {
        smh_buffer_pass(memory, core, pending_at(memory, core, 0)->done_cycle - core->cycle);
    }
}

/* Waits for the youngest store to the word at an address, and so for all older ones. */
static void wait_for_word(struct smh_memory *memory, struct smh_memory_core *core,
                          uint16_t region_index, uint64_t offset, bool uncached)
{
    uint64_t base = memory->regions[region_index].base;
    uint64_t word = (base + offset) / memory->word_bytes;
    for (uint32_t i = core->pending_count; i > 0; i--) {
        const struct smh_pending_store *store = pending_at(memory, core, i - 1);
        if (store->region == region_index && store->uncached == uncached &&
            (base + store->offset) / memory->word_bytes == word) {
            wait_down_to(memory, core, core->pending_count - i);
            return;
        }
    }
}

uint64_t smh_buffer_wait_for_line(struct smh_memory *memory, struct smh_memory_core *core,
                                  uint64_t line)
{
    uint64_t start = core->cycle;
    for (uint32_t i = core->pending_count; i > 0; i--) {
        const struct smh_pending_store *store = pending_at(memory, core, i - 1);
        if (smh_line_of(memory, &memory->regions[store->region], store->offset) == line) {
            wait_down_to(memory, core, core->pending_count - i);
            break;
        }
    }
    return core->cycle - start;
}

uint64_t smh_buffer_barrier(struct smh_memory *memory, struct smh_memory_core *core)
{
    uint64_t start = core->cycle;
    wait_down_to(memory, core, 0);
    return core->cycle - start;
}

/* Bytes of the word that begins or goes on at offset. */
static uint32_t word_part(const struct smh_memory *memory, uint16_t region, uint64_t offset,
                          uint64_t bytes)
{
    uint64_t address = memory->regions[region].base + offset;
    uint64_t left = memory->word_bytes - address % memory->word_bytes;
    return (uint32_t)(bytes < left ? bytes : left);
}

uint64_t smh_buffer_load(struct smh_memory *memory, struct smh_memory_core *core, uint16_t region,
                         uint64_t offset, uint64_t bytes, bool uncached)
{
    uint64_t start = core->cycle;
    while (bytes > 0) {
        uint64_t part = core->pending_count > 0 ? word_part(memory, region, offset, bytes) : bytes;
        if (core->pending_count > 0) {
            wait_for_word(memory, core, region, offset, uncached);
        }
        uint64_t cost = smh_words_load(memory, core, region, offset, part, uncached);
        smh_buffer_pass(memory, core, cost);
        offset += part;
        bytes -= part;
    }
    return core->cycle - start;
}

uint64_t smh_buffer_store(struct smh_memory *memory, struct smh_memory_core *core, uint16_t region,
                          uint64_t offset, uint64_t bytes, bool uncached)
{
    uint64_t start = core->cycle;
    const uint8_t *truth = memory->regions[region].truth;
    while (bytes > 0) {
        uint32_t part = word_part(memory, region, offset, bytes);
        wait_down_to(memory, core, memory->pending_max - 1);
        struct smh_pending_store *store = pending_at(memory, core, core->pending_count);
        *store = (struct smh_pending_store){.offset = offset,
                                            .enter_cycle = core->cycle,
                                            .region = region,
                                            .bytes = (uint8_t)part,
                                            .uncached = uncached,
                                            .ends_access = part == bytes};
        memcpy(store->data, truth + offset, part);
        core->pending_count++;
        smh_buffer_pass(memory, core, 0); /* it may be at the head at once */
        smh_buffer_pass(memory, core, 1);
        offset += part;
        bytes -= part;
    }
    return core->cycle - start;
}

void smh_buffer_view(const struct smh_memory *memory, const struct smh_memory_core *core,
                     uint16_t region, bool uncached, uint64_t offset, uint64_t bytes, uint8_t *out)
{
    for (uint32_t i = 0; i < core->pending_count; i++) {
        const struct smh_pending_store *store = pending_at(memory, core, i);
        for (uint32_t j = 0; j < store->bytes; j++) {
            uint64_t at = store->offset + j;
            if (!store->begun && store->region == region && store->uncached == uncached &&
                at >= offset && at - offset < bytes) {
                out[at - offset] = store->data[j];
            }
        }
    }
}
