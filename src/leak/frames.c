#include "leak/frames.h"

#include "leak/analysis.h"
#include "leak/naming.h"
#include "leak/rules.h"

#include <stdlib.h>
#include <string.h>

/* What is remembered of one text, which is a function, a module or a file. */
struct fact {
	const void *key; /* the text's pointer; NULL: slot is free */
	uint64_t hash;	 /* stable */
	const char *normalised;
	const char *manager; /* of what the module allocates, or NULL */
	int16_t rule;	     /* first manager rule that matches, or -1 */
	uint8_t place;	     /* enum lk_place */
	bool wrapper;
	bool class_library;
	bool system_source;
};

struct facts {
	struct fact *slots;
	size_t nr_slots, nr_used;
};

/* The frame keys met in the stack being judged; a slot of an older one is free. */
struct seen {
	uint64_t *keys;
	uint32_t *stamps;
	size_t nr_slots;
	uint32_t stamp;
};

struct lk_frames {
	const struct lk_snapshot *snapshot;
	struct lk_strings *strings;
	struct facts functions, modules, files;
	struct seen seen;
	bool tiered; /* managed code is compiled anew as it gets hot, and inlines in silence */
	const char *engine; /* the program itself, where it contains the engine; or NULL */
};

/*
 * A single-file program of .NET contains the engine beside native halves of the class
 * library, and names neither.  From this many frames on it is the engine that allocates:
 * seen were 2 or 3 above zlib's and Brotli's, more in the JIT, the loader and the collector.
 */
#define ENGINE_DEPTH 4

/* The program, unless the engine is a library of its own. */
static const char *engine_find(const struct lk_snapshot *s)
{
	const char *engine = NULL;

	for (size_t i = 0; i < s->nr_modules; i++) {
		const char *base = s->modules[i].path;

		if (!base)
			continue;
		base = lk_base_name(base);
		if (!strcmp(base, "libcoreclr.so"))
			return NULL;
		if (s->nr_command && !strcmp(base, lk_base_name(s->command[0])))
			engine = s->modules[i].path;
	}
	return engine;
}

struct lk_frames *lk_frames_new(const struct lk_snapshot *snapshot, struct lk_strings *strings)
{
	struct lk_frames *f = lk_xcalloc(1, sizeof(*f));

	f->snapshot = snapshot;
	f->strings = strings;
	for (size_t i = 0; i < snapshot->nr_runtimes; i++)
		f->tiered |= !strcmp(snapshot->runtimes[i], "clr");
	if (f->tiered)
		f->engine = engine_find(snapshot);
	return f;
}

struct lk_frames *lk_frames_free(struct lk_frames *f)
{
	if (!f)
		return NULL;
	free(f->functions.slots);
	free(f->modules.slots);
	free(f->files.slots);
	free(f->seen.keys);
	free(f->seen.stamps);
	free(f);
	return NULL;
}

static size_t slot_of(const void *key, size_t nr_slots)
{
	return ((uintptr_t)key * 0x9e3779b97f4a7c15ull >> 20) & (nr_slots - 1);
}

static void facts_grow(struct facts *facts)
{
	size_t nr = facts->nr_slots ? facts->nr_slots * 2 : 256;
	struct fact *slots = lk_xcalloc(nr, sizeof(*slots));

	for (size_t i = 0; i < facts->nr_slots; i++) {
		size_t at;

		if (!facts->slots[i].key)
			continue;
		at = slot_of(facts->slots[i].key, nr);
		while (slots[at].key)
			at = (at + 1) & (nr - 1);
		slots[at] = facts->slots[i];
	}
	free(facts->slots);
	facts->slots = slots;
	facts->nr_slots = nr;
}

/* Gives the slot of key; one that is new has key NULL and is the caller's to fill. */
static struct fact *facts_find(struct facts *facts, const void *key)
{
	size_t at;

