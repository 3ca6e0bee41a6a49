#include "unwind/capture.h"

#define HASH_WHOLE     0x2545f4914f6cdd1dull
#define HASH_TRUNCATED 0x9fb21c651e98df25ull
#define HASH_EXACT     0x8000000000000000ull /* flips a pc that is no return address */

/* Offsets of x86-64 Linux's ucontext_t from its start: uc_mcontext.gregs[REG_x]. */
#define UC_RBP 120u
#define UC_RSP 160u
#define UC_RIP 168u

LK_INLINE uint64_t read_word(uint64_t addr)
{
	return *(const volatile uint64_t *)addr;
}

/* May [addr, addr + 8) be read?  Everything below sp is dead and may change under us. */
LK_INLINE bool readable(const struct lk_memo *m, uint64_t addr, uint64_t sp)
{
	return addr >= sp && addr < m->high && !(addr & 7);
}

LK_INLINE void note_word(struct lk_stepped *s, uint64_t addr, uint64_t value)
{
	s->words[s->nr_words].addr = addr;
	s->words[s->nr_words].value = value;
	s->nr_words++;
}

/*
 * Of what lies between from and pc: the first 48 bytes, and the last 16.  The
 * products do not wait for each other.
 */
LK_INLINE uint64_t code_sum(uint64_t from, uint64_t pc)
{
	static const uint64_t k[] = {0x9e3779b97f4a7c15ull, 0xbf58476d1ce4e5b9ull,
		0x94d049bb133111ebull, 0xd6e8feb86659fd93ull, 0xff51afd7ed558ccdull,
		0xc4ceb9fe1a85ec53ull};
	uint64_t size = pc - from, sum = size;

	if (LK_LIKELY(size >= 48))
		sum += read_word(from) * k[0] + read_word(from + 8) * k[1] +
		       read_word(from + 16) * k[2] + read_word(from + 24) * k[3] +
		       read_word(from + 32) * k[4] + read_word(from + 40) * k[5];
	else
		for (unsigned i = 0; 8 * i + 8 <= size; i++)
			sum += read_word(from + 8 * i) * k[i];
	if (LK_LIKELY(size >= 16))
		sum ^= read_word(pc - 16) * k[1] + read_word(pc - 8) * k[3];
	return sum;
}

static LK_NOINLINE void make_row(struct lk_memo *m, uint64_t pc, bool exact, struct lk_row *row)
{
	struct lk_code_check *check = &m->checks[row - m->rows];
	uint64_t start = 0, page = (pc - 1) & ~4095ull;

	m->row_miss(pc, exact, row, &start);
	row->pc = pc;
	if (row->flags & LK_ROW_MANAGED) {
		/* Code in other pages may be gone when the check is made again. */
		check->from = start > page ? start : page;
		check->sum = code_sum(check->from, pc);
	}
}

static void recheck_row(struct lk_memo *m, uint64_t pc, bool exact, struct lk_row *row)
{
	const struct lk_code_check *check = &m->checks[row - m->rows];

	if (row->flags & LK_ROW_AGAIN) {
		if (--row->cfa_off <= 0)
			make_row(m, pc, exact, row);
	} else if (LK_UNLIKELY(code_sum(check->from, pc) != check->sum)) {
		make_row(m, pc, exact, row);
	}
}

LK_INLINE const struct lk_row *row_of(struct lk_memo *m, uint64_t pc, bool exact)
{
	struct lk_row *row = &m->rows[(pc ^ pc >> 13) & (LK_ROWS_CACHED - 1)];

	if (LK_UNLIKELY(row->pc != pc)) {
		make_row(m, pc, exact, row);
	} else if (row->flags & (LK_ROW_MANAGED | LK_ROW_AGAIN)) {
		recheck_row(m, pc, exact, row);
	}
	return row;
}

/* A signal interrupted the frame further out: its state stands in the kernel's frame. */
static LK_NOINLINE bool step_signal(struct lk_memo *m, uint64_t sp, struct lk_stepped *ret)
{
	if (!readable(m, sp + UC_RBP, sp) || !readable(m, sp + UC_RIP, sp))
		return false;
	ret->nr_words = 0;
	ret->bp = read_word(sp + UC_RBP);
	ret->sp = read_word(sp + UC_RSP);
	ret->pc = read_word(sp + UC_RIP);
	ret->exact = 1;
	note_word(ret, sp + UC_RBP, ret->bp);
	note_word(ret, sp + UC_RSP, ret->sp);
	note_word(ret, sp + UC_RIP, ret->pc); /* exact: C3's return address is this word */
	/* A handler on a stack of its own: what it interrupted lies elsewhere. */
	return ret->sp > sp && ret->sp < m->high && !(ret->sp & 7);
}

