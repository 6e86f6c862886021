/* test_fuzz_input.c: any bytes, read as a workload. */
#include "../../sim/random.h"
#include "../../sim/workload/fuzz_input.h"

#include <criterion/criterion.h>
#include <string.h>

#define BYTES_MAX 4096

static size_t random_input(uint8_t *bytes, uint64_t seed)
{
    struct smh_random random;
    smh_random_init(&random, seed, 0);
    size_t size = smh_random_below(&random, BYTES_MAX);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)smh_random_next(&random);
    }
    bytes[0] = seed % 4 == 0 ? 0 : bytes[0]; /* every kind, now and then */
    bytes[1] = seed % 4 == 0 ? 0 : bytes[1];
    return size;
}

Test(fuzz_input, an_empty_input_is_one_small_region_and_no_operations)
{
    struct smh_fuzz_input input;
    struct smh_fuzz_step step;
    smh_fuzz_open(&input, NULL, 0);
    cr_assert_eq(input.config.region_count, 1);
    cr_assert_eq(input.config.regions[0].size, 64);
    cr_assert_eq(input.config.regions[0].engine, smh_engine_at(0));
    cr_assert_not(smh_fuzz_next(&input, &step));
}

Test(fuzz_input, every_input_keeps_the_rules_of_operations)
{
    uint8_t bytes[BYTES_MAX];
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct smh_fuzz_input input;
        struct smh_fuzz_step step;
        uint64_t filled = 0;
        uint64_t time_ns = 0;
        smh_fuzz_open(&input, bytes, random_input(bytes, seed));
        while (smh_fuzz_next(&input, &step)) {
            const struct smh_operation *operation = &step.operation;
            uint64_t bit = UINT64_C(1) << operation->slot;
            cr_assert_lt(operation->slot, SMH_FUZZ_SLOTS);
            cr_assert_eq(operation->align & (operation->align - 1), 0);
            cr_assert_geq(operation->time_ns, time_ns);
            time_ns = operation->time_ns;
            if (step.kind != SMH_FUZZ_OPERATION && step.kind != SMH_FUZZ_RESIZE) {
                continue;
            }
            if (operation->kind <= SMH_OPERATION_CALLOC) {
                cr_assert_eq(filled & bit, 0, "slot %u is filled twice", operation->slot);
                cr_assert_gt(operation->bytes, 0);
                filled |= bit;
            } else {
                cr_assert_neq(filled & bit, 0, "slot %u is empty", operation->slot);
            }
            if (operation->kind == SMH_OPERATION_FREE ||
                (operation->kind == SMH_OPERATION_REALLOC && operation->bytes == 0)) {
                filled &= ~bit;
            }
        }
    }
}

Test(fuzz_input, regions_fit_their_stride)
{
    uint8_t bytes[BYTES_MAX];
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct smh_fuzz_input input;
        smh_fuzz_open(&input, bytes, random_input(bytes, seed));
        for (size_t i = 0; i < SMH_FUZZ_REGIONS_MAX; i++) {
            const struct smh_fuzz_region *region = &input.config.regions[i];
            cr_assert_leq(region->head + region->odd + region->size, SMH_FUZZ_STRIDE - 64);
            cr_assert_leq(region->reserve_bytes, region->size);
            cr_assert_eq(region->head % 8, 0);
        }
    }
}

/* Old inputs keep their meaning: what the fourth byte adds is off where it is zero. */
Test(fuzz_input, the_first_five_policies_are_named_without_the_fourth_byte_and_the_others_by_it)
{
    uint8_t bytes[SMH_FUZZ_HEADER_BYTES] = {0};
    struct smh_fuzz_input input;
    for (unsigned i = 0; i < 9; i++) {
        bytes[2] = (uint8_t)(i < 5 ? i + 10 : i - 5);
        bytes[3] = (uint8_t)(i < 5 ? 0 : 0x80);
        smh_fuzz_open(&input, bytes, sizeof(bytes));
        cr_assert_eq(input.config.policy, smh_policy_at(i));
        cr_assert_eq(input.config.threshold_bytes, 0);
    }
    bytes[3] = 5;
    smh_fuzz_open(&input, bytes, sizeof(bytes));
    cr_assert_eq(input.config.threshold_bytes, 256);
}

Test(fuzz_input, a_region_has_a_priority_and_a_cost_of_its_own)
{
    uint8_t bytes[SMH_FUZZ_HEADER_BYTES] = {0};
    struct smh_fuzz_input input;
    bytes[9] = 6u << 5;      /* flags of the first region */
    bytes[14] = 5u << 3 | 1; /* its attribute */
    smh_fuzz_open(&input, bytes, sizeof(bytes));
    cr_assert_eq(input.config.regions[0].cost, 7);
    cr_assert_eq(input.config.regions[0].priority, 5);
    cr_assert_eq(input.config.regions[0].attr, 1);
}

/* Kinds 22 to 24 are reallocs (fuzz_input.c); kind 0 allocates. */
Test(fuzz_input, a_kind_that_is_switched_off_does_not_occur)
{
    uint8_t bytes[SMH_FUZZ_HEADER_BYTES + 3 * SMH_FUZZ_RECORD_BYTES] = {0};
    struct smh_fuzz_input input;
    struct smh_fuzz_step step;
    bytes[SMH_FUZZ_HEADER_BYTES + SMH_FUZZ_RECORD_BYTES] = 22;
    smh_fuzz_open(&input, bytes, sizeof(bytes));
    cr_assert(smh_fuzz_next(&input, &step) && step.operation.kind == SMH_OPERATION_ALLOC);
    cr_assert(smh_fuzz_next(&input, &step) && step.operation.kind == SMH_OPERATION_REALLOC);
    cr_assert(smh_fuzz_next(&input, &step) && step.operation.kind == SMH_OPERATION_ALLOC);
    bytes[0] = 1u << SMH_FUZZ_GROUP_REALLOC;
    smh_fuzz_open(&input, bytes, sizeof(bytes));
    cr_assert(smh_fuzz_next(&input, &step) && step.operation.kind == SMH_OPERATION_ALLOC);
    cr_assert(smh_fuzz_next(&input, &step) && step.operation.kind == SMH_OPERATION_ALLOC);
    cr_assert_not(smh_fuzz_next(&input, &step));
}

Test(fuzz_input, when_all_slots_are_filled_an_allocation_frees_one)
{
    enum { RECORDS = SMH_FUZZ_SLOTS + 1 };
    uint8_t bytes[SMH_FUZZ_HEADER_BYTES + RECORDS * SMH_FUZZ_RECORD_BYTES] = {0};
    struct smh_fuzz_input input;
    struct smh_fuzz_step step = {0};
    smh_fuzz_open(&input, bytes, sizeof(bytes));
    for (size_t i = 0; i < RECORDS; i++) {
        cr_assert(smh_fuzz_next(&input, &step));
    }
    cr_assert_eq(step.operation.kind, SMH_OPERATION_FREE);
}
