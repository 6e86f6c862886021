/* fuzz_input.c: bytes to operations. See fuzz_input.h. */
#include "fuzz_input.h"

#include <string.h>

/* Offsets in the header and in a region's part of it. */
enum {
    HEADER_SWARM = 0,
    HEADER_POLICY = 2,
    HEADER_MORE,
    HEADER_MATCH,
    HEADER_PLACES,
    HEADER_REGIONS,
    HEADER_LIST = 8
};
enum {
    REGION_ENGINE,
    REGION_FLAGS,
    REGION_GRANULE,
    REGION_SHIFT,
    REGION_FINE,
    REGION_HEAD,
    REGION_ATTR,
    REGION_RESERVE,
    REGION_BYTES
};
_Static_assert(HEADER_LIST + SMH_FUZZ_REGIONS_MAX * REGION_BYTES == SMH_FUZZ_HEADER_BYTES,
               "regions fill the header");

/* Flags of a region. */
#define FLAG_NO_METADATA 1u
#define FLAG_64_BITS     2u
#define FLAG_ODD_SHIFT   2u /* three bits */
#define FLAG_COST_SHIFT  5u /* three bits */

#define MORE_POLICIES  0x80u
#define MORE_THRESHOLD 15u
#define FIRST_POLICIES 5u /* those that inputs name without MORE_POLICIES */

#define ALIGN_SHIFTS 14u /* alignments of 1 to 8192 */

/* Regions of 64 bytes to 512 KiB, and half as much again: large ones are rare, as their contents
 * cost time and small ones meet their edges more often. */
static const uint8_t size_shifts[32] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 2, 3,
    3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7,  7,  8,  3,  4, 5,
};

/* Kinds by the low five bits of a record's first byte: how often each is drawn by chance. */
enum draw { ALLOC, CALLOC, FREE, REALLOC, RESIZE, READ, WRITE, LARGEST, CHECK, MISUSE };
static const uint8_t draws[32] = {
    ALLOC,   ALLOC,   ALLOC,   ALLOC,  ALLOC, ALLOC, ALLOC,   ALLOC, ALLOC,  ALLOC,  ALLOC,
    CALLOC,  CALLOC,  FREE,    FREE,   FREE,  FREE,  FREE,    FREE,  FREE,   FREE,   FREE,
    REALLOC, REALLOC, REALLOC, RESIZE, READ,  WRITE, LARGEST, CHECK, MISUSE, MISUSE,
};
static const uint8_t group_of[] = {
    [CALLOC] = SMH_FUZZ_GROUP_CALLOC,   [FREE] = SMH_FUZZ_GROUP_FREE,
    [REALLOC] = SMH_FUZZ_GROUP_REALLOC, [RESIZE] = SMH_FUZZ_GROUP_RESIZE,
    [READ] = SMH_FUZZ_GROUP_ACCESS,     [WRITE] = SMH_FUZZ_GROUP_ACCESS,
    [LARGEST] = SMH_FUZZ_GROUP_LARGEST, [CHECK] = SMH_FUZZ_GROUP_CHECK,
    [MISUSE] = SMH_FUZZ_GROUP_MISUSE,
};

static bool is_on(const struct smh_fuzz_input *input, enum smh_fuzz_group group)
{
    return ((input->config.swarm >> group) & 1u) == 0;
}

static size_t count_engines(void)
{
    size_t count = 1; /* there is one at least */
    while (smh_engine_at(count) != NULL) {
        count++;
    }
    return count;
}

static size_t count_policies(void)
{
    size_t count = 1;
    while (smh_policy_at(count) != NULL) {
        count++;
    }
    return count;
}

static const struct smh_policy *read_policy(const uint8_t *header)
{
    if ((header[HEADER_MORE] & MORE_POLICIES) == 0) {
        return smh_policy_at(header[HEADER_POLICY] % FIRST_POLICIES);
    }
    return smh_policy_at(FIRST_POLICIES +
                         header[HEADER_POLICY] % (count_policies() - FIRST_POLICIES));
}

