#include "agent/record.h"

#include "agent/stackregion.h"
#include "store/maps.h"
#include "store/nodes.h"
#include "store/shadow.h"

#include <time.h>

/* Events between two looks at the clock while a host pushes the tick on. */
#define CLOCK_EVERY 64u

static LK_NOINLINE void look_at_clock(struct lk_agent_thread *t)
{
	struct lk_store_header *h = t->header;
	struct timespec ts;
	uint64_t ns, ms, beat = lk_load(&h->host_beat_ms);

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	ns = (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
	ms = ns > h->started_mono_ns ? (ns - h->started_mono_ns) / 1000000 : 0;
	if (ms > lk_load(&h->tick_ms))
		lk_store(&h->tick_ms, ms);
	/* The coarse clock may lag behind the beat. */
	t->countdown = beat && (int64_t)(ms - beat) < 1000 ? CLOCK_EVERY : 1;
}

uint64_t lk_now(struct lk_agent_thread *t)
{
	if (LK_UNLIKELY(!--t->countdown))
		look_at_clock(t);
	return lk_load(&t->header->tick_ms);
}

/* Another stack than last time, or other code: what is remembered is of no use. */
static LK_NOINLINE void refresh_memo(struct lk_agent_thread *t, uint64_t sp)
{
	uint32_t generation = lk_load(&t->header->generation);

	if (t->generation != generation) {
		/* Code of a runtime that was replaced leaves the rows of modules as they are. */
		uint32_t modules = lk_load(&lk_modules_generation);

		t->generation = generation;
		lk_thread_flush(t);
		lk_memo_forget(&t->memo, t->modules_generation == modules);
		t->modules_generation = modules;
	}
	if (sp - t->memo.low >= t->memo.high - t->memo.low) {
		t->memo.nr = 0;
		if (!lk_stack_region(t, sp, &t->memo.low, &t->memo.high)) {
			/* Bounds unknown: the caller alone is certain. */
			t->memo.low = t->memo.high = sp;
			lk_count_lost(LK_LOST_UNKNOWN_STACK);
		}
	}
}

static void flush_tally(struct lk_tally *tally)
{
	struct lk_node *n;

	if (!tally->pending_allocs)
		return;
	n = lk_node_at(tally->stack);
	lk_add(&n->allocs, tally->pending_allocs);
	lk_add(&n->bytes, tally->pending_bytes);
	tally->pending_allocs = 0;
	tally->pending_bytes = 0;
}

void lk_thread_flush(struct lk_agent_thread *t)
{
	for (uint32_t i = 0; i < LK_TALLIES_PER_THREAD; i++) {
		flush_tally(&t->tallies[i]);
		t->tallies[i].hash = 0;
	}
}

static uint32_t base_node(const struct lk_memo *m)
{
	if (!m->truncated)
		return 0;
	return lk_node_intern(0, LK_PC_TRUNCATED, false, NULL, lk_code_of);
}

/* The node of the whole remembered stack, made where it is new. */
static uint32_t intern_stack(struct lk_memo *m)
{
	uint32_t cut_at = m->cut ? m->nr - LK_FRESH_MAX / 2 : UINT32_MAX;
	uint32_t i = m->nr, parent;

	while (i && (!m->entry[i - 1].node || m->cut))
		i--;
	parent = i ? m->entry[i - 1].node : base_node(m);
	for (; i < m->nr && parent != LK_NODE_NONE; i++) {
		/* C1: the frame ends where the next outer one begins. */
		struct lk_walk_stack stack = {m->entry[i].sp, i ? m->entry[i - 1].sp : m->high};

		if (i == cut_at)
			parent = lk_node_intern(parent, LK_PC_CUT, false, NULL, lk_code_of);
		if (parent != LK_NODE_NONE)
			parent = lk_node_intern(
				parent, m->entry[i].pc, m->entry[i].exact, &stack, lk_code_of);
		m->entry[i].node = parent == LK_NODE_NONE ? 0 : parent;
	}
	return parent;
}

/* Makes the stack known to the store; 0 where there is no room for it. */
static LK_NOINLINE uint32_t intern_leaf(struct lk_agent_thread *t, enum lk_entry entry)
{
	struct lk_memo *m = &t->memo;
	uint32_t node = intern_stack(m), leaf = LK_NODE_NONE;

	if (node != LK_NODE_NONE)
		leaf = lk_node_intern(node, entry, false, NULL, lk_code_of);
	if (leaf == LK_NODE_NONE) {
		lk_count_lost(LK_LOST_STACKS);
		return 0;
	}
	if (!lk_load(&lk_node_at(leaf)->allocs)) {
		if (m->truncated)
			lk_count_lost(LK_LOST_TRUNCATED);
		if (m->cut)
			lk_count_lost(LK_LOST_CUT);
		if (m->guessed)
			lk_count_lost(LK_LOST_APPROXIMATE);
	}
	return leaf;
}

static LK_NOINLINE void load_tally(
	struct lk_agent_thread *t, struct lk_tally *tally, uint64_t key, enum lk_entry entry)
{
	uint64_t *hash = &t->known[key & (LK_STACKS_CACHED - 1)].hash;
	uint64_t *stack = &t->known[key & (LK_STACKS_CACHED - 1)].stack;
	/* What was known in another generation of code is not found: nothing to clear. */
	uint64_t known_as = lk_mix(key, t->generation);

	flush_tally(tally);
	if (*hash != known_as) {
		*stack = intern_leaf(t, entry);
		*hash = *stack ? known_as : 0; /* without room: try again next time */
	}
	tally->hash = *stack ? key : 0;
	tally->stack = (uint32_t)*stack;
}

/* The number of the calling stack; counts one allocation of size bytes for it. */
LK_INLINE uint32_t count_stack(
	struct lk_agent_thread *t, uint64_t size, enum lk_entry entry, struct lk_caller from)
{
	struct lk_memo *m = &t->memo;
	struct lk_tally *tally;
	uint64_t key;

	do {
		if (LK_UNLIKELY(lk_caller_sp(from) - m->low >= m->high - m->low ||
				t->generation != lk_load(&t->header->generation)))
			refresh_memo(t, lk_caller_sp(from));
		key = lk_mix(
			lk_capture(m, from.frame[1], lk_caller_sp(from), from.frame[0]), entry);
		/* The walk itself may find that code was replaced: then once more. */
	} while (LK_UNLIKELY(t->generation != lk_load(&t->header->generation)));
	tally = &t->tallies[key >> 54];
	if (LK_UNLIKELY(tally->hash != key))
		load_tally(t, tally, key, entry);
	tally->pending_allocs++;
	tally->pending_bytes += size;
	return tally->stack;
}

void lk_record_alloc(struct lk_agent_thread *t, uint64_t addr, uint64_t size, enum lk_entry entry,
	struct lk_caller from)
{
	uint32_t stack = count_stack(t, size, entry, from);
	struct lk_word w = lk_word_pack(size, stack, lk_time_pack(lk_now(t)), t->number);

	if (LK_UNLIKELY(!lk_shadow_put(addr, w)))
		lk_count_lost(addr >> LK_ADDRESS_BITS ? LK_LOST_ADDRESS : LK_LOST_STORE_FULL);
}

struct lk_word lk_record_free(struct lk_agent_thread *t, uint64_t addr)
{
	struct lk_word w = lk_shadow_take(addr);

	if (LK_UNLIKELY(!w.first))
		lk_add(&t->header->freed_unknown, 1);
	return w;
}

void lk_record_undo_free(struct lk_agent_thread *t, uint64_t addr, struct lk_word old)
{
	(void)t;
	lk_shadow_restore(addr, old);
}

static struct lk_map_info map_of(struct lk_agent_thread *t, uint64_t addr, uint64_t size,
	uint32_t kind, enum lk_entry entry, struct lk_caller from)
{
	lk_now(t);
	return (struct lk_map_info){
		.start = addr,
		.size = lk_align_up(size, 4096),
		.stack = count_stack(t, size, entry, from),
		.time_ms = lk_tick32(t->header),
		.thread = t->number,
		.kind = kind,
	};
}

void lk_record_map(struct lk_agent_thread *t, uint64_t addr, uint64_t size, uint32_t kind,
	enum lk_entry entry, struct lk_caller from)
{
	struct lk_map_info map = map_of(t, addr, size, kind, entry, from);

	if (!lk_maps_add(&map))
		lk_count_lost(LK_LOST_MAPS);
}

void lk_record_commit(struct lk_agent_thread *t, uint64_t addr, uint64_t size, uint32_t kind,
	struct lk_caller from)
{
	struct lk_map_info map = map_of(t, addr, size, kind, LK_ENTRY_MPROTECT, from);

	if (!lk_maps_commit(map.start, map.size, &map))
		lk_count_lost(LK_LOST_MAPS);
}

_Static_assert(LK_TALLIES_PER_THREAD == 1u << (64 - 54), "the tally's index is the key's top bits");
