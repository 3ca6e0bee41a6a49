/*
 * Numbers as people read them: 1 kB is 1,000 bytes.  Each writes into the
 * caller's buffer of LK_WORDING_MAX bytes and gives it back.
 */
#ifndef LK_LEAK_WORDING_H
#define LK_LEAK_WORDING_H

#include "base/defs.h"

#define LK_WORDING_MAX 48

const char *lk_word_bytes(char *out, double bytes);	/* "1.4 MB", "312 bytes" */
const char *lk_word_count(char *out, uint64_t n);	/* "1,234,567" */
const char *lk_word_seconds(char *out, double seconds); /* "0.05 s", "2 min 5 s", "3 h 20 min" */
const char *lk_word_percent(char *out, double percent); /* "99 %", "0.3 %" */

#endif