static void read_region(struct smh_fuzz_region *region, const uint8_t *bytes)
{
    size_t whole = (size_t)64 << size_shifts[bytes[REGION_SHIFT] % 32];
    unsigned granule = bytes[REGION_GRANULE] % 16;
    region->engine = smh_engine_at(bytes[REGION_ENGINE] % count_engines());
    region->metadata = (bytes[REGION_FLAGS] & FLAG_NO_METADATA) == 0;
    region->target_bits = (bytes[REGION_FLAGS] & FLAG_64_BITS) != 0 ? 64 : 32;
    region->odd = (bytes[REGION_FLAGS] >> FLAG_ODD_SHIFT) & 7u;
    region->size = whole + whole / 512 * bytes[REGION_FINE] + bytes[REGION_FINE] % 8;
    region->head = (size_t)(bytes[REGION_HEAD] % 64) * 8;
    region->granule = granule < 8 ? 0 : (size_t)8 << (granule - 8);
    region->attr = bytes[REGION_ATTR] % 8;
    region->priority = bytes[REGION_ATTR] / 8;
    region->cost = 1 + (bytes[REGION_FLAGS] >> FLAG_COST_SHIFT);
    /* A sixth of them hold something back. */
    region->reserve_bytes =
        bytes[REGION_RESERVE] < 213 ? 0 : region->size / 64 * (bytes[REGION_RESERVE] - 212u);
}

void smh_fuzz_open(struct smh_fuzz_input *input, const uint8_t *bytes, size_t size)
{
    uint8_t header[SMH_FUZZ_HEADER_BYTES] = {0};
    memset(input, 0, sizeof(*input));
    if (size != 0) {
        memcpy(header, bytes, size < sizeof(header) ? size : sizeof(header));
    }
    struct smh_fuzz_config *config = &input->config;
    config->swarm = (uint16_t)(header[HEADER_SWARM] | header[HEADER_SWARM + 1] << 8);
    unsigned threshold = header[HEADER_MORE] & MORE_THRESHOLD;
    config->policy = read_policy(header);
    config->threshold_bytes = threshold == 0 ? 0 : (size_t)8 << threshold;
    config->match = header[HEADER_MATCH] % 2 == 0 ? smh_match_equal : smh_match_all_bits;
    config->region_count = 1 + header[HEADER_REGIONS] % SMH_FUZZ_REGIONS_MAX;
    config->spare_slot = (header[HEADER_PLACES] & 8u) != 0;
    for (size_t i = 0; i < SMH_FUZZ_REGIONS_MAX; i++) {
        read_region(&config->regions[i], header + HEADER_LIST + i * REGION_BYTES);
        /* Turned by 0 to 3, upwards or downwards. */
        unsigned step = (header[HEADER_PLACES] & 4u) != 0 ? SMH_FUZZ_REGIONS_MAX - 1u : 1u;
        config->places[i] = (uint8_t)((i * step + header[HEADER_PLACES]) % SMH_FUZZ_REGIONS_MAX);
    }
    if (size > sizeof(header)) {
        input->records = bytes + sizeof(header);
        input->record_count = (size - sizeof(header)) / SMH_FUZZ_RECORD_BYTES;
    }
}

/* Sizes that no region could hold; near where additions and roundings wrap. */
static uint64_t huge_size(uint32_t low)
{
    uint32_t near = low / 8 % 128;
    switch (low % 8) {
    case 0:
        return SIZE_MAX - near;
    case 1:
        return SIZE_MAX / 2 + near - 64;
    case 2:
        return UINT32_MAX - near;
    case 3:
        return (uint64_t)UINT32_MAX / 2 + near - 64;
    case 4:
        return (uint64_t)1 << (20 + near % 12);
    default:
        return SIZE_MAX - ((size_t)1 << (3 + near % 28)) - low % 16;
    }
}

static uint64_t read_size(const struct smh_fuzz_input *input, uint32_t code)
{
    uint32_t low = code & 0x1FFF;
    size_t region = input->config.regions[0].size;
    switch (code >> 13) {
    case 3:
        return 1 + low % 256;
    case 4:
        return 1 + low % 2048;
    case 5: { /* the edges of size classes, whatever a header takes */
        uint64_t edge = ((uint64_t)1 << (3 + low % 14)) + low / 14 % 33;
        return edge > 24 ? edge - 16 : edge;
    }
    case 6:
        return 1 + (uint64_t)region * (low + 1) / 8192;
    case 7:
        if (is_on(input, SMH_FUZZ_GROUP_HUGE) && low < 2048) {
            return huge_size(low);
        }
        return 1 + low % 512;
    default:
        return 1 + low % 64;
    }
}

/* The first filled slot from `from` on, going round; -1: none. */
static int find_slot(uint64_t mask, unsigned from)
{
    if (mask == 0) {
        return -1;
    }
    uint64_t above = mask & (~UINT64_C(0) << from);
    return __builtin_ctzll(above != 0 ? above : mask);
}

static void read_attr(struct smh_fuzz_input *input, struct smh_operation *operation, uint8_t code)
{
    operation->attr = code % 8;
    if (code >= 192 && is_on(input, SMH_FUZZ_GROUP_PREFER)) {
        input->attrs[0] = operation->attr;
        input->attrs[1] = code / 8 % 8;
        input->attrs[2] = (code + 3u) % 8;
        input->prefer.attrs = input->attrs;
        input->prefer.count = 1 + code % 3;
        operation->prefer = &input->prefer;
    }
}

