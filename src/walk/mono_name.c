#include "walk/mono.h"
#include "walk/peek.h"

#include <errno.h>

#define MAX_NESTING  8u
#define TABLE_METHOD 6u
#define TOKEN_METHOD 0x06000000u

/* Bits of the word behind MonoMethod.name, and MonoMethodInflated.declaring. */
#define METHOD_KIND(bits) ((bits) >> 2 & 31)
#define METHOD_INFLATED	  (1u << 12)
#define METHOD_DECLARING  56u
#define TRAMPOLINE_NAME	  16u

/* MonoSeqPointInfo: size << 2 | data follows | has debug data, as 7-bit groups */
#define SEQ_DEBUG  1u
#define SEQ_INLINE 2u

static int string_at(uint64_t field, char *to, size_t size)
{
	uint64_t addr;

	to[0] = 0;
	if (lk_peek_u64(field, &addr) || !addr)
		return -EFAULT;
	return lk_peek_string(addr, to, size);
}

static void name_image(uint64_t image, struct lk_walk_name *name)
{
	string_at(image + lk_mono.image_path, name->image, sizeof(name->image));
}

/* "Outer/Inner", and the namespace, which only the outermost class has. */
static void name_class(uint64_t klass, struct lk_walk_name *name)
{
	uint64_t chain[MAX_NESTING], image;
	size_t nr = 0, at = 0;

	for (uint64_t k = klass; k && nr < MAX_NESTING;) {
		chain[nr++] = k;
		if (lk_peek_u64(k + lk_mono.class_nested, &k))
			break;
	}
	if (!nr)
		return;
	string_at(chain[nr - 1] + lk_mono.class_space, name->space, sizeof(name->space));
	if (!lk_peek_u64(klass + lk_mono.class_image, &image))
		name_image(image, name);
	while (nr-- && at + 2 < sizeof(name->klass)) {
		int n = string_at(chain[nr] + lk_mono.class_name, name->klass + at,
			sizeof(name->klass) - at - 1);

		at += n > 0 ? (size_t)n : 0;
		if (nr)
			name->klass[at++] = '/';
	}
	name->klass[at] = 0;
}

static uint32_t method_token(uint64_t method, uint32_t bits)
{
	uint64_t declaring;
	uint32_t token = 0;

	if (lk_peek_u32(method + lk_mono.method_token, &token))
		return 0;
	if (token >> 24 == TABLE_METHOD)
		return token;
	/* An instance of a generic method: the token of what it was made from. */
	if (!(bits & METHOD_INFLATED) || lk_peek_u64(method + METHOD_DECLARING, &declaring) ||
		lk_peek_u32(declaring + lk_mono.method_token, &token))
		return 0;
	return token >> 24 == TABLE_METHOD ? token : 0;
}

static void name_method(uint64_t method, struct lk_walk_name *name)
{
	uint64_t klass;
	uint32_t bits = 0;

	name->info.handle = method;
	if (lk_mono_names_check() || lk_peek_u32(method + lk_mono.method_name + 8, &bits))
		return;
	name->info.kind = METHOD_KIND(bits);
	name->info.token = method_token(method, bits);
	string_at(method + lk_mono.method_name, name->name, sizeof(name->name));
	if (!lk_peek_u64(method + lk_mono.method_class, &klass))
		name_class(klass, name);
}

static void map_put_head(struct lk_walk_name *name, uint32_t head)
{
	do {
		name->map[name->map_size++] = (uint8_t)((head & 0x7f) | (head > 0x7f ? 0x80 : 0));
		head >>= 7;
	} while (head);
}

/*
 * Copies the sequence points, data inline wherever it was.  A table that does
 * not fit is left out: half of one would give wrong lines.
 */
static void name_map(uint64_t seq_points, struct lk_walk_name *name)
{
	uint8_t bytes[16];
	uint32_t head = 0, size, i = 0, shift = 0;
	size_t n = seq_points ? lk_peek_some(seq_points, bytes, sizeof(bytes)) : 0;
	uint64_t data;

	do {
		if (i >= n || i == 4)
			return;
		head |= (uint32_t)(bytes[i] & 0x7f) << shift;
		shift += 7;
	} while (bytes[i++] & 0x80);
	size = head >> 2;
	data = seq_points + i;
	if (!(head & SEQ_INLINE)) {
		if (i + sizeof(data) > n)
			return;
		__builtin_memcpy(&data, bytes + i, sizeof(data));
	}
	if (!size || size + 4 > LK_WALK_MAP)
		return;
	map_put_head(name, head | SEQ_INLINE);
	if (lk_peek(data, name->map + name->map_size, size))
		name->map_size = 0;
	else
		name->map_size += size;
}

void lk_mono_name_code(const struct lk_mono_code *code, struct lk_walk_name *name)
{
	name->info.start = code->start;
	name->info.size = code->size;
	if (lk_mono_is_trampoline(code)) {
		name->info.flags |= LK_CODE_FLAG_TRAMPOLINE;
		string_at(code->owner + TRAMPOLINE_NAME, name->name, sizeof(name->name));
		return;
	}
	name_method(code->owner, name);
	name_map(code->seq_points, name);
}

/* The number of methods of an image; 0: not known. */
static uint32_t image_methods(uint64_t image)
{
	uint32_t rows;

	if (!image || !lk_mono.image_table_rows ||
		lk_peek_u32(image + lk_mono.image_table_rows + 16 * TABLE_METHOD, &rows))
		return 0;
	return rows & 0xffffff;
}

void lk_mono_name_aot(const struct lk_mono_aot *aot, uint64_t image, struct lk_walk_name *name)
{
	uint32_t nr = image_methods(image);

	name->info.start = aot->start;
	name->info.size = aot->size;
	if (image)
		name_image(image, name);
	/* What has no row in the image is a wrapper or an instance of a generic method. */
	if (aot->index < (nr ? nr : aot->nr_own))
		name->info.token = TOKEN_METHOD | (aot->index + 1);
}
