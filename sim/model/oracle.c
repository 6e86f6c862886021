/* oracle.c: judges the allocator's answers. See oracle.h. */
#include "oracle.h"

#include "contents.h"
#include "room.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_INTERVAL 64 /* blocks that leave between two verdict probes */
/* A NULL is checked by a walk over the region: each of the first ones, then one in so many. */
#define NULLS_ALL    256
#define NULLS_ONE_IN 64

static uint64_t count_free_chunks(const struct smh_heap *heap)
{
    uint64_t count = 0;
    struct smh_chunk chunk = {0};
    while (smh_heap_walk(heap, &chunk)) {
        count += chunk.used ? 0 : 1;
    }
    return count;
}

static struct smh_region_origin look_at(const struct smh_heap *heap)
{
    struct smh_stats stats;
    smh_heap_stats(heap, &stats);
    return (struct smh_region_origin){
        .capacity_bytes = stats.capacity_bytes,
        .used_bytes = stats.used_bytes,
        .largest_free_bytes = stats.largest_free_bytes,
        .free_chunks = count_free_chunks(heap),
    };
}

int smh_oracle_open(struct smh_oracle *oracle, const struct smh_machine *machine,
                    struct smh_result *result, enum smh_checks checks, struct smh_error *error)
{
    memset(oracle, 0, sizeof(*oracle));
    oracle->machine = machine;
    oracle->result = result;
    oracle->checks = checks;
    oracle->probe = PROBE_INTERVAL;
    if (checks != SMH_CHECKS_ALL) {
        return 0;
    }
    /* One piece for all three: an input of a fuzz target opens an oracle of its own. */
    size_t count = machine->region_count;
    oracle->shadows = smh_must_allocate(count, sizeof(*oracle->shadows) + sizeof(*oracle->origin) +
                                                   sizeof(*oracle->live_blocks));
    oracle->origin = (struct smh_region_origin *)(void *)(oracle->shadows + count);
    oracle->live_blocks = (uint64_t *)(void *)(oracle->origin + count);
    bool whole = true; /* a region may be larger than this host's memory */
    for (size_t i = 0; whole && i < machine->region_count; i++) {
        whole = smh_shadow_open(&oracle->shadows[i], machine->regions[i].size);
        oracle->origin[i] = look_at(&machine->slots[i].heap);
    }
    if (!whole) {
        smh_oracle_close(oracle);
        return smh_error_set(error, "%s: no memory for the model of %zu regions",
                             machine->scenario->path, machine->region_count);
    }
    return 0;
}

void smh_oracle_close(struct smh_oracle *oracle)
{
    for (size_t i = 0; oracle->shadows != NULL && i < oracle->machine->region_count; i++) {
        smh_shadow_close(&oracle->shadows[i]);
    }
    free(oracle->shadows);
    oracle->shadows = NULL;
    oracle->origin = NULL;
    oracle->live_blocks = NULL;
}

void smh_oracle_report(struct smh_oracle *oracle, const char *name, uint64_t operation_index,
                       const char *format, ...)
{
    struct smh_result *result = oracle->result;
    if (result->violation_count < SMH_VIOLATIONS_LISTED) {
        struct smh_violation *violation = &result->violations[result->violation_count];
        violation->oracle = name;
        violation->operation_index = operation_index;
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(violation->message, sizeof(violation->message), format, arguments);
        va_end(arguments);
    }
    result->violation_count++;
}

static const char *region_name(const struct smh_oracle *oracle, size_t region)
{
    return oracle->machine->scenario->machine.regions[region].name;
}

static uint64_t offset_of(const struct smh_oracle *oracle, size_t region, const void *block)
{
    return (uint64_t)((uintptr_t)block - (uintptr_t)oracle->machine->regions[region].memory);
}

void smh_oracle_write(struct smh_live *live, uint64_t from, uint64_t to)
{
    uint8_t before = live->version++;
    if (from == 0 && to == live->bytes) {
        free(live->versions);
        live->versions = NULL;
    } else {
        if (live->versions == NULL) {
            live->versions = smh_must_allocate((size_t)live->bytes, 1);
            memset(live->versions, before, (size_t)live->bytes);
        }
        memset(live->versions + from, live->version, (size_t)(to - from));
    }
    smh_contents_fill(live->block, smh_contents_serial(live->serial, live->version), from, to);
}