/* Fills step for a kind that needs a filled slot; false: there is none. */
static bool take_filled(struct smh_fuzz_input *input, struct smh_operation *operation, bool freed)
{
    int slot = find_slot(input->filled, operation->slot);
    if (slot < 0) {
        return false;
    }
    operation->slot = (uint32_t)slot;
    if (freed) {
        input->filled &= ~(UINT64_C(1) << slot);
    }
    return true;
}

static bool read_alloc(struct smh_fuzz_input *input, struct smh_fuzz_step *step, bool zeroed)
{
    struct smh_operation *operation = &step->operation;
    int slot = find_slot(~input->filled, operation->slot);
    if (slot < 0) { /* no slot left: make room */
        operation->kind = SMH_OPERATION_FREE;
        return take_filled(input, operation, true);
    }
    operation->kind = zeroed ? SMH_OPERATION_CALLOC : SMH_OPERATION_ALLOC;
    operation->slot = (uint32_t)slot;
    input->filled |= UINT64_C(1) << slot;
    return true;
}

static bool read_realloc(struct smh_fuzz_input *input, struct smh_fuzz_step *step, bool in_place)
{
    struct smh_operation *operation = &step->operation;
    operation->kind = SMH_OPERATION_REALLOC;
    if (in_place) {
        step->kind = SMH_FUZZ_RESIZE;
        operation->align = 0;
        operation->prefer = NULL;
    } else if (step->argument % 64 == 63) {
        operation->bytes = 0;
    }
    return take_filled(input, operation, operation->bytes == 0);
}

static bool read_access(struct smh_fuzz_input *input, struct smh_fuzz_step *step, uint8_t kind)
{
    struct smh_operation *operation = &step->operation;
    operation->kind = kind;
    operation->offset = step->argument;
    operation->bytes = operation->bytes > 4096 ? 0 : operation->bytes;
    return take_filled(input, operation, false);
}

static bool read_misuse(struct smh_fuzz_input *input, struct smh_fuzz_step *step, uint8_t code)
{
    step->kind = SMH_FUZZ_MISUSE;
    step->misuse = code % SMH_FUZZ_MISUSE_COUNT;
    step->operation.kind = SMH_OPERATION_FREE;
    if (step->misuse == SMH_FUZZ_MISUSE_INSIDE) {
        return take_filled(input, &step->operation, false);
    }
    return true;
}

static bool read_record(struct smh_fuzz_input *input, const uint8_t *record, enum draw draw,
                        struct smh_fuzz_step *step)
{
    struct smh_operation *operation = &step->operation;
    operation->slot = record[1] % SMH_FUZZ_SLOTS;
    operation->bytes = read_size(input, (uint32_t)(record[2] | record[3] << 8));
    if (record[4] >= 144 && is_on(input, SMH_FUZZ_GROUP_ALIGN)) {
        operation->align = 1u << (record[4] % ALIGN_SHIFTS);
    }
    read_attr(input, operation, record[5]);
    step->argument = (uint16_t)(record[6] | record[7] << 8);
    switch (draw) {
    case ALLOC:
    case CALLOC:
        return read_alloc(input, step, draw == CALLOC);
    case FREE:
        operation->kind = SMH_OPERATION_FREE;
        return take_filled(input, operation, true);
    case REALLOC:
    case RESIZE:
        return read_realloc(input, step, draw == RESIZE);
    case READ:
        return read_access(input, step, SMH_OPERATION_CPU_READ);
    case WRITE:
        return read_access(input, step, SMH_OPERATION_CPU_WRITE);
    case LARGEST:
        step->kind = SMH_FUZZ_LARGEST;
        return true;
    case CHECK:
        step->kind = SMH_FUZZ_CHECK;
        return true;
    default:
        return read_misuse(input, step, record[0] / 32 + record[4]);
    }
}

bool smh_fuzz_next(struct smh_fuzz_input *input, struct smh_fuzz_step *step)
{
    while (input->next < input->record_count) {
        size_t index = input->next++;
        const uint8_t *record = input->records + index * SMH_FUZZ_RECORD_BYTES;
        enum draw draw = draws[record[0] % 32];
        if (draw != ALLOC && !is_on(input, group_of[draw])) {
            continue;
        }
        memset(step, 0, sizeof(*step));
        step->operation.site = index;
        step->operation.time_ns = index * 1000;
        if (read_record(input, record, draw, step)) {
            return true;
        }
    }
    return false;
}
