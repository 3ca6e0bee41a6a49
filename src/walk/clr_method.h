/*
 * MethodDescs: what the runtime knows of a method, read in three pieces.  Shared by
 * clr*.c only.
 */
#ifndef LK_WALK_CLR_METHOD_H
#define LK_WALK_CLR_METHOD_H

#include "walk/clr.h"

/* As the runtime counts them; the others are code that somebody wrote. */
enum lk_clr_method_kind {
	LK_CLR_METHOD_PINVOKE = 2,
	LK_CLR_METHOD_DYNAMIC = 7,
};

struct lk_clr_method {
	uint32_t kind;
	uint32_t token; /* 0: has none */
	uint64_t module;
	bool emitted; /* of kind DYNAMIC: a DynamicMethod */
};

/* -ENODATA: no MethodDesc there. */
int lk_clr_method_read(uint64_t at, struct lk_clr_method *ret);

/* Whether the method was made by System.Reflection.Emit: it, and its code, may be freed. */
bool lk_clr_is_emitted(uint64_t method);

#endif
