/* SPDX-License-Identifier: Apache-2.0 */
/* first_fit.c: the textbook allocator: the free chunk with the lowest address that is large enough.
 *
 * D. E. Knuth, The Art of Computer Programming, vol. 1, section 2.5, algorithm A. Owns: the search;
 * boundary_tag.h tells the rest.
 *
 *     | used |  free 24  | used |    free 96    | used |  free 64  |      a request of 50 bytes
 *                                '- here
 *
 * Invariants: changes nothing. Time: the free list from its start, unbounded.
 */
#include "boundary_tag.h"

static uint32_t first_fit_search(struct smh_heap *heap, const struct smh_tag_request *request)
{
    uint32_t unit = smh_tag_first(heap);

    while (unit != SMH_TAG_NONE && !smh_tag_fits(heap, unit, request)) {
        unit = smh_tag_after(heap, unit);
    }
    return unit;
}

static void *first_fit_alloc(struct smh_heap *heap, size_t bytes)
{
    return smh_tag_alloc(heap, 0, bytes, first_fit_search);
}

static void *first_fit_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    return smh_tag_alloc(heap, align, bytes, first_fit_search);
}

const struct smh_engine smh_engine_first_fit = {
    SMH_TAG_ENGINE,
    .name = "first_fit",
    .summary = "address-ordered first fit with boundary tags, 8-byte headers (Knuth)",
    .alloc = first_fit_alloc,
    .aligned_alloc = first_fit_aligned_alloc,
};