	if (facts->nr_used * 2 >= facts->nr_slots)
		facts_grow(facts);
	at = slot_of(key, facts->nr_slots);
	while (facts->slots[at].key && facts->slots[at].key != key)
		at = (at + 1) & (facts->nr_slots - 1);
	facts->nr_used += !facts->slots[at].key;
	return &facts->slots[at];
}

static const struct fact *function_fact(struct lk_frames *f, const char *function)
{
	struct fact *fact = facts_find(&f->functions, function);
	char normalised[LK_NAME_MAX];

	if (fact->key)
		return fact;
	lk_name_normalise(function, normalised, sizeof(normalised));
	*fact = (struct fact){
		.key = function,
		.hash = lk_hash_text(LK_HASH_START, normalised),
		.normalised = lk_strings_add(f->strings, normalised),
		.rule = (int16_t)lk_manager_match(normalised, 0),
		.wrapper = lk_is_wrapper(normalised),
	};
	return fact;
}

static const struct fact *module_fact(struct lk_frames *f, const char *module)
{
	struct fact *fact = facts_find(&f->modules, module);

	if (!fact->key)
		*fact = (struct fact){
			.key = module,
			.hash = lk_hash_text(LK_HASH_START, lk_base_name(module)),
			.place = (uint8_t)lk_place_of(module),
			.manager = lk_manager_of_module(module),
			.class_library = lk_is_class_library(module),
		};
	return fact;
}

static bool is_system_source(struct lk_frames *f, const char *file)
{
	struct fact *fact;

	if (!file)
		return false;
	fact = facts_find(&f->files, file);
	if (!fact->key)
		*fact = (struct fact){.key = file, .system_source = lk_is_system_source(file)};
	return fact->system_source;
}

static enum lk_place place_of(struct lk_frames *f, const struct lk_frame *frame)
{
	return frame->module ? module_fact(f, frame->module)->place : LK_PLACE_USER;
}

static bool is_wrapper(struct lk_frames *f, const struct lk_frame *frame)
{
	return frame->function && function_fact(f, frame->function)->wrapper;
}

/* Is the frame code that the user wrote and can open? */
static bool is_users(struct lk_frames *f, const struct lk_frame *frame)
{
	if (!frame->function || frame->origin == LK_ORIGIN_GENERATED || frame->framework)
		return false;
	if (is_wrapper(f, frame) || is_system_source(f, frame->file))
		return false;
	if (frame->origin == LK_ORIGIN_MANAGED)
		return !frame->module || !module_fact(f, frame->module)->class_library;
	return place_of(f, frame) == LK_PLACE_USER;
}

static bool same_module(const struct lk_frame *a, const struct lk_frame *b)
{
	return a->module && b->module && !strcmp(a->module, b->module);
}

/* Where nothing is the user's: past allocators, in the best place that there is. */
static uint32_t next_best(struct lk_frames *f, const struct lk_frame *stack, uint32_t count)
{
	uint32_t best = LK_NO_FRAME;

	for (uint32_t i = 1; i < count; i++) {
		if (stack[i].origin == LK_ORIGIN_GENERATED || is_wrapper(f, &stack[i]))
			continue;
		if (place_of(f, &stack[i]) != LK_PLACE_SYSTEM)
			return i;
		if (best == LK_NO_FRAME)
			best = i;
	}
	if (best == LK_NO_FRAME && count)
		best = count > 1;
	return best;
}

static bool is_called(struct lk_frames *f, const struct lk_frame *frame, const char *pattern)
{
	return !pattern ||
	       (frame->function && lk_glob(pattern, function_fact(f, frame->function)->normalised));
}

static bool is_entered(struct lk_frames *f, const struct lk_frame *frame, const char *manager)
{
	return !manager ||
	       (frame->function &&
		       !strcmp(manager,
			       lk_manager_of_entry(function_fact(f, frame->function)->normalised)));
}

