/*
 * The native side of the patterns: a library that takes every by-reference argument
 * as [out], returns strings that its caller must free, calls back, and counts
 * references.  All blocks come from malloc, those of BSTRs laid out as .NET does it.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uchar.h>

#define API __attribute__((visibility("default"), noinline))

static const char16_t wide_text[] = u"from the callee";

/* The length in bytes lies before the text, four bytes that nobody uses before that. */
static char16_t *bstr_new(const char16_t *text, uint32_t bytes)
{
	char *block = malloc((bytes + 25) & ~15u);

	if (!block)
		abort();
	memcpy(block + 4, &bytes, sizeof(bytes));
	memcpy(block + 8, text, bytes);
	memset(block + 8 + bytes, 0, sizeof(char16_t));
	return (char16_t *)(void *)(block + 8);
}

API void callee_out_bstr(char16_t **out)
{
	*out = bstr_new(wide_text, sizeof(wide_text) - sizeof(char16_t));
}

API void callee_out_utf8(char **out)
{
	*out = strdup("from the callee");
}

API void callee_out_utf16(char16_t **out)
{
	*out = malloc(sizeof(wide_text));
	if (!*out)
		abort();
	memcpy(*out, wide_text, sizeof(wide_text));
}

API void callee_out_array(int32_t **out, int32_t count)
{
	*out = calloc((size_t)count, sizeof(**out));
}

/* The caller frees the name. */
API char *callee_name(void)
{
	return strdup("a name that the caller frees");
}

/* The callback's result is the callee's to free; it forgets unless told otherwise. */
API void callee_asks(char *(*ask)(void), int frees)
{
	char *answer = ask();

	if (frees)
		free(answer);
}

struct object;
struct object_vtbl {
	int32_t (*query_interface)(struct object *self, const void *iid, struct object **ret);
	uint32_t (*add_ref)(struct object *self);
	uint32_t (*release)(struct object *self);
};
struct object {
	const struct object_vtbl *vtbl;
	atomic_uint nr_refs;
	char load[112];
};

API uint32_t callee_object_add_ref(struct object *self)
{
	return atomic_fetch_add(&self->nr_refs, 1) + 1;
}

API uint32_t callee_object_release(struct object *self)
{
	uint32_t left = atomic_fetch_sub(&self->nr_refs, 1) - 1;

	if (!left)
		free(self);
	return left;
}

static int32_t object_query_interface(struct object *self, const void *iid, struct object **ret)
{
	callee_object_add_ref(self);
	*ret = self;
	return 0;
}

static const struct object_vtbl object_vtbl = {
	.query_interface = object_query_interface,
	.add_ref = callee_object_add_ref,
	.release = callee_object_release,
};

/* An IUnknown with one reference, the caller's. */
API struct object *callee_object_new(void)
{
	struct object *object = calloc(1, sizeof(*object));

	if (!object)
		abort();
	object->vtbl = &object_vtbl;
	atomic_init(&object->nr_refs, 1);
	return object;
}
