/* clock.h: the system's clocks in nanoseconds.
 *
 * Owns: the one reading of a clock. (The recorder stands alone and has its own.)
 */
#ifndef SMH_SIM_CLOCK_H
#define SMH_SIM_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SMH_SECOND_NS UINT64_C(1000000000)

/* What clock shows; never fails for the clocks that POSIX asks of every system. */
static inline uint64_t smh_clock_ns(clockid_t clock)
{
    struct timespec time;
    (void)clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * SMH_SECOND_NS + (uint64_t)time.tv_nsec;
}

/* Time that passes, from an arbitrary start on. */
static inline uint64_t smh_now_ns(void)
{
    return smh_clock_ns(CLOCK_MONOTONIC);
}

/* What two readings of smh_now_ns with nothing between them differ by: the least of many. */
static inline uint64_t smh_now_overhead_ns(void)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        uint64_t start = smh_now_ns();
        uint64_t taken = smh_now_ns() - start;
        least = taken < least ? taken : least;
    }
    return least;
}

/* Of the processor, for this thread: what else the machine does stays outside. */
static inline uint64_t smh_thread_ns(void)
{
    return smh_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

#endif
