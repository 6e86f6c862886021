/* progress.c: the progress line of long work, and how fast it was. See cli.h. */
#include "cli.h"

#include "../clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define FIRST_AFTER_NS UINT64_C(1000000000)
#define EVERY_NS       UINT64_C(250000000)

void smh_progress_start(struct smh_progress *progress, const char *what, uint64_t total, bool quiet)
{
    *progress = (struct smh_progress){
        .what = what,
        .total = total,
        .start_ns = smh_now_ns(),
        .enabled = !quiet && isatty(STDERR_FILENO),
    };
    progress->shown_ns = progress->start_ns + FIRST_AFTER_NS - EVERY_NS;
}

void smh_progress_step(struct smh_progress *progress, uint64_t done)
{
    if (!progress->enabled) {
        return;
    }
    uint64_t now = smh_now_ns();
    if (now < progress->shown_ns + EVERY_NS || now < progress->start_ns) {
        return;
    }
    progress->shown_ns = now;
    progress->shown = true;
    double elapsed = (double)(now - progress->start_ns) / 1e9;
    if (progress->total != 0 && done != 0) {
        double left = elapsed * smh_ratio((double)(progress->total - done), (double)done);
        fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 ", %.0f s left \033[K", progress->what,
                done, progress->total, left);
    } else {
        fprintf(stderr, "\r%s: %" PRIu64 ", %.0f s \033[K", progress->what, done, elapsed);
    }
    fflush(stderr);
}

void smh_progress_end(struct smh_progress *progress)
{
    if (progress->shown) {
        fputs("\r\033[K", stderr);
    }
}

void smh_cli_print_speed(const struct smh_result *result)
{
    fflush(stdout); /* in this order also where both go to one file */
    fprintf(stderr, "replayed in %.3f s of processor time, %.2f million operations a second\n",
            result->host_seconds,
            smh_ratio((double)result->operation_count, result->host_seconds * 1e6));
}
