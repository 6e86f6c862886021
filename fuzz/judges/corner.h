/* corner.h: heaps at addresses and of sizes that inputs never have.
 *
 * Owns: two places where an engine's layout depends on more than a region's size: around a multiple
 * of the largest block that buddies have, and where marks of long chunks would meet.
 */
#ifndef FUZZ_CORNER_H
#define FUZZ_CORNER_H

/* Once a process; depends on no input. */
void fuzz_judge_corners(void);

#endif