/* A fault handler's frame was put below the frame further out, which stood at an instruction. */
static LK_NOINLINE bool step_pushed(
	struct lk_memo *m, const struct lk_row *row, uint64_t sp, struct lk_stepped *ret)
{
	uint64_t cfa = sp + (int64_t)row->cfa_off, at = cfa + 8 * (int64_t)row->rbp_off;

	if (!readable(m, at, sp) || !readable(m, at + 8, sp) || !readable(m, cfa, sp))
		return false;
	ret->nr_words = 0;
	ret->bp = read_word(at);
	ret->pc = read_word(at + 8);
	ret->sp = cfa;
	ret->exact = 1;
	note_word(ret, at, ret->bp);
	note_word(ret, at + 8, ret->pc); /* as in step_signal */
	return ret->pc != 0;
}

static LK_NOINLINE uint64_t cfa_unusual(struct lk_memo *m, const struct lk_row *row, uint64_t pc,
	uint64_t sp, uint64_t bp, struct lk_stepped *ret)
{
	uint64_t at, cfa;

	switch (row->kind) {
	case LK_ROW_RBP_DEREF:
	case LK_ROW_RSP_DEREF:
		at = (row->kind == LK_ROW_RBP_DEREF ? bp : sp) + (int64_t)row->cfa_off;
		if (!readable(m, at, sp))
			return 0;
		cfa = read_word(at);
		note_word(ret, at, cfa);
		return cfa;
	case LK_ROW_PLT:
		return sp + 8 + ((int64_t)(pc & 15) >= row->cfa_off ? 8 : 0);
	default:
		return 0;
	}
}

enum step { STEP_ON, STEP_END, STEP_LOST };

/* One step outwards from (pc, sp, bp).  Fills *ret for STEP_ON. */
static LK_NOINLINE enum step step_out(struct lk_memo *m, uint64_t pc, uint64_t sp, uint64_t bp,
	bool exact, struct lk_stepped *ret)
{
	const struct lk_row *row = row_of(m, pc, exact);
	uint64_t cfa, slot, value;

	ret->nr_words = 0;
	ret->exact = 0;
	if (LK_LIKELY(row->kind == LK_ROW_RSP))
		cfa = sp + (int64_t)row->cfa_off;
	else if (row->kind == LK_ROW_RBP)
		cfa = bp + (int64_t)row->cfa_off;
	else if (row->kind == LK_ROW_END)
		return STEP_END;
	else if (row->kind == LK_ROW_SIGFRAME)
		return step_signal(m, sp, ret) ? STEP_ON : STEP_LOST;
	else if (row->kind == LK_ROW_PUSHED)
		return step_pushed(m, row, sp, ret) ? STEP_ON : STEP_LOST;
	else
		cfa = cfa_unusual(m, row, pc, sp, bp, ret);
	slot = cfa - 8;
	if (LK_UNLIKELY(!readable(m, slot, sp)))
		return STEP_LOST;
	if (row->flags & LK_ROW_RBP_SAVED) {
		uint64_t at =
			(row->flags & LK_ROW_RBP_AT_RBP ? bp : cfa) + 8 * (int64_t)row->rbp_off;

		if (LK_UNLIKELY(!readable(m, at, sp)))
			return STEP_LOST;
		bp = read_word(at);
		note_word(ret, at, bp);
	}
	if (LK_UNLIKELY(row->flags & LK_ROW_GUESSED))
		m->guessed = true;
	value = read_word(slot);
	ret->pc = value;
	ret->sp = cfa;
	ret->bp = bp;
	return value ? STEP_ON : STEP_END;
}

LK_INLINE bool entry_unchanged(const struct lk_memo *m, const struct lk_entry_state *e)
{
	uint32_t w = e == m->entry ? 0 : e[-1].w_end;

	if (!e->exact && read_word(e->sp - 8) != e->pc)
		return false;
	for (; w < e->w_end; w++)
		if (read_word(m->words[w].addr) != m->words[w].value)
			return false;
	return true;
}

/*
 * How many of entries 0 .. j-1, from the outermost on, would a walk find again?
 * j where every word that they were made from still holds its value.
 */
