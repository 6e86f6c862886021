/* nothing.h: NULL, and what was never made, given to every function that may be given it.
 *
 * Owns: the answers, by the contracts in include/smh; they depend on no input.
 */
#ifndef FUZZ_NOTHING_H
#define FUZZ_NOTHING_H

void fuzz_judge_nothing(void);

#endif
