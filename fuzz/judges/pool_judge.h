/* pool_judge.h: a pool asked about its regions.
 *
 * Owns: what a pool must refuse, code by code, that regions, heaps and names are found again, that
 * statistics add up, and how far requests may go into a reserve.
 * Invariants: the pool under test stays as it was.
 */
#ifndef FUZZ_POOL_JUDGE_H
#define FUZZ_POOL_JUDGE_H

#include "../stage.h"

/* What smh_pool_init refuses; a pool of its own then knows and serves nothing. What is left out of
 * a configuration, and the least and the most threshold of small requests, by where blocks lie. */
void fuzz_judge_pool_init(void);
/* Regions that may not be added. */
void fuzz_judge_pool_refusals(struct fuzz_stage *stage, unsigned argument);
/* Regions by address, number and name. */
void fuzz_judge_pool_lookups(struct fuzz_stage *stage);
/* The statistics of an attribute, or SMH_ATTR_ANY: the sum of its regions'. failed: requests that
 * the pool has answered with NULL. */
void fuzz_judge_pool_statistics(struct fuzz_stage *stage, uint32_t attr, uint64_t failed);
/* A region whose counters are wrong is named, wherever there is room for the name. */
void fuzz_judge_pool_check(struct fuzz_stage *stage, unsigned argument);
/* A reserve is made just what a request, or a block's growth, leaves, and a byte more: served, and
 * refused. In a pool of one region, whose bits are more than those asked for. Gives how many
 * requests the pool has answered with NULL. */
uint64_t fuzz_judge_reserve_edge(struct fuzz_stage *stage, size_t bytes);

/* Products that do not fit; how many requests have failed. */
uint64_t fuzz_judge_pool_products(struct smh_pool *pool, const struct smh_fuzz_step *step);

/* Whatever the ranks do meanwhile, no region that has room is passed over. How many requests have
 * failed. */
uint64_t fuzz_judge_restless(struct fuzz_stage *stage, const struct smh_operation *operation);

#endif
