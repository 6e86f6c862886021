/* mutant.h: the switch between a file and its mutants; included before anything else.
 *
 * Owns: SMH_MUTANT(k), true while mutant k is the one under test. With SMH_MUTANT_RECORD it is
 * always false, and notes that the place of mutant k was reached.
 */
#ifndef SMH_MUTANT_H
#define SMH_MUTANT_H

#ifdef SMH_MUTANT_RECORD
extern unsigned char *smh_mutant_reached;
static inline int smh_mutant_note(int k)
{
    smh_mutant_reached[k] = 1;
    return 0;
}
#define SMH_MUTANT(k) smh_mutant_note(k)
#else
extern int smh_mutant;
#define SMH_MUTANT(k) (smh_mutant == (k))
#endif

#endif
