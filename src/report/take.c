#include "report/take.h"

#include "runtime/runtime.h"
#include "symbol/symbol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INLINE_MAX 64

/* The frames of one (pc, code), named once: first .. first + count of `named`. */
struct name_slot {
	uint64_t pc;
	uint32_t code;
	uint32_t first, count;
};

struct taking {
	const struct lk_storefile *store;
	struct lk_snapshot *s;
	struct lk_runtime_ctx *runtimes;
	struct lk_module **modules; /* by module number; opened when first needed */
	bool *opened;
	struct lk_frame *named;
	size_t nr_named, named_capacity;
	struct name_slot *slots;
	size_t nr_slots, nr_used;
	uint32_t *stack_of; /* node number -> index of stack + 1 */
	uint32_t runtimes_seen;
};

static const char *const entry_names[LK_NR_ENTRIES] = {
	[LK_ENTRY_MALLOC] = "malloc",
	[LK_ENTRY_CALLOC] = "calloc",
	[LK_ENTRY_REALLOC] = "realloc",
	[LK_ENTRY_REALLOCARRAY] = "reallocarray",
	[LK_ENTRY_MEMALIGN] = "memalign",
	[LK_ENTRY_POSIX_MEMALIGN] = "posix_memalign",
	[LK_ENTRY_ALIGNED_ALLOC] = "aligned_alloc",
	[LK_ENTRY_VALLOC] = "valloc",
	[LK_ENTRY_PVALLOC] = "pvalloc",
	[LK_ENTRY_NEW] = "operator new",
	[LK_ENTRY_NEW_ARRAY] = "operator new[]",
	[LK_ENTRY_MMAP] = "mmap",
	[LK_ENTRY_MREMAP] = "mremap",
	[LK_ENTRY_MPROTECT] = "mprotect",
};

static struct lk_frame *add_named(struct taking *t)
{
	struct lk_frame *f;

	t->named = lk_grow(t->named, t->nr_named, &t->named_capacity, sizeof(*t->named));
	f = &t->named[t->nr_named++];
	*f = (struct lk_frame){.il_offset = LK_NO_IL};
	return f;
}

/* --- native ------------------------------------------------------------------- */

static const char *lack_of(struct lk_module *m, int error)
{
	if (error == -ENOENT)
		return "the file is gone";
	if (error == -ESTALE)
		return "the file was replaced since";
	if (error)
		return "the file cannot be read";
	switch (lk_module_level(m)) {
	case LK_MODULE_STRIPPED:
		return "stripped: names of exported functions only, no lines";
	case LK_MODULE_SYMTAB:
		return "no debug information: no lines";
	default:
		return NULL;
	}
}

static struct lk_module *module_at(struct taking *t, uint32_t number)
{
	const struct lk_module_info *m = lk_storefile_at(t->store, LK_REGION_MODULES, number);
	struct lk_module_fact *fact = &t->s->modules[number];
	int r;

	if (!t->opened[number]) {
		t->opened[number] = true;
		r = fact->path ? lk_module_open(fact->path, m->build_id,
					 m->build_id_size <= sizeof(m->build_id) ? m->build_id_size
										 : 0,
					 t->s->strings, &t->modules[number], NULL)
			       : -ENOENT;
		fact->lacks = lack_of(t->modules[number], r);
		if (fact->path && fact->path[0] == '[')
			fact->lacks = NULL;
	}
	return t->modules[number];
}

static void name_native(struct taking *t, uint64_t pc, uint32_t number, bool exact)
{
	const struct lk_module_info *info = lk_storefile_at(t->store, LK_REGION_MODULES, number);
	struct lk_line lines[INLINE_MAX];
	struct lk_module *m;
	struct lk_frame *f;
	int nr = -ENODATA;

	if (!info) {
		add_named(t)->address = pc;
		return;
	}
	m = module_at(t, number);
	if (m)
		nr = lk_module_lines(m, pc - !exact - info->bias, lines, INLINE_MAX);
	for (int i = 0; i < nr; i++) {
		f = add_named(t);
		f->address = pc;
		f->module = t->s->modules[number].path;
		f->function = lines[i].function;
		f->file = lines[i].file;
		f->line = lines[i].line;
		f->inlined = lines[i].inlined;
	}
	if (nr <= 0) {
		f = add_named(t);
		f->address = pc;
		f->module = t->s->modules[number].path;
	}
}

/* --- managed ------------------------------------------------------------------ */

