/*
 * Host memory: allocation that ends the process with one clear line when the
 * machine has none left (a host tool cannot go on; the target is another
 * process and is not touched), growable arrays, and an arena of strings.
 */
#ifndef LK_UTIL_MEM_H
#define LK_UTIL_MEM_H

#include "base/defs.h"

void *lk_xmalloc(size_t size);
void *lk_xcalloc(size_t n, size_t size);
void *lk_xrealloc(void *p, size_t size);
char *lk_xstrdup(const char *s);
char *lk_xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Makes room for one more element: doubles *capacity (elements) as needed. */
void *lk_grow(void *array, size_t count, size_t *capacity, size_t element_size);

/* Frees and gives NULL, for `p = lk_free(p)`. */
void *lk_free(void *p);

/*
 * Interned strings: equal strings are one pointer, so that names compare by
 * pointer; all live until lk_strings_free.  One thread at a time.
 */
struct lk_strings;
struct lk_strings *lk_strings_new(void);
struct lk_strings *lk_strings_free(struct lk_strings *s);
const char *lk_strings_add(struct lk_strings *s, const char *text);
const char *lk_strings_add_n(struct lk_strings *s, const char *text, size_t size);

#endif
