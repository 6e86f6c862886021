/* SPDX-License-Identifier: Apache-2.0 */
/* worst_fit.c: the largest free chunk, if the block fits; of equals the one with the lowest
 * address.
 *
 * P. R. Wilson, M. S. Johnstone, M. Neely, D. Boles, Dynamic Storage
 * Allocation: A Survey and Critical Review, IWMM 1995, section 3,
 * who find that it does badly: it spares itself small remainders and uses up large chunks. Owns:
 * the search; boundary_tag.h tells the rest.
 *
 *     | used |  free 24  | used |    free 96    | used |  free 64  |      a request of 20 bytes
 *                               '- here
 *
 * An aligned block goes into the largest chunk of those that can hold it.
 *
 * Invariants: changes nothing. Time: the whole free list, unbounded.
 */
#include "boundary_tag.h"

static uint32_t worst_fit_search(struct smh_heap *heap, const struct smh_tag_request *request)
{
    uint32_t worst = SMH_TAG_NONE;
    uint32_t worst_size = 0;

    for (uint32_t unit = smh_tag_first(heap); unit != SMH_TAG_NONE;
         unit = smh_tag_after(heap, unit)) {
        uint32_t size = smh_tag_size_at(heap, unit);

        if (size > worst_size && smh_tag_fits(heap, unit, request)) {
            worst = unit;
            worst_size = size;
        }
    }
    return worst;
}

static void *worst_fit_alloc(struct smh_heap *heap, size_t bytes)
{
    return smh_tag_alloc(heap, 0, bytes, worst_fit_search);
}

static void *worst_fit_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    return smh_tag_alloc(heap, align, bytes, worst_fit_search);
}

const struct smh_engine smh_engine_worst_fit = {
    SMH_TAG_ENGINE,
    .name = "worst_fit",
    .summary = "address-ordered worst fit: the largest chunk, boundary tags (Wilson et al.)",
    .alloc = worst_fit_alloc,
    .aligned_alloc = worst_fit_aligned_alloc,
};