/* The rule that says most of the frame: the most certain one. */
static const struct lk_manager_rule *rule_of(
	struct lk_frames *f, const struct lk_frame *stack, uint32_t at)
{
	const struct fact *fact;
	const struct lk_manager_rule *best = NULL;

	if (!stack[at].function)
		return NULL;
	fact = function_fact(f, stack[at].function);
	for (int i = fact->rule; i >= 0; i = lk_manager_match(fact->normalised, i + 1)) {
		const struct lk_manager_rule *rule = lk_manager_rule(i);

		if (!is_entered(f, &stack[0], rule->entry) ||
			!is_called(f, &stack[at - 1], rule->inner))
			continue;
		if (rule->certainty == LK_CERTAIN_MATCH)
			return rule;
		if (!best || rule->certainty > best->certainty)
			best = rule;
	}
	return best;
}

/*
 * The frame that is the door to a memory manager, SysAllocString say, or 0.  What
 * lies inside of it in its own module is its insides, whatever it is called.
 */
static uint32_t manager_door(struct lk_frames *f, const struct lk_frame *stack, uint32_t count)
{
	uint32_t door = 0;

	if (!count || !stack[0].function)
		return 0;
	for (uint32_t i = 1; i < count; i++) {
		const struct lk_manager_rule *rule;

		if (!is_wrapper(f, &stack[i]))
			continue;
		rule = rule_of(f, stack, i);
		if (!rule || rule->certainty != LK_CERTAIN_MATCH)
			continue;
		for (uint32_t k = door + 1; k < i; k++)
			if (is_users(f, &stack[k]) && !same_module(&stack[k], &stack[i]))
				return door;
		door = i;
	}
	return door;
}

static uint32_t responsible(
	struct lk_frames *f, const struct lk_frame *stack, uint32_t count, bool *ret_users)
{
	*ret_users = true;
	for (uint32_t i = manager_door(f, stack, count) + 1; i < count; i++)
		if (is_users(f, &stack[i]))
			return i;
	*ret_users = false;
	return next_best(f, stack, count);
}

/* The manager of the module whose code called the allocator or the C library, or NULL. */
static const char *manager_of_module(
	struct lk_frames *f, const struct lk_frame *stack, uint32_t count)
{
	uint32_t i = 1, deep;

	while (i < count && place_of(f, &stack[i]) == LK_PLACE_SYSTEM)
		i++;
	if (i == count || !stack[i].module)
		return NULL;
	for (deep = i; f->engine && deep < count && stack[deep].module; deep++)
		if (strcmp(stack[deep].module, f->engine))
			break;
	if (deep - i >= ENGINE_DEPTH)
		return "runtime";
	return module_fact(f, stack[i].module)->manager;
}

/* *ret_sure tells whether inlining can't have hidden a better answer. */
static const char *manager_of(struct lk_frames *f, const struct lk_frame *stack, uint32_t count,
	uint32_t limit, bool users, bool *ret_sure)
{
	const struct lk_manager_rule *best = NULL;
	const char *of_module;
	bool engine;

	*ret_sure = true;
	if (!count || !stack[0].function)
		return "unknown";
	of_module = manager_of_module(f, stack, count);
	engine = of_module && lk_manager_is_internal(of_module);
	for (uint32_t i = 1; i < (users ? limit : count); i++) {
		const struct lk_manager_rule *rule = rule_of(f, stack, i);

		/* AllocHGlobal has not allocated what compiling it took. */
		if (rule && engine && !rule->engine && stack[i].origin != LK_ORIGIN_NATIVE)
			continue;
		if (rule && rule->certainty == LK_CERTAIN_MATCH)
			return rule->manager;
		if (rule && (!best || rule->certainty > best->certainty))
			best = rule;
	}
	if (of_module)
		return of_module;
	*ret_sure = best && best->certainty > LK_VAGUE_MATCH;
	if (best)
		return best->manager;
	/* No code of the user's on the stack at all: the runtime works for itself. */
	if (!users && limit < count && place_of(f, &stack[limit]) == LK_PLACE_RUNTIME)
		return "runtime";
	return lk_manager_of_entry(function_fact(f, stack[0].function)->normalised);
}

