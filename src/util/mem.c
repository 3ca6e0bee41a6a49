#include "util/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *p)
{
	if (!p) {
		fputs("leakline: out of memory\n", stderr);
		_Exit(3);
	}
	return p;
}

void *lk_xmalloc(size_t size)
{
	return check(malloc(size ? size : 1));
}

void *lk_xcalloc(size_t n, size_t size)
{
	return check(calloc(n ? n : 1, size ? size : 1));
}

void *lk_xrealloc(void *p, size_t size)
{
	return check(realloc(p, size ? size : 1));
}

char *lk_xstrdup(const char *s)
{
	return check(strdup(s));
}

char *lk_xasprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return check(n < 0 ? NULL : s);
}

void *lk_grow(void *array, size_t count, size_t *capacity, size_t element_size)
{
	if (count < *capacity)
		return array;
	*capacity = *capacity ? *capacity * 2 : 16;
	return lk_xrealloc(array, *capacity * element_size);
}

void *lk_free(void *p)
{
	free(p);
	return NULL;
}

/* Open addressing over pointers; the text lies in chunks that never move. */
struct chunk {
	struct chunk *next;
	size_t used, size;
	char text[];
};

struct lk_strings {
	struct chunk *chunks;
	const char **slots;
	size_t nr_slots, nr_used;
};

struct lk_strings *lk_strings_new(void)
{
	struct lk_strings *s = lk_xcalloc(1, sizeof(*s));

	s->nr_slots = 1024;
	s->slots = lk_xcalloc(s->nr_slots, sizeof(*s->slots));
	return s;
}

struct lk_strings *lk_strings_free(struct lk_strings *s)
{
	if (!s)
		return NULL;
	for (struct chunk *c = s->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(s->slots);
	free(s);
	return NULL;
}

static uint64_t hash_text(const char *text, size_t size)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < size; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3ull;
	return h ^ h >> 29;
}

static const char *copy_text(struct lk_strings *s, const char *text, size_t size)
{
	struct chunk *c = s->chunks;
	char *at;

	if (!c || c->size - c->used < size + 1) {
		size_t room = size + 1 > 65536 ? size + 1 : 65536;

		c = lk_xmalloc(sizeof(*c) + room);
		*c = (struct chunk){.next = s->chunks, .size = room};
		s->chunks = c;
	}
	at = c->text + c->used;
	memcpy(at, text, size);
	at[size] = 0;
	c->used += size + 1;
	return at;
}

static void rehash(struct lk_strings *s)
{
	size_t nr_old = s->nr_slots;
	const char **old = s->slots;

	s->nr_slots *= 2;
	s->slots = lk_xcalloc(s->nr_slots, sizeof(*s->slots));
	for (size_t i = 0; i < nr_old; i++) {
		size_t at;

		if (!old[i])
			continue;
		at = hash_text(old[i], strlen(old[i])) & (s->nr_slots - 1);
		while (s->slots[at])
			at = (at + 1) & (s->nr_slots - 1);
		s->slots[at] = old[i];
	}
	free(old);
}

const char *lk_strings_add_n(struct lk_strings *s, const char *text, size_t size)
{
	size_t at;

	size = strnlen(text, size);
	if (s->nr_used * 2 >= s->nr_slots)
		rehash(s);
	at = hash_text(text, size) & (s->nr_slots - 1);
	for (; s->slots[at]; at = (at + 1) & (s->nr_slots - 1))
		if (!strncmp(s->slots[at], text, size) && !s->slots[at][size])
			return s->slots[at];
	s->nr_used++;
	return s->slots[at] = copy_text(s, text, size);
}

const char *lk_strings_add(struct lk_strings *s, const char *text)
{
	return lk_strings_add_n(s, text, strlen(text));
}
