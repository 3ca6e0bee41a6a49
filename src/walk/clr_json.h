/*
 * Reads the runtime's own description of its data (a JSON object of 10 KB), in
 * place: no heap, nothing kept.  A value is a range of text; members are found by
 * going through their object from its start, so a lookup costs microseconds and
 * is meant for attaching only.  Damaged text ends in "not there".
 */
#ifndef LK_WALK_CLR_JSON_H
#define LK_WALK_CLR_JSON_H

#include "base/defs.h"

struct lk_json {
	const char *at, *end;
};

/* The value of a member of the object; an empty range where there is none. */
struct lk_json lk_json_member(struct lk_json object, const char *name);

/* Element number `index` of an array; empty where there is none. */
struct lk_json lk_json_element(struct lk_json array, unsigned index);

/*
 * A number: plain, or as a string in hexadecimal ("0x14").  false where the value
 * is no such thing.
 */
bool lk_json_number(struct lk_json value, uint64_t *ret_number);

LK_INLINE bool lk_json_is(struct lk_json value, char first)
{
	return value.at < value.end && *value.at == first;
}

#endif
