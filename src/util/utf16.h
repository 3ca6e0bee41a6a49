/*
 * UTF-16 as .NET writes it (little-endian) to UTF-8.  Unpaired surrogates become
 * U+FFFD.  The output is cut at a whole character and always NUL-terminated.
 */
#ifndef LK_UTIL_UTF16_H
#define LK_UTIL_UTF16_H

#include "base/cursor.h"

/* Converts nr_units code units at bytes into text[size]; gives the length of the text. */
size_t lk_utf16_text(const uint8_t *bytes, size_t nr_units, char *text, size_t size);

/* Takes a NUL-terminated string off the cursor; the text is empty where it is damaged. */
size_t lk_utf16_take(struct lk_cursor *c, char *text, size_t size);

/* Writes text as code units with a terminating 0 to units[max]; gives their count, 0: no room. */
size_t lk_utf16_units(const char *ascii, uint16_t *units, size_t max);

#endif
