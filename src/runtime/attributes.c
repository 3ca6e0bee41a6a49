#include "runtime/attributes.h"

#include "runtime/signature.h"

/* More than anybody puts on one thing; a damaged table may claim all of its rows. */
#define ATTRIBUTES_MAX 256u
#define PROLOG	       0x0001u

struct lk_attributes lk_attributes_of(
	const struct lk_metadata *md, enum lk_attribute_owner kind, uint32_t row)
{
	struct lk_attributes walk = {
		.md = md,
		.owner = row << 5 | kind,
		.left = ATTRIBUTES_MAX,
	};

	if (row && row < 1u << 27) /* the table is sorted by owner: walk back from the last */
		walk.row = lk_metadata_last_at_most(
			md, LK_TABLE_ATTRIBUTE, LK_ATTRIBUTE_PARENT, walk.owner);
	return walk;
}

/* The type whose constructor the attribute names: a TypeDef or TypeRef row, or neither. */
static void constructed_type(
	const struct lk_metadata *md, uint32_t constructor, uint32_t *ret_def, uint32_t *ret_ref)
{
	uint32_t row = constructor >> 3, parent;

	*ret_def = *ret_ref = 0;
	if ((constructor & 7) == 2) {
		*ret_def = lk_method_type(md, row);
	} else if ((constructor & 7) == 3) {
		parent = lk_metadata_cell(md, LK_TABLE_MEMBER_REF, row, LK_MEMBER_REF_CLASS);
		if ((parent & 7) == 0)
			*ret_def = parent >> 3;
		else if ((parent & 7) == 1)
			*ret_ref = parent >> 3;
	}
}

static void name_type(
	const struct lk_metadata *md, uint32_t def, uint32_t ref, struct lk_attribute *attribute)
{
	uint32_t space, name;

	if (def) {
		space = lk_metadata_cell(md, LK_TABLE_TYPE_DEF, def, LK_TYPE_DEF_SPACE);
		name = lk_metadata_cell(md, LK_TABLE_TYPE_DEF, def, LK_TYPE_DEF_NAME);
	} else {
		space = lk_metadata_cell(md, LK_TABLE_TYPE_REF, ref, LK_TYPE_REF_SPACE);
		name = lk_metadata_cell(md, LK_TABLE_TYPE_REF, ref, LK_TYPE_REF_NAME);
	}
	attribute->space = lk_metadata_string(md, space);
	attribute->name = lk_metadata_string(md, name);
}

bool lk_attributes_next(struct lk_attributes *walk, struct lk_attribute *ret_attribute)
{
	const struct lk_metadata *md = walk->md;
	uint32_t row = walk->row, def, ref;

	if (!row || !walk->left ||
		lk_metadata_cell(md, LK_TABLE_ATTRIBUTE, row, LK_ATTRIBUTE_PARENT) != walk->owner)
		return false;
	walk->row--;
	walk->left--;
	constructed_type(
		md, lk_metadata_cell(md, LK_TABLE_ATTRIBUTE, row, LK_ATTRIBUTE_TYPE), &def, &ref);
	name_type(md, def, ref, ret_attribute);
	ret_attribute->value = lk_metadata_blob(
		md, lk_metadata_cell(md, LK_TABLE_ATTRIBUTE, row, LK_ATTRIBUTE_VALUE));
	return true;
}

bool lk_attribute_text(
	const struct lk_attribute *attribute, const char **ret_text, size_t *ret_size)
{
	struct lk_cursor c = attribute->value;
	const uint8_t *text;
	uint32_t size;

	if (lk_cursor_u16(&c) != PROLOG || !lk_cursor_left(&c) || *c.at == 0xff)
		return false;
	size = lk_metadata_unsigned(&c);
	text = lk_cursor_take(&c, size);
	if (!text)
		return false;
	*ret_text = (const char *)text;
	*ret_size = size;
	return true;
}
