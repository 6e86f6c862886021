/* SPDX-License-Identifier: Apache-2.0 */
/* text.h: the one question that the core asks of a string.
 *
 * Owns: smh_same_text, for looking up engines and policies by name without libc.
 */
#ifndef SMH_TEXT_H
#define SMH_TEXT_H

#include <stdbool.h>

static inline bool smh_same_text(const char *left, const char *right)
{
    while (*left != '\0' && *left == *right) {
        left++;
        right++;
    }
    return *left == *right;
}

#endif
