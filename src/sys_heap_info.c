/* SPDX-License-Identifier: Apache-2.0 */
/* sys_heap_info.c: sys_heap_print_info, without a printf beneath.
 *
 * Owns: a line of text built on the stack, and the three tables: buckets, chunks, totals.
 *
 *     bucket   least units   chunks   largest units   largest bytes
 *          5            33        1              61             480
 *
 * Invariants: reads the heap only after the validator has passed, so that damage is reported and
 * not followed; a line never exceeds its buffer.
 */
#include "engine/zephyr_layout.h"
#include "heap_private.h"

#include <smh/sys_heap.h>

#define LINE_BYTES  80u
#define DIGITS_MOST 20u
_Static_assert(SIZE_MAX <= UINT64_MAX, "no size has more than twenty digits");

struct line {
    char text[LINE_BYTES];
    unsigned length;
};

static void put(struct line *line, const char *text)
{
    while (*text != '\0' && line->length + 1 < LINE_BYTES) {
        line->text[line->length] = *text;
        line->length++;
        text++;
    }
}

/* A decimal digit of *value, which loses it: division by ten, by subtraction of shifted tens. */
static char take_digit(size_t *value)
{
    size_t quotient = 0;
    size_t rest = *value;

    for (unsigned shift = sizeof(size_t) * 8 - 4; shift < sizeof(size_t) * 8; shift--) {
        size_t tens = (size_t)10 << shift;

        if (rest >= tens) {
            rest -= tens;
            quotient |= (size_t)1 << shift;
        }
    }
    *value = quotient;
    return (char)('0' + rest);
}

/* A number, right-justified in a column. */
static void put_number(struct line *line, unsigned width, size_t value)
{
    char digits[DIGITS_MOST + 1];
    unsigned first = DIGITS_MOST;

    digits[DIGITS_MOST] = '\0';
    do {
        first--;
        digits[first] = take_digit(&value);
    } while (value != 0);
    for (unsigned used = DIGITS_MOST - first; used < width; used++) {
        put(line, " ");
    }
    put(line, digits + first);
}

static void print(struct line *line)
{
    line->text[line->length] = '\0';
    smh_port_print(line->text);
    line->length = 0;
}

static void print_buckets(const struct smh_heap *heap, struct zephyr z, struct line *line)
{
    uint32_t buckets = zephyr_bucket(z.big, zephyr_end(heap)) + 1;

    put(line, "bucket   least units   chunks   largest units   largest bytes");
    print(line);
    for (uint32_t i = 0; i < buckets; i++) {
        uint32_t head = zephyr_buckets(heap, z)[i];
        uint32_t chunk = head;
        uint32_t largest = 0;
        size_t count = 0;

        if (head == 0) {
            continue;
        }
        do {
            uint32_t units = zephyr_size(z, chunk);

            largest = units > largest ? units : largest;
            count++;
            chunk = zephyr_get(z, chunk, ZEPHYR_NEXT);
        } while (chunk != head);
        put_number(line, 6, i);
        put_number(line, 14, ((size_t)1 << i) + zephyr_smallest(z.big) - 1);
        put_number(line, 9, count);
        put_number(line, 16, largest);
        put_number(line, 16, zephyr_usable(z, largest));
        print(line);
    }
}

static void print_chunks(const struct smh_heap *heap, struct zephyr z, struct line *line)
{
    uint32_t end = zephyr_end(heap);

    put(line, "  unit   state    units     left");
    print(line);
    for (uint32_t chunk = 0; chunk < end; chunk += zephyr_size(z, chunk)) {
        uint32_t units = zephyr_size(z, chunk);

        put_number(line, 6, chunk);
        put(line, chunk == 0                       ? "  header"
                  : zephyr_used(z, chunk)          ? "    used"
                  : units < zephyr_smallest(z.big) ? "   stray"
                                                   : "    free");
        put_number(line, 9, units);
        put_number(line, 9, zephyr_get(z, chunk, ZEPHYR_LEFT));
        print(line);
    }
}

void sys_heap_print_info(struct sys_heap *heap, bool dump_chunks)
{
    struct line line = {{0}, 0};
    struct smh_zephyr_counters counters;
    struct zephyr z;
    size_t total;

    if (!sys_heap_validate(heap)) {
        smh_port_print("heap: not initialised, or damaged");
        return;
    }
    z = zephyr_of(&heap->smh, zephyr_big(&heap->smh));
    put(&line, "heap of ");
    put_number(&line, 0, zephyr_end(&heap->smh));
    put(&line, " units of 8 bytes");
    print(&line);
    print_buckets(&heap->smh, z, &line);
    if (dump_chunks) {
        print_chunks(&heap->smh, z, &line);
    }
    counters = smh_zephyr_counters(&heap->smh);
    total = ((size_t)zephyr_end(&heap->smh) << ZEPHYR_UNIT_SHIFT) + zephyr_header_bytes(z.big);
    put_number(&line, 0, counters.free_bytes);
    put(&line, " bytes free, ");
    put_number(&line, 0, counters.allocated_bytes);
    put(&line, " allocated, ");
    put_number(&line, 0, total - counters.free_bytes - counters.allocated_bytes);
    put(&line, " overhead");
    print(&line);
}