static void find_program(struct taking *t)
{
	const char *exe = lk_storefile_string(t->store, t->store->header->exe_at);

	if (exe)
		lk_runtime_ctx_program(t->runtimes, exe);
}

static void find_image(struct taking *t, struct lk_code *code)
{
	const struct lk_image_info *image =
		code->info.image
			? lk_storefile_at(t->store, LK_REGION_IMAGES, code->info.image - 1ull)
			: NULL;

	if (!image)
		return;
	code->image_info = image;
	code->image = lk_storefile_string(t->store, image->path_at);
	code->meta = lk_storefile_bytes(t->store, image->meta_at, image->meta_size);
	code->debug = lk_storefile_bytes(t->store, image->debug_at, image->debug_size);
}

static void name_managed(struct taking *t, uint64_t pc, uint32_t number, bool exact)
{
	const struct lk_code_info *info = lk_storefile_at(t->store, LK_REGION_CODES, number);
	struct lk_frame *f = add_named(t);
	struct lk_managed_line line = {0};
	struct lk_code code;

	f->address = pc;
	if (!info)
		return;
	code = (struct lk_code){
		.info = *info,
		.name = lk_storefile_string(t->store, info->name_at),
		.klass = lk_storefile_string(t->store, info->class_at),
		.space = lk_storefile_string(t->store, info->space_at),
		.image = lk_storefile_string(t->store, info->image_at),
		.map = lk_storefile_bytes(t->store, info->map_at, info->map_size),
	};
	code.map_size = code.map ? info->map_size : 0;
	find_image(t, &code);
	if (info->runtime < 32)
		t->runtimes_seen |= 1u << info->runtime;
	lk_runtime_name(t->runtimes, &code, pc, exact, &line);
	f->function = line.function;
	f->module = line.module;
	f->file = line.file;
	f->line = line.line;
	f->il_offset = line.il_offset;
	f->framework = line.framework;
	f->origin = line.generated ? LK_ORIGIN_GENERATED : LK_ORIGIN_MANAGED;
}

static void name_mark(struct taking *t, uint64_t pc)
{
	struct lk_frame *f = add_named(t);

	if (pc < LK_NR_ENTRIES)
		f->function = entry_names[pc];
	else if (pc == LK_PC_TRUNCATED)
		f->function = "(frames beyond could not be found)";
	else if (pc == LK_PC_CUT)
		f->function = "(frames left out: the stack is too deep)";
	else
		f->address = pc;
	f->framework = pc < 4096;
}

static void name_pc(struct taking *t, uint64_t pc, uint32_t code)
{
	bool exact = code != LK_CODE_NONE && code & LK_CODE_EXACT;

	if (code == LK_CODE_NONE)
		name_mark(t, pc);
	else if (code & LK_CODE_MANAGED)
		name_managed(t, pc, code & LK_CODE_INDEX, exact);
	else
		name_native(t, pc, code & LK_CODE_INDEX, exact);
}

/* --- names once per pc ---------------------------------------------------------- */

static struct name_slot *slot_for(struct name_slot *slots, size_t nr, uint64_t pc, uint32_t code)
{
	size_t at = (size_t)((pc ^ (uint64_t)code << 32) * 0x9e3779b97f4a7c15ull >> 20) & (nr - 1);

	while (slots[at].count && (slots[at].pc != pc || slots[at].code != code))
		at = (at + 1) & (nr - 1);
	return &slots[at];
}

static void grow_slots(struct taking *t)
{
	size_t nr = t->nr_slots ? t->nr_slots * 2 : 4096;
	struct name_slot *slots = lk_xcalloc(nr, sizeof(*slots));

	for (size_t i = 0; i < t->nr_slots; i++)
		if (t->slots[i].count)
			*slot_for(slots, nr, t->slots[i].pc, t->slots[i].code) = t->slots[i];
	free(t->slots);
	t->slots = slots;
	t->nr_slots = nr;
}

static const struct name_slot *named_at(struct taking *t, uint64_t pc, uint32_t code)
{
	struct name_slot *slot;

	if (t->nr_used * 2 >= t->nr_slots)
		grow_slots(t);
	slot = slot_for(t->slots, t->nr_slots, pc, code);
	if (!slot->count) {
		*slot = (struct name_slot){.pc = pc, .code = code, .first = (uint32_t)t->nr_named};
		name_pc(t, pc, code);
		slot->count = (uint32_t)t->nr_named - slot->first;
		t->nr_used++;
	}
	return slot;
}