LK_INLINE uint32_t outer_unchanged(const struct lk_memo *m, uint32_t j)
{
	const struct lk_entry_state *e = m->entry, *end = e + j;
	const struct lk_word_read *w = m->words, *w_end = w + (j ? end[-1].w_end : 0);
	uint64_t changed = 0;

	for (; e + 2 <= end; e += 2)
		changed |= ((read_word(e[0].sp - 8) ^ e[0].pc) & (e[0].exact - 1ull)) |
			   ((read_word(e[1].sp - 8) ^ e[1].pc) & (e[1].exact - 1ull));
	if (e < end)
		changed |= (read_word(e->sp - 8) ^ e->pc) & (e->exact - 1ull);
	for (; w < w_end; w++)
		changed |= read_word(w->addr) ^ w->value;
	if (LK_LIKELY(!changed))
		return j;
	for (e = m->entry; e < end && entry_unchanged(m, e); e++)
		;
	return (uint32_t)(e - m->entry);
}

LK_INLINE uint64_t hash_frame(uint64_t outer, uint64_t pc, uint32_t exact)
{
	return lk_mix(outer, exact ? pc ^ HASH_EXACT : pc);
}

/* Appends the fresh frames, which were found innermost first, to entries 0 .. nr-1. */
LK_INLINE uint64_t append_fresh(struct lk_memo *m, uint32_t nr_fresh)
{
	struct lk_entry_state *e = m->entry + m->nr;
	struct lk_word_read *w = m->words + (m->nr ? e[-1].w_end : 0);
	uint64_t hash = m->nr ? e[-1].hash : m->base_hash;

	m->nr += nr_fresh;
	for (const struct lk_stepped *s = m->fresh + nr_fresh; s-- > m->fresh; e++) {
		hash = hash_frame(hash, s->pc, s->exact);
		for (uint32_t i = 0; i < s->nr_words; i++, w++) {
			/* One by one: a 16-byte load of two words just stored would stall. */
			w->addr = s->words[i].addr;
			w->value = s->words[i].value;
		}
		e->sp = s->sp;
		e->pc = s->pc;
		e->bp = s->bp;
		e->hash = hash;
		e->node = 0;
		e->w_end = (uint32_t)(w - m->words);
		e->exact = s->exact;
	}
	return hash;
}

/*
 * More frames than the memo holds.  The outermost part says where the recursion
 * came from and the innermost where it is: keep both, drop the middle.  The memo
 * is of no use for the next capture then.
 */
static LK_NOINLINE uint32_t walk_deep(
	struct lk_memo *m, uint32_t nr_fresh, uint64_t pc, uint64_t sp, uint64_t bp, bool exact)
{
	const uint32_t inner = LK_FRESH_MAX / 2, ring = LK_FRESH_MAX - inner;
	uint64_t count = nr_fresh - inner; /* frames seen beyond the inner part */
	enum step s;

	(void)nr_fresh;
	m->cut = true;
	for (;;) {
		struct lk_stepped *slot = &m->fresh[inner + count % ring];

		s = step_out(m, pc, sp, bp, exact, slot);
		if (s != STEP_ON)
			break;
		pc = slot->pc;
		sp = slot->sp;
		bp = slot->bp;
		exact = slot->exact;
		count++;
	}
	m->truncated = s == STEP_LOST;
	/* Put the ring's frames in order: rotate so that the innermost comes first. */
	if (count > ring) {
		uint32_t shift = (uint32_t)(count % ring);
		struct lk_stepped *r = &m->fresh[inner];

		for (uint32_t pass = 0; pass < 3; pass++) {
			uint32_t from = pass == 1 ? shift : 0;
			uint32_t to = pass == 0 ? shift : ring;

			for (uint32_t a = from, b = to; a + 1 < b; a++) {
				struct lk_stepped t = r[a];

				b--;
				r[a] = r[b];
				r[b] = t;
			}
		}
		count = ring;
	}
	return inner + (uint32_t)count;
}

/* The walk came to entry j: what lies further out is remembered. */
LK_INLINE uint64_t join(struct lk_memo *m, uint32_t j, uint32_t nr_fresh)
{
	/* Entry j again, with the words that led to it this time (C3). */
	uint32_t node = m->entry[j].node;
	uint64_t hash;

	m->nr = j;
	hash = append_fresh(m, nr_fresh);
	m->entry[j].node = node;
	return hash;
}

/* The step of nearly every frame, CFA from RSP or RBP; false: step_out has to look at it. */
LK_INLINE bool step_plain(
	struct lk_memo *m, uint64_t pc, uint64_t sp, uint64_t bp, struct lk_stepped *ret)
{
	const struct lk_row *row = &m->rows[(pc ^ pc >> 13) & (LK_ROWS_CACHED - 1)];
	uint64_t cfa, at, room = m->high - 8 - sp;

