#include "walk/clr.h"

#include "base/syscall.h"
#include "walk/clr_image.h"
#include "walk/peek.h"

#include <errno.h>

#define TOKEN_METHOD 0x06000000u

/* MethodDesc.Flags: what kind of method it is. */
#define KIND_MASK    7u
#define KIND_PINVOKE 2u
#define KIND_DYNAMIC 7u

/* DynamicMethodDesc: made by System.Reflection.Emit, not by the runtime. */
#define FLAG_LCG 0x00004000u

/* How far back the entry of a method can be from one of its funclets. */
#define FUNCLETS_MAX 1024u

#define THREADS_MAX 4096u
#define FRAMES_MAX  256u

struct method {
	uint32_t kind;
	uint32_t token; /* 0: has none */
	uint64_t module;
	bool emitted; /* of KIND_DYNAMIC: a DynamicMethod */
};

static int read_method(uint64_t at, struct method *ret)
{
	uint8_t chunk_index;
	uint16_t flags, token, range;
	uint32_t extended;
	uint64_t chunk, table;

	if (!at || at % 8 || lk_peek(at + lk_clr.method_chunk_index, &chunk_index, 1) ||
		lk_peek(at + lk_clr.method_flags, &flags, 2) ||
		lk_peek(at + lk_clr.method_token, &token, 2))
		return -ENODATA;
	chunk = at - lk_clr.chunk_size - (uint64_t)lk_clr.method_size * chunk_index;
	*ret = (struct method){.kind = flags & KIND_MASK};
	if (ret->kind == KIND_DYNAMIC) {
		ret->emitted =
			!lk_peek_u32(at + lk_clr.dynamic_flags, &extended) && extended & FLAG_LCG;
		return 0;
	}
	if (lk_peek(chunk + lk_clr.chunk_token, &range, 2) ||
		lk_peek_u64(chunk + lk_clr.chunk_table, &table) ||
		lk_peek_u64(table + lk_clr.table_module, &ret->module))
		return -ENODATA;
	ret->token = (uint32_t)(range & ((1u << (24 - lk_clr.token_bits)) - 1))
		     << lk_clr.token_bits;
	ret->token |= token & ((1u << lk_clr.token_bits) - 1);
	if (ret->token)
		ret->token |= TOKEN_METHOD;
	return 0;
}

static void dynamic_name(uint64_t method, struct lk_walk_name *name)
{
	uint64_t text;

	name->name[0] = 0;
	if (!lk_peek_u64(method + lk_clr.dynamic_name, &text) && text)
		lk_peek_string(text, name->name, sizeof(name->name));
}

/* --- which call a marshalling stub serves ---------------------------------------- */

/* The runtime's Thread of the calling thread; 0 where it has none. */
static uint64_t this_thread(void)
{
	uint64_t store, at, thread;
	uint32_t me = (uint32_t)lk_syscall0(SYS_gettid);
	uint64_t os_id;

	if (!lk_clr.thread_store_var || lk_peek_u64(lk_clr.thread_store_var, &store) ||
		lk_peek_u64(store + lk_clr.store_first_thread, &at))
		return 0;
	for (unsigned i = 0; at && i < THREADS_MAX; i++) {
		thread = at - lk_clr.thread_next;
		if (lk_peek_u64(thread + lk_clr.thread_os_id, &os_id))
			return 0;
		if ((uint32_t)os_id == me)
			return thread;
		if (lk_peek_u64(at, &at))
			return 0;
	}
	return 0;
}

/*
 * A stub that calls native code links a frame, which lies within its own, to its
 * thread; the frame names the method (its datum).  A datum with bit 0 set is none.
 */
static uint64_t target_of(const struct lk_walk_stack *stack)
{
	uint64_t frame, thread = stack ? this_thread() : 0, datum;

	if (!thread || lk_peek_u64(thread + lk_clr.thread_frame, &frame))
		return 0;
	for (unsigned i = 0; i < FRAMES_MAX && frame && frame < stack->cfa; i++) {
		if (frame >= stack->sp)
			return !lk_peek_u64(frame + lk_clr.call_datum, &datum) && datum &&
					       !(datum & 7)
				       ? datum
				       : 0;
		if (lk_peek_u64(frame + lk_clr.frame_next, &frame))
			return 0;
	}
	return 0;
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
	struct lk_clr_r2r image;
	bool known = !lk_clr_r2r_open(code, &image);

	for (uint32_t i = code->index, n = 0; n < FUNCLETS_MAX; i--, n++) {
		uint64_t begin = code->base + lk_clr_r2r_begin(code, i);

		*ret_method = known ? lk_clr_r2r_method(&image, begin) : 0;
		*ret_token = *ret_method || !known ? 0 : lk_clr_r2r_token(&image, i);
		if (*ret_method || *ret_token)
			return begin;
		if (!i)
			break;
	}
	return 0;
}

static void name_r2r(const struct lk_clr_code *code, struct lk_walk_name *name)
{
	struct method m = {0};
	uint64_t method, entry;
	uint32_t token;

	name->info.flags |= LK_CODE_FLAG_AOT;
	entry = find_entry(code, &method, &token);
	if (!entry)
		return;
	name->info.entry_off = (uint32_t)(code->start - entry);
	name->info.handle = method;
	if (method && !read_method(method, &m)) {
		name->info.token = m.token;
		name->image_handle = m.module;
	} else {
		name->info.token = token;
		name->image_handle = code->module;
	}
	if (m.kind == KIND_PINVOKE || m.kind == KIND_DYNAMIC)
		name->info.kind = LK_CLR_STUB;
	name->map_size = (uint32_t)lk_clr_r2r_map(code, entry, name->map, sizeof(name->map));
}

/* --- JIT'd methods -------------------------------------------------------------------- */

static void name_stub(uint64_t method, uint64_t serves, struct lk_walk_name *name)
{
	struct method m;

	name->info.kind = LK_CLR_STUB;
	dynamic_name(method, name);
	if (!serves || read_method(serves, &m) || !m.token)
		return;
	name->info.handle = serves;
	name->info.token = m.token;
	name->image_handle = m.module;
}

static void name_jit(const struct lk_clr_code *code, uint64_t serves, struct lk_walk_name *name)
{
	struct method m;

	name->info.handle = code->method;
	if (read_method(code->method, &m))
		return;
	if (m.kind == KIND_DYNAMIC && m.emitted) {
		name->info.kind = LK_CLR_DYNAMIC;
		dynamic_name(code->method, name);
	} else if (m.kind == KIND_DYNAMIC) {
		name_stub(code->method, serves, name);
	} else {
		name->info.kind = m.kind == KIND_PINVOKE ? LK_CLR_STUB : LK_CLR_METHOD;
		name->info.token = m.token;
		name->image_handle = m.module;
	}
	name->map_size = (uint32_t)lk_clr_jit_map(code->header, name->map, sizeof(name->map));
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
	struct method m;
	uint64_t target;

	if (code->kind != LK_CLR_CODE_JIT || read_method(code->method, &m) ||
		m.kind != KIND_DYNAMIC || m.emitted)
		return 0;
	target = target_of(stack);
	return target && !read_method(target, &m) && m.token ? target : 0;
}