/* --- stacks and blocks ------------------------------------------------------------ */

static uint32_t add_stack(struct taking *t, uint32_t node)
{
	struct lk_snapshot *s = t->s;
	struct lk_stack stack = {.first = (uint32_t)s->nr_frames};
	uint32_t at = node;

	while (at) {
		const struct lk_node *n = lk_storefile_at(t->store, LK_REGION_NODES, at);
		const struct name_slot *names;

		if (!n || n->parent >= at) /* S4: a damaged chain ends here */
			break;
		names = named_at(t, n->pc, n->code);
		for (uint32_t i = 0; i < names->count; i++) {
			s->frames = lk_grow(
				s->frames, s->nr_frames, &s->frames_capacity, sizeof(*s->frames));
			s->frames[s->nr_frames++] = t->named[names->first + i];
		}
		at = n->parent;
	}
	stack.count = (uint32_t)s->nr_frames - stack.first;
	s->stacks = lk_grow(s->stacks, s->nr_stacks, &s->stacks_capacity, sizeof(*s->stacks));
	s->stacks[s->nr_stacks++] = stack;
	return t->stack_of[node] = (uint32_t)s->nr_stacks;
}

static uint32_t stack_index(struct taking *t, uint32_t node)
{
	if (node >= t->store->nr[LK_REGION_NODES])
		node = 0;
	return (t->stack_of[node] ? t->stack_of[node] : add_stack(t, node)) - 1;
}

static void add_block(struct taking *t, uint64_t address, uint64_t size, uint64_t time_ms,
	uint32_t node, uint32_t thread)
{
	struct lk_snapshot *s = t->s;

	s->blocks = lk_grow(s->blocks, s->nr_blocks, &s->blocks_capacity, sizeof(*s->blocks));
	s->blocks[s->nr_blocks++] = (struct lk_block){
		.address = address,
		.size = size,
		.time_ms = time_ms,
		.stack = node, /* until resolve_stacks */
		.thread = thread < s->nr_threads ? thread : UINT32_MAX,
	};
}

static void take_block(void *arg, const struct lk_live_block *b)
{
	add_block(arg, b->address, b->size, lk_time_unpack_ms(b->time_packed), b->stack, b->thread);
}

/* Address space that was only reserved holds no memory: it is no block. */
static void take_maps(struct taking *t)
{
	for (uint64_t i = 0; i < t->store->nr[LK_REGION_MAPS]; i++) {
		const struct lk_map_info *m = lk_storefile_at(t->store, LK_REGION_MAPS, i);
		uint64_t start = lk_load_acq(&m->start);

		if (start && !(m->kind & LK_MAP_NONE))
			add_block(t, start, m->size, m->time_ms, m->stack, m->thread);
	}
}

/*
 * The program goes on while we read: a block may have been allocated by a stack
 * that is newer than our count of nodes.  So blocks are read first, the count
 * again, and only then are nodes followed.
 */
static void resolve_stacks(struct taking *t)
{
	t->stack_of = lk_xcalloc(t->store->nr[LK_REGION_NODES] + 1, sizeof(*t->stack_of));
	for (size_t i = 0; i < t->s->nr_blocks; i++)
		t->s->blocks[i].stack = stack_index(t, t->s->blocks[i].stack);
}

struct dead_stack {
	uint32_t node;
	uint64_t allocs;
};

static int by_allocs(const void *a, const void *b)
{
	const struct dead_stack *x = a, *y = b;

	return x->allocs > y->allocs ? -1 : x->allocs < y->allocs;
}

/*
 * A compiler allocates hundreds of thousands of blocks on as many stacks and frees
 * them all.  Of stacks of which nothing is left the busiest are named, since their
 * counts matter to sites that they share; the others are one line.
 */
#define DEAD_STACKS_NAMED 20000