void smh_oracle_resize_versions(struct smh_live *live, uint64_t old_bytes)
{
    if (live->versions == NULL) {
        return;
    }
    live->versions = smh_must_resize(live->versions, (size_t)live->bytes, 1);
    if (live->bytes > old_bytes) {
        memset(live->versions + old_bytes, live->version, (size_t)(live->bytes - old_bytes));
    }
}

/* As smh_contents_verify, stretch by stretch of one version. */
static uint64_t verify(const struct smh_live *live, uint64_t from, uint64_t to)
{
    while (live->versions != NULL && from < to) {
        uint64_t end = from;
        while (end < to && live->versions[end] == live->versions[from]) {
            end++;
        }
        uint64_t at = smh_contents_verify(
            live->block, smh_contents_serial(live->serial, live->versions[from]), from, end);
        if (at != SMH_CONTENTS_SAME) {
            return at;
        }
        from = end;
    }
    return smh_contents_verify(live->block, smh_contents_serial(live->serial, live->version), from,
                               to);
}

void smh_oracle_contents(struct smh_oracle *oracle, const struct smh_live *live, uint64_t from,
                         uint64_t to, uint64_t operation_index)
{
    if (oracle->checks == SMH_CHECKS_NONE) {
        return;
    }
    uint64_t at = verify(live, from, to);
    if (at != SMH_CONTENTS_SAME) {
        smh_oracle_report(oracle, "contents", operation_index,
                          "byte %" PRIu64 " of the block of %" PRIu64 " bytes at %s+0x%" PRIx64
                          " has changed",
                          at, live->bytes, region_name(oracle, live->region),
                          offset_of(oracle, live->region, live->block));
    }
}

static void check_place(struct smh_oracle *oracle, const struct smh_live *live,
                        const struct smh_operation *operation, uint64_t operation_index)
{
    const struct smh_heap *heap = &oracle->machine->slots[live->region].heap;
    uint64_t offset = offset_of(oracle, live->region, live->block);
    const char *name = region_name(oracle, live->region);
    uint32_t attr = oracle->machine->scenario->machine.regions[live->region].attr;
    if (!smh_machine_may_serve(oracle->machine, live->region, operation)) {
        smh_oracle_report(oracle, "region", operation_index,
                          "%s+0x%" PRIx64 ": asked for attribute %" PRIu32
                          ", the region has %" PRIu32,
                          name, offset, operation->attr, attr);
    }
    uint64_t natural = smh_heap_alignment(heap);
    uint64_t wanted = live->align > natural ? live->align : natural;
    if ((uintptr_t)live->block % wanted != 0) {
        smh_oracle_report(oracle, "alignment", operation_index,
                          "%s+0x%" PRIx64 " is no multiple of %" PRIu64, name, offset, wanted);
    }
    if (live->usable < live->bytes) {
        smh_oracle_report(oracle, "size", operation_index,
                          "%s+0x%" PRIx64 ": %" PRIu64 " bytes asked for, %" PRIu64 " usable", name,
                          offset, live->bytes, live->usable);
    }
}

/* bound + slack may be more than there are numbers. */
static bool exceeds(uint64_t bytes, uint64_t bound, uint64_t slack)
{
    return bytes > bound && bytes - bound > slack;
}

static void check_space(struct smh_oracle *oracle, const struct smh_live *live,
                        uint64_t used_before, uint64_t operation_index)
{
    const struct smh_heap *heap = &oracle->machine->slots[live->region].heap;
    uint64_t bound = heap->engine->sufficient_chunk(heap, live->align, (size_t)live->bytes);
    /* A remainder too small to be a chunk of its own stays with the block. */
    uint64_t slack = 2 * smh_heap_alignment(heap);
    uint64_t taken = heap->used_bytes > used_before ? heap->used_bytes - used_before : 0;
    if (exceeds(taken, bound, slack) || exceeds(live->usable, bound, slack)) {
        smh_oracle_report(oracle, "space", operation_index,
                          "%s+0x%" PRIx64 ": %" PRIu64 " bytes took %" PRIu64 " (usable %" PRIu64
                          "), a chunk of %" PRIu64 " would have sufficed",
                          region_name(oracle, live->region),
                          offset_of(oracle, live->region, live->block), live->bytes, taken,
                          live->usable, bound + slack);
    }
}

