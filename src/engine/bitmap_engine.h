/* SPDX-License-Identifier: Apache-2.0 */
/* bitmap_engine.h: the bitmap engine's functions, as a table.
 *
 * Owns: what stands in the table, and nothing else: bitmap.c makes it `smh_engine_bitmap`; a build
 * with SMH_SINGLE_ENGINE makes it a constant that the compiler folds into calls.
 */
#ifndef SMH_BITMAP_ENGINE_H
#define SMH_BITMAP_ENGINE_H

#include "bitmap_layout.h"

/* Where code is to be small, heap.c does in steps what these do in one. */
#ifdef __OPTIMIZE_SIZE__
#define SMH_BITMAP_ACQUIRE NULL
#define SMH_BITMAP_RELEASE NULL
#else
#define SMH_BITMAP_ACQUIRE smh_bitmap_acquire
#define SMH_BITMAP_RELEASE smh_bitmap_release
#endif

#define SMH_BITMAP_ENGINE                                                                         \
    {                                                                                             \
        .abi = SMH_ENGINE_ABI, .flags = SMH_ENGINE_EXACT, .name = "bitmap",                       \
        .summary = "good fit, no headers: boundaries in a bitmap out of band, exact verdicts",    \
        .init = smh_bitmap_init, .metadata_size = smh_bitmap_metadata_size,                       \
        .alloc = smh_bitmap_alloc, .acquire = SMH_BITMAP_ACQUIRE,                                 \
        .aligned_alloc = smh_bitmap_aligned_alloc, .free = smh_bitmap_free,                       \
        .release = SMH_BITMAP_RELEASE, .slide = smh_bitmap_slide, .resize = smh_bitmap_resize,    \
        .usable_size = smh_bitmap_usable_size, .verdict = smh_bitmap_verdict,                     \
        .largest_free = smh_bitmap_largest_free, .sufficient_chunk = smh_bitmap_sufficient_chunk, \
        .walk = smh_bitmap_walk, .check = smh_bitmap_check, .chunk_of = smh_bitmap_chunk_of,      \
    }

#endif
