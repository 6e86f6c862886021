/* SPDX-License-Identifier: Apache-2.0 */
/* best_fit.c: the smallest free chunk that is large enough; of equals the one with the lowest
 * address.
 *
 * D. E. Knuth, The Art of Computer Programming, vol. 1, section 2.5 (the best-fit method);
 * P. R. Wilson, M. S. Johnstone, M. Neely, D. Boles, Dynamic Storage
 * Allocation: A Survey and Critical Review, IWMM 1995, section 3.
 * Owns: the search; boundary_tag.h tells the rest.
 *
 *     | used |  free 24  | used |    free 96    | used |  free 64  |      a request of 50 bytes
 *                                                      '- here
 *
 * Invariants: changes nothing. Time: the whole free list, unless a chunk fits exactly; unbounded.
 */
#include "boundary_tag.h"

static uint32_t best_fit_search(struct smh_heap *heap, const struct smh_tag_request *request)
{
    uint32_t best = SMH_TAG_NONE;
    uint32_t best_size = UINT32_MAX;
    uint32_t unit = smh_tag_first(heap);

    while (unit != SMH_TAG_NONE && best_size != request->need) {
        uint32_t size = smh_tag_size_at(heap, unit);

        if (size < best_size && smh_tag_fits(heap, unit, request)) {
            best = unit;
            best_size = size;
        }
        unit = smh_tag_after(heap, unit);
    }
    return best;
}

static void *best_fit_alloc(struct smh_heap *heap, size_t bytes)
{
    return smh_tag_alloc(heap, 0, bytes, best_fit_search);
}

static void *best_fit_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    return smh_tag_alloc(heap, align, bytes, best_fit_search);
}

const struct smh_engine smh_engine_best_fit = {
    SMH_TAG_ENGINE,
    .name = "best_fit",
    .summary = "address-ordered best fit: the smallest chunk that suffices, boundary tags (Knuth)",
    .alloc = best_fit_alloc,
    .aligned_alloc = best_fit_aligned_alloc,
};