static void sum_up_dead(struct taking *t, struct lk_node_count *counts)
{
	struct lk_snapshot *s = t->s;
	struct dead_stack *dead = NULL;
	size_t nr = 0, capacity = 0;
	struct lk_stack rest = {.first = (uint32_t)s->nr_frames, .count = 1};

	for (uint64_t i = 0; i < t->store->nr[LK_REGION_NODES]; i++) {
		if (!counts[i].allocs || t->stack_of[i])
			continue;
		dead = lk_grow(dead, nr, &capacity, sizeof(*dead));
		dead[nr++] = (struct dead_stack){(uint32_t)i, counts[i].allocs};
	}
	if (nr > DEAD_STACKS_NAMED) {
		qsort(dead, nr, sizeof(*dead), by_allocs);
		for (size_t i = DEAD_STACKS_NAMED; i < nr; i++) {
			rest.allocated_blocks += counts[dead[i].node].allocs;
			rest.allocated_bytes += counts[dead[i].node].bytes;
			counts[dead[i].node].allocs = 0;
		}
		s->frames =
			lk_grow(s->frames, s->nr_frames, &s->frames_capacity, sizeof(*s->frames));
		s->frames[s->nr_frames++] = (struct lk_frame){
			.function = "(rarely used stacks of which nothing is left)",
			.il_offset = LK_NO_IL,
			.framework = true,
		};
		s->stacks =
			lk_grow(s->stacks, s->nr_stacks, &s->stacks_capacity, sizeof(*s->stacks));
		s->stacks[s->nr_stacks++] = rest;
	}
	free(dead);
}

static void take_counts(struct taking *t)
{
	struct lk_node_count *counts = lk_storefile_counts(t->store);

	sum_up_dead(t, counts);
	for (uint64_t i = 0; i < t->store->nr[LK_REGION_NODES]; i++) {
		struct lk_stack *stack;
		uint32_t index;

		if (!counts[i].allocs)
			continue;
		index = stack_index(t, (uint32_t)i); /* may move the array */
		stack = &t->s->stacks[index];
		stack->allocated_blocks = counts[i].allocs;
		stack->allocated_bytes = counts[i].bytes;
	}
	free(counts);
}

/* --- the process -------------------------------------------------------------------- */

static void take_command(struct taking *t)
{
	const struct lk_store_header *h = t->store->header;
	const char *at = (const char *)lk_storefile_bytes(t->store, h->command_at, h->command_size);
	const char *end = at ? at + h->command_size : NULL;
	size_t capacity = 0;

	while (at && at < end) {
		size_t n = strnlen(at, (size_t)(end - at));

		t->s->command = lk_grow(t->s->command, t->s->nr_command, &capacity, sizeof(char *));
		t->s->command[t->s->nr_command++] = lk_strings_add_n(t->s->strings, at, n);
		at += n + 1;
	}
}

static void take_threads(struct taking *t)
{
	struct lk_snapshot *s = t->s;

	for (uint64_t i = 0; i < t->store->nr[LK_REGION_THREADS]; i++) {
		const struct lk_thread_info *info = lk_storefile_at(t->store, LK_REGION_THREADS, i);

		s->threads = lk_grow(
			s->threads, s->nr_threads, &s->threads_capacity, sizeof(*s->threads));
		s->threads[s->nr_threads++] = (struct lk_thread){
			.tid = info->tid,
			.name = lk_strings_add_n(s->strings, info->comm, sizeof(info->comm)),
		};
	}
}

