/* test_tracing_witness.c: the host's own pages bear witness that no access goes unnoticed.
 *
 * The compiler's tracing does not see what it makes of struct copies, and how would one know? Here
 * every page of the machine is taken away while the allocator runs. Each instruction that touches
 * one faults; the fault is written down, the page given back for one instruction (the processor's
 * trap flag), and taken away again.
 *
 *     instruction -> SIGSEGV: note the address, open the pages, single-step
 *                 -> SIGTRAP: close the pages
 */
#include "given.h"

#include "../../sim/machine/tracing.h"
#include "../../sim/random.h"

#include <criterion/criterion.h>

#if defined(__x86_64__) && defined(__linux__)
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define FAULTS_MAX 100000
#define TRAP_FLAG  0x100
#define WRITE_BIT  2

static struct smh_machine machine;
static uint8_t *pages; /* of the only region, with its slack */
static size_t page_bytes;
static struct fault {
    uintptr_t address;
    bool store;
} faults[FAULTS_MAX];
static volatile size_t fault_count;

static void on_fault(int signal, siginfo_t *information, void *context)
{
    ucontext_t *machine_context = context;
    uintptr_t address = (uintptr_t)information->si_addr;
    (void)signal;
    if (address - (uintptr_t)pages >= page_bytes || fault_count == FAULTS_MAX) {
        abort();
    }
    faults[fault_count].address = address;
    faults[fault_count].store = (machine_context->uc_mcontext.gregs[REG_ERR] & WRITE_BIT) != 0;
    fault_count++;
    mprotect(pages, page_bytes, PROT_READ | PROT_WRITE);
    machine_context->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_step(int signal, siginfo_t *information, void *context)
{
    ucontext_t *machine_context = context;
    (void)signal;
    (void)information;
    mprotect(pages, page_bytes, PROT_NONE);
    machine_context->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

static void open_machine(const struct smh_engine *engine, const struct smh_core *core)
{
    struct smh_scenario *scenario =
        given_scenario("{'schema':1,'name':'one','machine':{'target_bits':32,'regions':["
                       "{'name':'ram','base':'0x20000000','size':'64K','attr':'cacheable'}]},"
                       "'workload':[{'actor':'a','ops':[{'alloc':'x','bytes':8},{'free':'x'}]}]}");
    struct smh_error error = {0};
    struct smh_machine_choice choice = {.engine = engine, .core = core};
    cr_assert(smh_machine_open(&machine, scenario, &choice, &error) == 0, "%s", error.message);
    pages = machine.regions[0].memory;
    page_bytes = 64 << 10;
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    struct sigaction step = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGTRAP, &step, NULL);
}

static void close_machine(void)
{
    smh_machine_close(&machine);
    given_clear();
}

/* Whether some access of the log covers this byte, and stores where it was stored. */
static bool is_noted(const struct smh_traced_access *accesses, size_t count, uintptr_t address,
                     bool store)
{
    for (size_t i = 0; i < count; i++) {
        if (address - accesses[i].address < accesses[i].bytes && (accesses[i].store || !store)) {
            return true;
        }
    }
    return false;
}

static bool is_witnessed(const struct smh_traced_access *access)
{
    for (size_t i = 0; i < fault_count; i++) {
        if (faults[i].address - access->address < access->bytes &&
            faults[i].store == access->store) {
            return true;
        }
    }
    return false;
}

#define SLOTS 40

/* One random request, as the traced and the plain copy would get it in the same state. */
static void request(const struct smh_core *core, struct smh_random *random, void *blocks[SLOTS])
{
    size_t slot = (size_t)smh_random_below(random, SLOTS);
    size_t bytes = 1 + (size_t)smh_random_below(random, 900);
    size_t align = (size_t)1 << smh_random_below(random, 7);
    uint64_t what = smh_random_below(random, 4);
    struct smh_pool *pool = &machine.pool;
    void *block = blocks[slot];
    fault_count = 0;
    mprotect(pages, page_bytes, PROT_NONE);
    if (block != NULL && what < 2) {
        core->pool_free(pool, block);
        blocks[slot] = NULL;
    } else if (block != NULL || what == 0) {
        void *moved = core->pool_aligned_realloc(pool, 0, block, align, bytes);
        blocks[slot] = moved != NULL ? moved : block;
    } else if (what == 1) {
        blocks[slot] = core->pool_calloc(pool, 0, 1, bytes);
    } else {
        blocks[slot] = core->pool_aligned_alloc(pool, 0, align, bytes);
    }
    mprotect(pages, page_bytes, PROT_READ | PROT_WRITE);
}

TestSuite(tracing_witness, .fini = close_machine, .timeout = 120);

Test(tracing_witness, every_access_faults_and_every_fault_is_noted)
{
    for (size_t engine = 0; smh_engine_at(engine) != NULL; engine++) {
        struct smh_random random;
        void *blocks[SLOTS] = {0};
        open_machine(smh_engine_at(engine), &smh_core_traced);
        smh_random_init(&random, 11, engine);
        for (int i = 0; i < 400; i++) {
            struct smh_traced_access *accesses;
            smh_tracing_begin(pages, page_bytes);
            request(&smh_core_traced, &random, blocks);
            size_t count = smh_tracing_end(&accesses);
            for (size_t j = 0; j < fault_count; j++) {
                cr_assert(is_noted(accesses, count, faults[j].address, faults[j].store),
                          "engine %s, request %d: a %s of ram+0x%zx was not noted",
                          smh_engine_at(engine)->name, i, faults[j].store ? "store" : "load",
                          (size_t)(faults[j].address - (uintptr_t)pages));
            }
            for (size_t j = 0; j < count; j++) {
                cr_assert(is_witnessed(&accesses[j]),
                          "engine %s, request %d: access %zu did not happen",
                          smh_engine_at(engine)->name, i, j);
            }
        }
        smh_machine_close(&machine);
    }
}

Test(tracing_witness, an_access_that_is_not_noted_is_seen)
{
    struct smh_random random;
    void *blocks[SLOTS] = {0};
    struct smh_traced_access *accesses;
    open_machine(&smh_engine_bitmap, &smh_core_plain); /* which notes nothing */
    smh_random_init(&random, 17, 0);
    smh_tracing_begin(pages, page_bytes);
    request(&smh_core_plain, &random, blocks);
    size_t count = smh_tracing_end(&accesses);
    cr_assert(fault_count > 0);
    cr_assert(!is_noted(accesses, count, faults[0].address, faults[0].store));
}

/* The two copies are compiled by different compilers; what they touch is what src/ says. Built for
 * size, the plain copy goes other ways than the traced one. */
#ifndef __OPTIMIZE_SIZE__
static struct fault plain_faults_seen[FAULTS_MAX];

static void exchange(struct smh_machine *other)
{
    struct smh_machine swap = machine;
    machine = *other;
    *other = swap;
    pages = machine.regions[0].memory;
}

Test(tracing_witness, the_plain_copy_touches_nothing_that_the_traced_one_does_not)
{
    for (size_t engine = 0; smh_engine_at(engine) != NULL; engine++) {
        struct smh_random random;
        struct smh_random again;
        struct smh_machine other;
        void *blocks[SLOTS] = {0};
        void *copies[SLOTS] = {0};
        open_machine(smh_engine_at(engine), &smh_core_traced);
        other = machine;
        open_machine(smh_engine_at(engine), &smh_core_plain);
        smh_random_init(&random, 13, engine);
        again = random;
        for (int i = 0; i < 300; i++) {
            request(&smh_core_plain, &random, blocks);
            size_t plain_faults = fault_count;
            memcpy(plain_faults_seen, faults, plain_faults * sizeof(faults[0]));
            uintptr_t plain_pages = (uintptr_t)pages;
            exchange(&other);
            struct smh_traced_access *accesses;
            smh_tracing_begin(pages, page_bytes);
            request(&smh_core_traced, &again, copies);
            size_t count = smh_tracing_end(&accesses);
            for (size_t j = 0; j < plain_faults; j++) {
                uintptr_t offset = plain_faults_seen[j].address - plain_pages;
                cr_assert(is_noted(accesses, count, (uintptr_t)pages + offset,
                                   plain_faults_seen[j].store),
                          "engine %s, request %d: the plain copy touches ram+0x%zx",
                          smh_engine_at(engine)->name, i, (size_t)offset);
            }
            exchange(&other);
        }
        smh_machine_close(&other);
        smh_machine_close(&machine);
    }
}
#endif
#endif