static bool own(struct smh_oracle *oracle, const struct smh_live *live, uint64_t operation_index)
{
    uint64_t owned = live->usable > live->bytes ? live->usable : live->bytes;
    uint64_t offset = offset_of(oracle, live->region, live->block);
    if (smh_shadow_own(&oracle->shadows[live->region], offset, owned)) {
        return true;
    }
    smh_oracle_report(oracle, "overlap", operation_index,
                      "the block of %" PRIu64 " bytes at %s+0x%" PRIx64
                      " covers bytes of another, or leaves the region",
                      owned, region_name(oracle, live->region), offset);
    return false;
}

void smh_oracle_allocated(struct smh_oracle *oracle, struct smh_live *live,
                          const struct smh_operation *operation, uint64_t used_before,
                          uint64_t kept, uint64_t operation_index)
{
    if (oracle->checks == SMH_CHECKS_NONE) {
        return;
    }
    if (oracle->checks == SMH_CHECKS_ALL) {
        const struct smh_heap *heap = &oracle->machine->slots[live->region].heap;
        live->usable = smh_heap_usable_size(heap, live->block);
        oracle->live_blocks[live->region]++;
        check_place(oracle, live, operation, operation_index);
        if (operation->kind != SMH_OPERATION_REALLOC) {
            check_space(oracle, live, used_before, operation_index);
        }
        if (!own(oracle, live, operation_index)) {
            return; /* filling it would only repeat the report for every neighbour */
        }
    }
    smh_oracle_contents(oracle, live, 0, kept, operation_index);
    uint64_t dirty = operation->kind == SMH_OPERATION_CALLOC
                         ? smh_contents_verify_zero(live->block, 0, live->bytes)
                         : SMH_CONTENTS_SAME;
    if (dirty != SMH_CONTENTS_SAME) {
        smh_oracle_report(oracle, "contents", operation_index,
                          "byte %" PRIu64 " of the zeroed block at %s+0x%" PRIx64 " is not zero",
                          dirty, region_name(oracle, live->region),
                          offset_of(oracle, live->region, live->block));
    }
    smh_contents_fill(live->block, smh_contents_serial(live->serial, live->version), kept,
                      live->bytes);
}

static void probe_verdicts(struct smh_oracle *oracle, const struct smh_live *live,
                           uint64_t operation_index)
{
    const struct smh_heap *heap = &oracle->machine->slots[live->region].heap;
    int own = smh_heap_verdict(heap, live->block);
    int inside = -EINVAL;
    size_t step = smh_heap_alignment(heap);
    if (live->usable > step) {
        inside = smh_heap_verdict(heap, (const uint8_t *)live->block + step);
    }
    if (own != 0 || inside != -EINVAL) {
        smh_oracle_report(oracle, "verdict", operation_index,
                          "%s+0x%" PRIx64 ": a live block is judged %d (allowed: 0), its inside "
                          "%d (allowed: %d)",
                          region_name(oracle, live->region),
                          offset_of(oracle, live->region, live->block), own, inside, -EINVAL);
    }
}

static void check_still_there(struct smh_oracle *oracle, const struct smh_live *live,
                              uint64_t operation_index)
{
    const struct smh_heap *heap = &oracle->machine->slots[live->region].heap;
    uint64_t usable = smh_heap_usable_size(heap, live->block);
    if (usable != live->usable) {
        smh_oracle_report(oracle, "size", operation_index,
                          "%s+0x%" PRIx64 ": usable size was %" PRIu64 " and is %" PRIu64,
                          region_name(oracle, live->region),
                          offset_of(oracle, live->region, live->block), live->usable, usable);
    }
    if (--oracle->probe == 0) {
        oracle->probe = PROBE_INTERVAL;
        probe_verdicts(oracle, live, operation_index);
    }
}

void smh_oracle_leaving(struct smh_oracle *oracle, const struct smh_live *live,
                        uint64_t operation_index)
{
    smh_oracle_contents(oracle, live, 0, live->bytes, operation_index);
    if (oracle->checks == SMH_CHECKS_ALL) {
        check_still_there(oracle, live, operation_index);
        uint64_t owned = live->usable > live->bytes ? live->usable : live->bytes;
        smh_shadow_disown(&oracle->shadows[live->region],
                          offset_of(oracle, live->region, live->block), owned);
        oracle->live_blocks[live->region]--;
    }
}

void smh_oracle_freed(struct smh_oracle *oracle, const struct smh_live *live,
                      uint64_t operation_index)
{
    /* Judging free space may walk the heap (heap.h), so it is done for one block in so many. */
    if (oracle->checks != SMH_CHECKS_ALL || oracle->probe != PROBE_INTERVAL) {
        return;
    }
    int code = smh_heap_verdict(&oracle->machine->slots[live->region].heap, live->block);
    if (code != -EALREADY) {
        smh_oracle_report(oracle, "verdict", operation_index,
                          "%s+0x%" PRIx64 ": a freed block is judged %d (allowed: %d)",
                          region_name(oracle, live->region),
                          offset_of(oracle, live->region, live->block), code, -EALREADY);
    }
}

