/* SPDX-License-Identifier: Apache-2.0 */
/* next_fit.c: first fit that goes on where the last search ended.
 *
 * D. E. Knuth, The Art of Computer Programming, vol. 1, section 2.5, exercise 6 (the ROVER), whose
 * name is from P. R. Wilson, M. S. Johnstone, M. Neely, D. Boles, Dynamic Storage
 * Allocation: A Survey and Critical Review, IWMM 1995, section 3.
 * Owns: the search; boundary_tag.h tells the rest.
 *
 *     | used |  free 96  | used | block |    free 96    | used |  free 64  |    the next request
 *                                       '- rover, here first ------------->|    of 50 bytes
 *            '-------------------------' then here
 *
 * Invariants: the rover stands at a free chunk: what is left of the chunk that was taken last, or
 * the next one; or nowhere, and then the search begins at the start. When its chunk is merged into
 * another it stands there. A search that fails leaves it. Time: the free list once, unbounded.
 */
#include "boundary_tag.h"

static uint32_t next_fit_search(struct smh_heap *heap, const struct smh_tag_request *request)
{
    uint32_t rover = (uint32_t)heap->state[SMH_TAG_ROVER];
    uint32_t unit = rover;

    while (unit != SMH_TAG_NONE && !smh_tag_fits(heap, unit, request)) {
        unit = smh_tag_after(heap, unit);
    }
    if (unit == SMH_TAG_NONE) {
        unit = smh_tag_first(heap);
        while (unit != rover && !smh_tag_fits(heap, unit, request)) {
            unit = smh_tag_after(heap, unit);
        }
        if (unit == rover) {
            return SMH_TAG_NONE;
        }
    }
    /* What is taken from this chunk moves the rover on. */
    heap->state[SMH_TAG_ROVER] = unit;
    return unit;
}

static void *next_fit_alloc(struct smh_heap *heap, size_t bytes)
{
    return smh_tag_alloc(heap, 0, bytes, next_fit_search);
}

static void *next_fit_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    return smh_tag_alloc(heap, align, bytes, next_fit_search);
}

const struct smh_engine smh_engine_next_fit = {
    SMH_TAG_ENGINE,
    .name = "next_fit",
    .summary = "address-ordered next fit: first fit from where the last search ended (Knuth)",
    .alloc = next_fit_alloc,
    .aligned_alloc = next_fit_aligned_alloc,
};
