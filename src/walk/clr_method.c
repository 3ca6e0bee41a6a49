#include "walk/clr_method.h"

#include "walk/peek.h"

#include <errno.h>

#define TOKEN_METHOD 0x06000000u

/* MethodDesc.Flags: enum lk_clr_method_kind. */
#define KIND_MASK 7u

/* DynamicMethodDesc: made by System.Reflection.Emit, not by the runtime. */
#define FLAG_LCG 0x00004000u

/* A MethodDesc's first words, and its chunk's: all that is asked of them lies there. */
#define METHOD_SIZE 48u
#define CHUNK_SIZE  24u

static uint16_t u16_in(const uint8_t *bytes, uint32_t offset, size_t size)
{
	uint16_t v = 0;

	if (offset + sizeof(v) <= size)
		__builtin_memcpy(&v, bytes + offset, sizeof(v));
	return v;
}

static bool is_emitted(const uint8_t *method, size_t size)
{
	uint32_t extended;

	if ((u16_in(method, lk_clr.method_flags, size) & KIND_MASK) != LK_CLR_METHOD_DYNAMIC ||
		lk_clr.dynamic_flags + sizeof(extended) > size)
		return false;
	__builtin_memcpy(&extended, method + lk_clr.dynamic_flags, sizeof(extended));
	return extended & FLAG_LCG;
}

bool lk_clr_is_emitted(uint64_t method)
{
	uint8_t bytes[METHOD_SIZE];

	return is_emitted(bytes, lk_peek_some(method, bytes, sizeof(bytes)));
}

static int read_chunk(uint64_t chunk, uint16_t remainder, struct lk_clr_method *ret)
{
	uint32_t low_bits = lk_clr.token_bits, range;
	uint8_t bytes[CHUNK_SIZE];
	uint64_t table;

	if (lk_peek(chunk, bytes, sizeof(bytes)) || lk_clr.chunk_table + 8 > sizeof(bytes))
		return -ENODATA;
	__builtin_memcpy(&table, bytes + lk_clr.chunk_table, sizeof(table));
	if (lk_peek_u64(table + lk_clr.table_module, &ret->module))
		return -ENODATA;
	range = u16_in(bytes, lk_clr.chunk_token, sizeof(bytes)) & ((1u << (24 - low_bits)) - 1);
	ret->token = range << low_bits | (remainder & ((1u << low_bits) - 1));
	if (ret->token)
		ret->token |= TOKEN_METHOD;
	return 0;
}

int lk_clr_method_read(uint64_t at, struct lk_clr_method *ret)
{
	uint8_t bytes[METHOD_SIZE];
	size_t n = !at || at % 8 ? 0 : lk_peek_some(at, bytes, sizeof(bytes));

	if (n < 8 || lk_clr.method_chunk_index >= n)
		return -ENODATA;
	*ret = (struct lk_clr_method){.kind = u16_in(bytes, lk_clr.method_flags, n) & KIND_MASK};
	if (ret->kind == LK_CLR_METHOD_DYNAMIC) {
		ret->emitted = is_emitted(bytes, n);
		return 0;
	}
	return read_chunk(at - lk_clr.chunk_size -
				  (uint64_t)lk_clr.method_size * bytes[lk_clr.method_chunk_index],
		u16_in(bytes, lk_clr.method_token, n), ret);
}
