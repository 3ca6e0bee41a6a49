#include "walk/clr_debug.h"
#include "walk/clr_learn.h"
#include "walk/clr_method.h"
#include "walk/clr_r2r.h"
#include "walk/peek.h"

/* How far back the entry of a method can be from one of its funclets. */
#define FUNCLETS_MAX 1024u

#define STUB_WORDS   128u /* of a stub's frame */
#define DATUM_WORD   2u	  /* of InlinedCallFrame */
#define INLINED_CALL 1u	  /* its identifier; before .NET 10 a table of functions stands there */

static void dynamic_name(uint64_t method, struct lk_walk_name *name)
{
	uint64_t text;

	name->name[0] = 0;
	if (!lk_peek_u64(method + lk_clr.dynamic_name, &text) && text)
		lk_peek_string(text, name->name, sizeof(name->name));
}

/* --- which call a marshalling stub serves ---------------------------------------- */

/*
 * A stub serves every P/Invoke of its signature.  The method was handed to it (in
 * r10) and lies in its frame as long as it is needed; while it calls, the frame that
 * it links to its thread (InlinedCallFrame: identifier, next, datum) names the method
 * too.  That datum is no evidence on its own: before the call it is what an earlier
 * stub at this depth left there.
 */

/* Methods that were seen to be P/Invokes, which live as long as their modules. */
static uint64_t pinvokes[256];

static bool is_pinvoke(uint64_t at)
{
	uint64_t *known = &pinvokes[at >> 3 & (LK_ARRAY_SIZE(pinvokes) - 1)];
	struct lk_clr_method m;
	uint64_t path;

	if (at & 7 || !(at >> 16) || at >> LK_ADDRESS_BITS)
		return false;
	if (lk_load(known) == at)
		return true;
	if (lk_clr_method_read(at, &m) || m.kind != LK_CLR_METHOD_PINVOKE || !m.token ||
		m.module & 7 || lk_peek_u64(m.module + lk_clr.module_path, &path))
		return false;
	lk_store(known, at);
	return true;
}

/* On the stack: an address there is no method. */
static bool is_inside(uint64_t at, const struct lk_walk_stack *stack)
{
	return at - stack->sp < (1u << 20) || stack->sp - at < (1u << 20);
}

static uint64_t target_of(const struct lk_walk_stack *stack)
{
	uint64_t words[STUB_WORDS], datum = 0;
	size_t nr;

	if (!stack || stack->cfa <= stack->sp)
		return 0;
	nr = (stack->cfa - stack->sp) / 8;
	nr = nr < STUB_WORDS ? nr : STUB_WORDS;
	__builtin_memcpy(words, (const void *)stack->sp, 8 * nr);
	for (size_t i = 0; i < nr; i++) {
		if (is_inside(words[i], stack) || !is_pinvoke(words[i]))
			continue;
		if (i < DATUM_WORD || words[i - DATUM_WORD] != INLINED_CALL)
			return words[i];
		datum = words[i];
	}
	return datum;
}

/* --- precompiled methods ------------------------------------------------------------ */

/*
 * Finds the method that the RUNTIME_FUNCTION at code->index is of: it, or the
 * nearest one before it that is a method's entry, by the runtime's map of entry
 * points (every method that ran is in it), or by the image's own table of methods
 * (which also has stubs that were precompiled).  Gives the entry's address.
 */
static uint64_t find_entry(
	const struct lk_clr_code *code, uint64_t *ret_method, uint32_t *ret_token)
{
	for (uint32_t i = code->index, n = 0; n < FUNCLETS_MAX; i--, n++) {
		uint64_t begin = code->base + lk_clr_r2r_begin(code, i);

		*ret_method = lk_clr_r2r_method(code, begin);
		*ret_token = *ret_method ? 0 : lk_clr_r2r_token(code, i);
		if (*ret_token && i == code->index)
			lk_clr_learn_entries(code, begin, *ret_token);
		if (*ret_method || *ret_token)
			return begin;
		if (!i)
			break;
	}
	return 0;
}

static void name_r2r(const struct lk_clr_code *code, struct lk_walk_name *name)
{
	struct lk_clr_method m = {0};
	uint64_t method, entry;
	uint32_t token;

	name->info.flags |= LK_CODE_FLAG_AOT;
	entry = find_entry(code, &method, &token);
	if (!entry)
		return;
	name->info.entry_off = (uint32_t)(code->start - entry);
	name->info.handle = method;
	if (method && !lk_clr_method_read(method, &m)) {
		name->info.token = m.token;
		name->image_handle = m.module;
	} else {
		name->info.token = token;
		name->image_handle = code->module;
	}
	if (m.kind == LK_CLR_METHOD_PINVOKE || m.kind == LK_CLR_METHOD_DYNAMIC)
		name->info.kind = LK_CLR_STUB;
	name->map_size = (uint32_t)lk_clr_r2r_map(code, entry, name->map, sizeof(name->map));
}

/* --- JIT'd methods -------------------------------------------------------------------- */

static void name_stub(uint64_t method, uint64_t serves, struct lk_walk_name *name)
{
	struct lk_clr_method m;

	name->info.kind = LK_CLR_STUB;
	dynamic_name(method, name);
	if (!serves || lk_clr_method_read(serves, &m) || !m.token)
		return;
	name->info.handle = serves;
	name->info.token = m.token;
	name->image_handle = m.module;
}

static void name_jit(const struct lk_clr_code *code, uint64_t serves, struct lk_walk_name *name)
{
	struct lk_clr_method m;

	name->info.handle = code->method;
	if (lk_clr_method_read(code->method, &m))
		return;
	if (m.kind == LK_CLR_METHOD_DYNAMIC && m.emitted) {
		name->info.kind = LK_CLR_DYNAMIC;
		dynamic_name(code->method, name);
	} else if (m.kind == LK_CLR_METHOD_DYNAMIC) {
		name_stub(code->method, serves, name);
	} else {
		name->info.kind = m.kind == LK_CLR_METHOD_PINVOKE ? LK_CLR_STUB : LK_CLR_METHOD;
		name->info.token = m.token;
		name->image_handle = m.module;
	}
	name->map_size = (uint32_t)lk_clr_jit_map(code, name->map, sizeof(name->map));
}

void lk_clr_name(const struct lk_clr_code *code, uint64_t serves, struct lk_walk_name *name)
{
	name->info = (struct lk_code_info){
		.runtime = LK_RUNTIME_CLR,
		.start = code->start,
		.size = code->end - code->start,
	};
	name->name[0] = name->klass[0] = name->space[0] = name->image[0] = 0;
	name->image_handle = 0;
	name->replaceable = !code->permanent;
	name->map_size = 0;
	if (code->kind == LK_CLR_CODE_R2R)
		name_r2r(code, name);
	else
		name_jit(code, serves, name);
}

uint64_t lk_clr_serves(const struct lk_clr_code *code, const struct lk_walk_stack *stack)
{
	struct lk_clr_method m;

	if (code->kind != LK_CLR_CODE_JIT || lk_clr_method_read(code->method, &m) ||
		m.kind != LK_CLR_METHOD_DYNAMIC || m.emitted)
		return 0;
	return target_of(stack);
}