	if (LK_UNLIKELY(row->pc != pc || row->flags & ~(LK_ROW_RBP_SAVED | LK_ROW_MANAGED)))
		return false;
	if (row->flags & LK_ROW_MANAGED) {
		const struct lk_code_check *check = &m->checks[row - m->rows];

		if (LK_UNLIKELY(code_sum(check->from, pc) != check->sum))
			return false;
	}
	if (LK_LIKELY(row->kind == LK_ROW_RSP))
		cfa = sp + (int64_t)row->cfa_off;
	else if (row->kind == LK_ROW_RBP)
		cfa = bp + (int64_t)row->cfa_off;
	else
		return false;
	if (LK_UNLIKELY(cfa - 8 - sp > room || cfa & 7))
		return false;
	ret->nr_words = 0;
	ret->exact = 0;
	ret->sp = cfa;
	ret->bp = bp;
	if (row->flags & LK_ROW_RBP_SAVED) {
		at = cfa + 8 * (int64_t)row->rbp_off;
		if (LK_UNLIKELY(at - sp > room))
			return false;
		ret->bp = read_word(at);
		ret->nr_words = 1;
		ret->words[0].addr = at;
		ret->words[0].value = ret->bp;
	}
	ret->pc = read_word(cfa - 8);
	return LK_LIKELY(ret->pc != 0);
}

uint64_t lk_capture(struct lk_memo *m, uint64_t pc, uint64_t sp, uint64_t bp)
{
	struct lk_entry_state *e =
		m->entry + m->nr - 1;		       /* innermost one that may still be of use */
	struct lk_entry_state *verified = &m->outside; /* up to here known to be unchanged now */
	struct lk_stepped *f = m->fresh;
	bool exact = false;
	enum step s;

	/* The innermost frame: the caller of the hook, its state is given. */
	f->sp = sp;
	f->pc = pc;
	f->bp = bp;
	f->nr_words = 0;
	f->exact = 0;
	if (LK_UNLIKELY(m->cut))
		e = &m->outside;
	if (e == &m->outside)
		m->guessed = false;
	for (;;) {
		while (e->sp < sp)
			e--;
		if (e->sp == sp && e->pc == pc && e->bp == bp && e->exact == exact) {
			struct lk_entry_state *same = e;

			if (e > verified)
				same = m->entry + outer_unchanged(m, (uint32_t)(e - m->entry));
			if (same == e)
				return join(
					m, (uint32_t)(e - m->entry), (uint32_t)(f - m->fresh) + 1);
			/* Entries up to `same` are what a walk finds, should it come there. */
			verified = e = same;
			continue;
		}
		if (LK_UNLIKELY(f == &m->fresh[LK_FRESH_MAX - 2])) {
			uint32_t nr = walk_deep(m, LK_FRESH_MAX - 1, pc, sp, bp, exact);

			m->base_hash = m->truncated ? HASH_TRUNCATED : HASH_WHOLE;
			m->nr = 0;
			return append_fresh(m, nr);
		}
		if (LK_UNLIKELY(exact || !step_plain(m, pc, sp, bp, f + 1))) {
			s = step_out(m, pc, sp, bp, exact, f + 1);
			if (s != STEP_ON)
				break;
		}
		f++;
		pc = f->pc;
		sp = f->sp;
		bp = f->bp;
		exact = f->exact;
	}
	m->cut = false;
	m->truncated = s == STEP_LOST;
	m->base_hash = m->truncated ? HASH_TRUNCATED : HASH_WHOLE;
	m->nr = 0;
	return append_fresh(m, (uint32_t)(f - m->fresh) + 1);
}

void lk_memo_init(struct lk_memo *m,
	void (*row_miss)(uint64_t pc, bool exact, struct lk_row *ret_row, uint64_t *ret_start))
{
	m->outside.sp = UINT64_MAX;
	m->row_miss = row_miss;
	m->nr = 0;
	m->low = m->high = 0;
	m->cut = false;
}

void lk_memo_forget(struct lk_memo *m, bool keep_lasting)
{
	const uint8_t passing = LK_ROW_MANAGED | LK_ROW_AGAIN;

	m->nr = 0;
	m->cut = false;
	for (uint32_t i = 0; i < LK_ROWS_CACHED; i++)
		/* Reading does not make pages of what was never used. */
		if (m->rows[i].pc && (!keep_lasting || m->rows[i].flags & passing))
			m->rows[i].pc = 0;
}
