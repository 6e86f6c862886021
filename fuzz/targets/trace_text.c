/* trace_text.c: any bytes as a trace: plain, .rep, gzip or zstd.
 *
 * Owns: what must hold: it is read to its end or refused with a message, and what is read keeps
 * the rules of operation.h.
 */
#include "../../sim/workload/trace.h"
#include "../input/text.h"
#include "../stage.h"

const char fuzz_target[] = "trace_text";

static bool resolve(void *context, const char *name, uint32_t *attr)
{
    (void)context;
    *attr = (uint32_t)(unsigned char)name[0];
    return name[0] >= 'a' && name[0] <= 'm';
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct smh_error error = {{0}};
    struct smh_trace_options options = {.step_ns = 10, .resolve = resolve};
    if (size == 0) {
        return 0;
    }
    /* The last byte is options, so that it does not move the text. */
    uint8_t choice = bytes[size - 1];
    options.free_at_end = (choice & 1u) != 0;
    options.start_ns = (choice & 2u) != 0 ? UINT64_MAX - 1000 : 0;
    options.speed_num = (choice & 4u) != 0 ? UINT32_MAX : 0;
    options.speed_den = (choice & 4u) != 0 ? 3 : 0;
    options.max_operations = (choice & 8u) != 0 ? 3 : 0;
    struct smh_source *source = smh_trace_open(fuzz_file_of(bytes, size - 1),
                                               (choice & 16u) != 0 ? NULL : &options, &error);
    if (source == NULL) {
        fuzz_judge_error(&error);
        return 0;
    }
    fuzz_judge_source(source, 100000);
    return 0;
}