void smh_oracle_retake(struct smh_oracle *oracle, const struct smh_live *live,
                       uint64_t operation_index)
{
    smh_oracle_contents(oracle, live, 0, live->bytes, operation_index);
    if (oracle->checks == SMH_CHECKS_ALL) {
        check_still_there(oracle, live, operation_index);
        own(oracle, live, operation_index);
        oracle->live_blocks[live->region]++;
    }
}

static void check_null_in(struct smh_oracle *oracle, size_t region,
                          const struct smh_operation *operation, uint64_t operation_index)
{
    const struct smh_heap *heap = &oracle->machine->slots[region].heap;
    size_t enough =
        heap->engine->sufficient_chunk(heap, operation->align, (size_t)operation->bytes);
    struct smh_chunk chunk;
    if (smh_room_find(heap, enough, &chunk)) {
        smh_oracle_report(oracle, "null", operation_index,
                          "%" PRIu64 " bytes at alignment %" PRIu32
                          " were refused, though %s+0x%zx has %zu bytes free and %zu suffice",
                          operation->bytes, operation->align, region_name(oracle, region),
                          chunk.offset, chunk.size, enough);
    }
}

void smh_oracle_null(struct smh_oracle *oracle, const struct smh_operation *operation,
                     uint64_t operation_index)
{
    oracle->nulls_seen++;
    if (oracle->checks != SMH_CHECKS_ALL || operation->bytes == 0 ||
        (oracle->nulls_seen > NULLS_ALL && oracle->nulls_seen % NULLS_ONE_IN != 0)) {
        return;
    }
    for (size_t i = 0; i < oracle->machine->region_count; i++) {
        const struct smh_region_config *region = &oracle->machine->scenario->machine.regions[i];
        /* A reserve is open to exact requests alone; the walk does not see reserves. */
        bool exact = operation->prefer == NULL && region->attr == operation->attr;
        if (smh_machine_may_serve(oracle->machine, i, operation) &&
            (region->reserve_bytes == 0 || exact)) {
            check_null_in(oracle, i, operation, operation_index);
        }
    }
}

void smh_oracle_heaps(struct smh_oracle *oracle, uint64_t operation_index)
{
    if (oracle->checks != SMH_CHECKS_ALL) {
        return;
    }
    for (size_t i = 0; i < oracle->machine->region_count; i++) {
        const struct smh_heap *heap = &oracle->machine->slots[i].heap;
        struct smh_fault fault = {0};
        if (smh_heap_check(heap, &fault) != 0) {
            smh_oracle_report(oracle, "heap", operation_index, "%s+0x%zx: %s",
                              region_name(oracle, i), fault.offset, fault.rule);
        }
        if (heap->live_blocks != oracle->live_blocks[i]) {
            smh_oracle_report(oracle, "heap", operation_index,
                              "%s: the heap counts %zu live blocks, there are %" PRIu64,
                              region_name(oracle, i), heap->live_blocks, oracle->live_blocks[i]);
        }
    }
    size_t beside = smh_machine_check_guards(oracle->machine);
    if (beside != 0) {
        smh_oracle_report(oracle, "guard", operation_index, "a byte beside %s was written",
                          region_name(oracle, beside - 1));
    }
}

void smh_oracle_restored(struct smh_oracle *oracle, uint64_t operation_index)
{
    if (oracle->checks != SMH_CHECKS_ALL) {
        return;
    }
    for (size_t i = 0; i < oracle->machine->region_count; i++) {
        struct smh_region_origin now = look_at(&oracle->machine->slots[i].heap);
        if (memcmp(&now, &oracle->origin[i], sizeof(now)) != 0) {
            smh_oracle_report(oracle, "restored", operation_index,
                              "%s: all is freed, yet %" PRIu64 " free chunks (was %" PRIu64
                              "), largest %" PRIu64 " (was %" PRIu64 "), used %" PRIu64,
                              region_name(oracle, i), now.free_chunks,
                              oracle->origin[i].free_chunks, now.largest_free_bytes,
                              oracle->origin[i].largest_free_bytes, now.used_bytes);
        }
    }
}
