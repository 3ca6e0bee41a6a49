/*
 * Custom attributes of a method, type or assembly (ECMA-335 II.22.10).  Of a damaged
 * table some may be missed or belong to others; the number looked at is bounded.
 */
#ifndef LK_RUNTIME_ATTRIBUTES_H
#define LK_RUNTIME_ATTRIBUTES_H

#include "runtime/metadata.h"

/* What an attribute is put on: its tag in the coded index (II.24.2.6). */
enum lk_attribute_owner {
	LK_ATTRIBUTE_OF_METHOD = 0,
	LK_ATTRIBUTE_OF_TYPE = 3,
	LK_ATTRIBUTE_OF_ASSEMBLY = 14,
};

/* An attribute; its strings and bytes lie in the metadata. */
struct lk_attribute {
	const char *space, *name; /* of its type: "System", "ObsoleteAttribute"; never NULL */
	struct lk_cursor value;	  /* fixed and named arguments (II.23.3), bad where damaged */
};

/* A walk over the attributes of one owner; start with lk_attributes_of. */
struct lk_attributes {
	const struct lk_metadata *md;
	uint32_t owner, row;
	unsigned left;
};

struct lk_attributes lk_attributes_of(
	const struct lk_metadata *md, enum lk_attribute_owner kind, uint32_t row);
bool lk_attributes_next(struct lk_attributes *walk, struct lk_attribute *ret_attribute);

/*
 * The first argument of an attribute whose first argument is a string or a type; false where
 * it is null or damaged.
 */
bool lk_attribute_text(
	const struct lk_attribute *attribute, const char **ret_text, size_t *ret_size);

#endif