/* A frame without a name is told by its place in its file, which loading does not move. */
static uint64_t offset_in_module(const struct lk_snapshot *s, const struct lk_frame *frame)
{
	for (size_t i = 0; i < s->nr_modules; i++) {
		const struct lk_module_fact *m = &s->modules[i];

		if (frame->address >= m->start && frame->address < m->end)
			return frame->address - m->bias;
	}
	return 0;
}

static uint64_t frame_key(struct lk_frames *f, const struct lk_frame *frame)
{
	uint64_t module = frame->module ? module_fact(f, frame->module)->hash : 0;
	uint64_t name, h;

	if (frame->function)
		name = function_fact(f, frame->function)->hash;
	else
		name = offset_in_module(f->snapshot, frame);
	h = (name ^ (module * 0xff51afd7ed558ccdull)) + frame->line;
	h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ull;
	return h ^ (h >> 29);
}

static void seen_start(struct seen *seen, uint32_t count)
{
	if (seen->nr_slots < (size_t)count * 2 || seen->stamp == UINT32_MAX) {
		size_t nr = seen->nr_slots ? seen->nr_slots : 256;

		while (nr < (size_t)count * 2)
			nr *= 2;
		free(seen->keys);
		free(seen->stamps);
		*seen = (struct seen){
			.keys = lk_xcalloc(nr, sizeof(*seen->keys)),
			.stamps = lk_xcalloc(nr, sizeof(*seen->stamps)),
			.nr_slots = nr,
		};
	}
	seen->stamp++;
}

static bool seen_before(struct seen *seen, uint64_t key)
{
	size_t at = (size_t)key & (seen->nr_slots - 1);

	for (; seen->stamps[at] == seen->stamp; at = (at + 1) & (seen->nr_slots - 1))
		if (seen->keys[at] == key)
			return true;
	seen->stamps[at] = seen->stamp;
	seen->keys[at] = key;
	return false;
}

/*
 * .NET inlines its class library and generated code into a method that got hot and
 * does not tell: frames that may be there or not tell no sites apart.
 */
static bool is_fleeting(struct lk_frames *f, const struct lk_frame *frame)
{
	return f->tiered && frame->origin != LK_ORIGIN_NATIVE && !is_users(f, frame);
}

/*
 * The key of a site is its manager and its frames, innermost first, each once:
 * how deep a recursion went does not make another leak.
 */
static uint64_t site_key(struct lk_frames *f, const char *manager, const struct lk_frame *stack,
	uint32_t count, bool users)
{
	uint64_t key = lk_hash_text(LK_HASH_START, manager);

	seen_start(&f->seen, count);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t one;

		if (users && is_fleeting(f, &stack[i]))
			continue;
		one = frame_key(f, &stack[i]);

		if (!seen_before(&f->seen, one))
			key = (key ^ one) * 0x100000001b3ull + (key >> 31);
	}
	return key;
}

void lk_frames_judge(struct lk_frames *f, const struct lk_frame *stack, uint32_t count,
	struct lk_stack_facts *ret)
{
	bool users, sure;
	uint32_t at = responsible(f, stack, count, &users);
	const char *manager = manager_of(f, stack, count, at, users, &sure);

	*ret = (struct lk_stack_facts){
		.manager = lk_strings_add(f->strings, manager),
		.responsible = at,
		.users = users,
		.key = site_key(f, manager, stack, count, users),
	};
	if (!f->tiered || !users || count < 2 || stack[1].origin == LK_ORIGIN_NATIVE)
		return;
	ret->place_key = site_key(f, "", stack, count, users);
	ret->vague = !sure;
}