static const char *hex(struct lk_strings *strings, const uint8_t *bytes, size_t size)
{
	char text[65];

	for (size_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return size ? lk_strings_add_n(strings, text, 2 * size) : NULL;
}

static void take_modules(struct taking *t)
{
	struct lk_snapshot *s = t->s;
	uint64_t nr = t->store->nr[LK_REGION_MODULES];

	s->modules = lk_xcalloc(nr, sizeof(*s->modules));
	s->nr_modules = s->modules_capacity = nr;
	t->modules = lk_xcalloc(nr, sizeof(*t->modules));
	t->opened = lk_xcalloc(nr, sizeof(*t->opened));
	for (uint64_t i = 0; i < nr; i++) {
		const struct lk_module_info *m = lk_storefile_at(t->store, LK_REGION_MODULES, i);
		const char *path = lk_storefile_string(t->store, m->path_at);

		s->modules[i] = (struct lk_module_fact){
			.path = path ? lk_strings_add(s->strings, path) : NULL,
			.start = m->start,
			.end = m->end,
			.bias = m->bias,
			.build_id = hex(s->strings, m->build_id,
				m->build_id_size <= sizeof(m->build_id) ? m->build_id_size : 0),
		};
	}
}

static void take_not_seen(struct taking *t)
{
	static const struct {
		const char *key, *text;
	} texts[LK_NR_LOST] = {
		[LK_LOST_STORE_FULL] = {"lost_store_full",
			"blocks were not recorded: no room for the store (make room, or set LEAKLINE_DIR)"},
		[LK_LOST_REENTRANT] = {"lost_in_signal",
			"blocks were not recorded: allocated by a signal handler inside the allocator"},
		[LK_LOST_ADDRESS] = {"lost_address",
			"blocks were not recorded: beyond 47 address bits"},
		[LK_LOST_STACKS] = {"lost_stacks",
			"blocks have no stack: no room for it in the store"},
		[LK_LOST_TRUNCATED] = {"truncated_stacks",
			"distinct stacks end early: code without unwind information"},
		[LK_LOST_CUT] = {"cut_stacks",
			"distinct stacks were too deep: the middle is left out"},
		[LK_LOST_APPROXIMATE] = {"approximate_stacks",
			"distinct stacks hold a frame that is not certain"},
		[LK_LOST_UNKNOWN_STACK] = {"unknown_stack_memory",
			"stacks lay in memory whose bounds could not be found"},
		[LK_LOST_MAPS] = {"lost_mappings", "mappings were not recorded: the table is full"},
		[LK_LOST_NAMES] = {"unnamed_code",
			"places in code belong to no file and no known runtime"},
		[LK_LOST_THREADS] = {"lost_threads",
			"threads could not be tracked: no memory for their state"},
		[LK_LOST_RUNTIMES] = {"unknown_runtimes",
			"managed runtimes are of a version that leakline does not know: stacks end at their code"},
	};
	struct lk_snapshot *s = t->s;
	uint64_t lost_events = 0;

	for (unsigned i = 0; i < LK_NR_LOST; i++) {
		uint64_t count = lk_load(&t->store->header->lost[i]);

		if (!count || !texts[i].key)
			continue;
		if (!strncmp(texts[i].key, "lost_", 5) && i != LK_LOST_STACKS)
			lost_events += count;
		lk_snapshot_not_seen(s, texts[i].key, texts[i].text, count);
	}
	if (lost_events)
		lk_snapshot_not_seen(s, "lost_events", "events were lost in all", lost_events);
}

static void take_runtimes(struct taking *t)
{
	struct lk_snapshot *s = t->s;
	size_t capacity = 0;

	for (uint32_t id = 1; id < 32; id++) {
		if (!(t->runtimes_seen >> id & 1) || !lk_runtime_id_name(id))
			continue;
		s->runtimes = lk_grow(s->runtimes, s->nr_runtimes, &capacity, sizeof(*s->runtimes));
		s->runtimes[s->nr_runtimes++] = lk_strings_add(s->strings, lk_runtime_id_name(id));
	}
}

/* Only what is still the same block may be shown with the bytes read earlier. */
static void take_contents(struct taking *t, const struct lk_take_options *options)
{
	struct lk_snapshot *s = t->s;

	if (!options->nr_contents)
		return;
	s->contents = lk_xcalloc(options->nr_contents, sizeof(*s->contents));
	s->contents_capacity = options->nr_contents;
	for (size_t i = 0; i < options->nr_contents; i++)
		if (options->contents[i].size)
			s->contents[s->nr_contents++] = options->contents[i];
}

int lk_take_snapshot(const struct lk_storefile *store, const struct lk_take_options *options,
	struct lk_snapshot **ret_snapshot, struct lk_err *err)
{
	struct lk_storefile now = *store;
	struct taking t = {.store = &now, .s = lk_snapshot_new()};

	(void)err;
	t.runtimes = lk_runtime_ctx_new(t.s->strings);
	find_program(&t);
	t.s->pid = store->header->pid;
	t.s->started_s = (double)store->header->started_real_ns / 1e9;
	t.s->tracked_ms = lk_load(&store->header->tick_ms);
	t.s->ended = options->ended;
	t.s->exit_status = options->exit_status;
	lk_storefile_refresh(&now);
	take_command(&t);
	take_threads(&t);
	lk_storefile_blocks(&now, take_block, &t);
	take_maps(&t);
	lk_storefile_refresh(&now);
	take_modules(&t);
	resolve_stacks(&t);
	take_counts(&t);
	take_runtimes(&t);
	take_not_seen(&t);
	take_contents(&t, options);
	for (size_t i = 0; i < t.s->nr_modules; i++)
		lk_module_free(t.modules[i]);
	free(t.modules);
	free(t.opened);
	free(t.named);
	free(t.slots);
	free(t.stack_of);
	lk_runtime_ctx_free(t.runtimes);
	*ret_snapshot = t.s;
	return 0;
}
