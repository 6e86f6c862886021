/* trap.h: memory between pages that trap, so that a test ends where code leaves what it was given.
 *
 *     | traps | bytes, whole pages ............ | traps |
 *                                               '-- trap_end()
 */
#ifndef TESTS_CORE_TRAP_H
#define TESTS_CORE_TRAP_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* The end of `bytes` zeroed bytes or more; behind it a page traps. Never unmapped. */
static inline uint8_t *trap_end(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t whole = (bytes + page - 1) / page * page;
    uint8_t *all = mmap(NULL, whole + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert(all != MAP_FAILED);
    cr_assert_eq(mprotect(all + page, whole, PROT_READ | PROT_WRITE), 0);
    return all + page + whole;
}

#endif
