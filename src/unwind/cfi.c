/*
 * Call frame instructions (DWARF 5, 6.4.2, and the vendors' additions) run for
 * the three things a row says: where the CFA is, where RBP was saved, and that
 * the return address is at CFA - 8.  All other registers are read past.
 *
 * Invariants:
 *   1. A rule is either said exactly or is RULE_OTHER; RULE_OTHER and offsets out
 *      of range end in kind UNKNOWN, never in a row that is nearly right.
 *   2. The program is read once, front to back, through a cursor; the state stack
 *      is an array.  Nothing recurses, and nothing is read but the window.
 */
#include "unwind/cfi.h"

#include <dlfcn.h>
#include <errno.h>

#include "elf/eh.h"
#include "unwind/dwarf.h"

#define REG_RBP 6
#define REG_RSP 7
#define REG_RA	16

#define WORD 8

/* gcc and clang nest one state, hand-written assembly two. */
#define STATES_MAX 8

/*
 * The kernel's frame, as the restorer of a libc describes it: ucontext at rsp,
 * its gregs at 40, RSP the 16th of them and RIP the 17th (struct sigcontext).
 */
#define UCONTEXT_RSP 160
#define UCONTEXT_RIP 168

enum rule_how {
	RULE_UNSET,
	RULE_UNDEFINED,
	RULE_SAME,
	RULE_AT_CFA, /* saved at CFA + off */
	RULE_AT_RBP, /* saved at rbp + off */
	RULE_AT_RSP, /* saved at rsp + off */
	RULE_OTHER,
};

/* An offset out of 32 bits is kept as this one, which no row can say either. */
#define OFF_TOO_BIG INT32_MIN

struct rule {
	int32_t off;
	uint32_t how; /* enum rule_how */
};

/* The CFA's rule has the form of the row it will make; UNKNOWN: not (yet) sayable. */
struct cfa_rule {
	int32_t off;
	uint8_t kind;	    /* enum lk_row_kind */
	bool by_expression; /* register and offset cannot be changed one by one */
	uint16_t reserved;
};

struct state {
	struct cfa_rule cfa;
	struct rule rbp;
	struct rule ra;
};

struct machine {
	struct lk_cursor c;
	const struct lk_eh_window *window; /* NULL: a runtime's program, not .eh_frame */
	uint64_t code_align;
	int64_t data_align;
	uint64_t loc;
	uint64_t target; /* the last loc whose rules are wanted */
	struct state now;
	struct state entry; /* after the CIE: what restore goes back to */
	uint8_t pc_encoding;
	uint8_t nr_saved;
	bool done;
	struct state saved[STATES_MAX];
};

LK_INLINE int32_t fit_off(int64_t off)
{
	return off >= INT32_MIN && off <= INT32_MAX ? (int32_t)off : OFF_TOO_BIG;
}

LK_INLINE int64_t factored(const struct machine *m, uint64_t v)
{
	return (int64_t)(v * (uint64_t)m->data_align);
}

/* The rule of a register that a row needs, or NULL. */
LK_INLINE struct rule *rule_of(struct state *s, uint64_t reg)
{
	if (reg == REG_RBP)
		return &s->rbp;
	return reg == REG_RA ? &s->ra : NULL;
}

static void set_rule(struct machine *m, uint64_t reg, enum rule_how how, int64_t off)
{
	struct rule *rule = rule_of(&m->now, reg);

	if (rule)
		*rule = (struct rule){.off = fit_off(off), .how = how};
}

static void restore_rule(struct machine *m, uint64_t reg)
{
	struct rule *rule = rule_of(&m->now, reg);

	if (rule)
		*rule = *rule_of(&m->entry, reg);
}

LK_INLINE uint8_t cfa_kind_of(uint64_t reg)
{
	if (reg == REG_RSP)
		return LK_ROW_RSP;
	return reg == REG_RBP ? LK_ROW_RBP : LK_ROW_UNKNOWN;
}

static void set_cfa(struct machine *m, uint64_t reg, int64_t off)
{
	m->now.cfa = (struct cfa_rule){.kind = cfa_kind_of(reg), .off = fit_off(off)};
}

/*
 * These two change one half.  The offset is kept while the register is one that a
 * row does not know, since the next may be known.
 */
static int set_cfa_reg(struct machine *m, uint64_t reg)
{
	m->now.cfa.kind = cfa_kind_of(reg);
	return m->now.cfa.by_expression ? -EBADMSG : 0;
}

static int set_cfa_off(struct machine *m, int64_t off)
{
	m->now.cfa.off = fit_off(off);
	return m->now.cfa.by_expression ? -EBADMSG : 0;
}

static void advance(struct machine *m, uint64_t delta)
{
	uint64_t step;

	if (__builtin_mul_overflow(delta, m->code_align, &step) || step > m->target - m->loc)
		m->done = true;
	else
		m->loc += step;
}

static void set_loc(struct machine *m)
{
	uint64_t loc;

	if (!m->window) {
		m->c.bad = true;
		return;
	}
	loc = lk_eh_pointer(m->window, &m->c, m->pc_encoding, 0);
	if (loc > m->target)
		m->done = true;
	else
		m->loc = loc;
}

static struct lk_cursor take_block(struct machine *m)
{
	uint64_t size = lk_cursor_uleb(&m->c);
	const uint8_t *bytes = lk_cursor_take(&m->c, size);

	return lk_cursor_over(bytes, bytes ? size : 0);
}

/* What every linker writes for the PLT: rsp + 8 + ((rip & 15) >= n) << 3. */
static bool expr_is_plt(struct lk_cursor e, int32_t *ret_bound)
{
	bool like = lk_cursor_u8(&e) == OP_BREG(REG_RSP) && lk_cursor_sleb(&e) == WORD &&
		    lk_cursor_u8(&e) == OP_BREG(REG_RA) && lk_cursor_sleb(&e) == 0 &&
		    lk_cursor_u8(&e) == OP_LIT0 + 15 && lk_cursor_u8(&e) == OP_AND;
	int32_t bound = lk_cursor_u8(&e) - OP_LIT0;

	like = like && bound >= 0 && bound < 16;
	like = like && lk_cursor_u8(&e) == OP_GE && lk_cursor_u8(&e) == OP_LIT0 + 3 &&
	       lk_cursor_u8(&e) == OP_SHL && lk_cursor_u8(&e) == OP_PLUS;
	if (!like || e.bad || lk_cursor_left(&e))
		return false;
	*ret_bound = bound;
	return true;
}

/* Reads "register RBP or RSP plus a constant"; the kind tells which register. */
static uint8_t expr_base(struct lk_cursor *e, int32_t *ret_off)
{
	uint8_t op = lk_cursor_u8(e);

	*ret_off = fit_off(lk_cursor_sleb(e));
	if (e->bad || op < OP_BREG0)
		return LK_ROW_UNKNOWN;
	return cfa_kind_of(op - OP_BREG0);
}

static void def_cfa_expr(struct machine *m)
{
	struct lk_cursor e = take_block(m);
	struct cfa_rule cfa = {.kind = LK_ROW_UNKNOWN, .by_expression = true};

	if (expr_is_plt(e, &cfa.off)) {
		cfa.kind = LK_ROW_PLT;
	} else {
		cfa.kind = expr_base(&e, &cfa.off);
		if (lk_cursor_left(&e) == 1 && lk_cursor_u8(&e) == OP_DEREF)
			cfa.kind = cfa.kind == LK_ROW_RBP   ? LK_ROW_RBP_DEREF
				   : cfa.kind == LK_ROW_RSP ? LK_ROW_RSP_DEREF
							    : LK_ROW_UNKNOWN;
		if (e.bad || lk_cursor_left(&e))
			cfa.kind = LK_ROW_UNKNOWN;
	}
	m->now.cfa = cfa;
}

/* The register was saved at the address that the expression gives. */
static void saved_at_expr(struct machine *m)
{
	uint64_t reg = lk_cursor_uleb(&m->c);
	struct lk_cursor e = take_block(m);
	int32_t off;
	uint8_t base = expr_base(&e, &off);
	enum rule_how how = base == LK_ROW_RBP	 ? RULE_AT_RBP
			    : base == LK_ROW_RSP ? RULE_AT_RSP
						 : RULE_OTHER;

	if (e.bad || lk_cursor_left(&e))
		how = RULE_OTHER;
	set_rule(m, reg, how, off);
}

static void valued_by_expr(struct machine *m)
{
	uint64_t reg = lk_cursor_uleb(&m->c);

	take_block(m);
	set_rule(m, reg, RULE_OTHER, 0);
}

static int remember(struct machine *m)
{
	if (m->nr_saved == STATES_MAX)
		return -EOPNOTSUPP;
	m->saved[m->nr_saved++] = m->now;
	return 0;
}

static int restore_state(struct machine *m)
{
	if (!m->nr_saved)
		return -EBADMSG;
	m->now = m->saved[--m->nr_saved];
	return 0;
}

/* Rules of registers; the operand order is register, offset. */
static int step_register(struct machine *m, uint8_t op)
{
	uint64_t reg = lk_cursor_uleb(&m->c);

	switch (op) {
	case CFA_OFFSET_EXT:
		set_rule(m, reg, RULE_AT_CFA, factored(m, lk_cursor_uleb(&m->c)));
		return 0;
	case CFA_OFFSET_EXT_SF:
		set_rule(m, reg, RULE_AT_CFA, factored(m, (uint64_t)lk_cursor_sleb(&m->c)));
		return 0;
	case CFA_GNU_NEG_OFFSET:
		set_rule(m, reg, RULE_AT_CFA, factored(m, -lk_cursor_uleb(&m->c)));
		return 0;
	case CFA_RESTORE_EXT:
		restore_rule(m, reg);
		return 0;
	case CFA_UNDEFINED:
		set_rule(m, reg, RULE_UNDEFINED, 0);
		return 0;
	case CFA_SAME_VALUE:
		set_rule(m, reg, RULE_SAME, 0);
		return 0;
	case CFA_REGISTER:
	case CFA_VAL_OFFSET:
	case CFA_VAL_OFFSET_SF:
		lk_cursor_uleb(&m->c); /* a second LEB128; its value is not asked for */
		set_rule(m, reg, RULE_OTHER, 0);
		return 0;
	default:
		return -EBADMSG;
	}
}

/* Instructions about the CFA and the states; all others are about registers. */
static int step_plain(struct machine *m, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case CFA_NOP:
	case CFA_GNU_WINDOW_SAVE:
		return 0;
	case CFA_GNU_ARGS_SIZE:
		lk_cursor_uleb(&m->c);
		return 0;
	case CFA_DEF:
		reg = lk_cursor_uleb(&m->c);
		set_cfa(m, reg, (int64_t)lk_cursor_uleb(&m->c));
		return 0;
	case CFA_DEF_SF:
		reg = lk_cursor_uleb(&m->c);
		set_cfa(m, reg, factored(m, (uint64_t)lk_cursor_sleb(&m->c)));
		return 0;
	case CFA_DEF_REGISTER:
		return set_cfa_reg(m, lk_cursor_uleb(&m->c));
	case CFA_DEF_OFFSET:
		return set_cfa_off(m, (int64_t)lk_cursor_uleb(&m->c));
	case CFA_DEF_OFFSET_SF:
		return set_cfa_off(m, factored(m, (uint64_t)lk_cursor_sleb(&m->c)));
	case CFA_DEF_EXPR:
		def_cfa_expr(m);
		return 0;
	case CFA_EXPR:
		saved_at_expr(m);
		return 0;
	case CFA_VAL_EXPR:
		valued_by_expr(m);
		return 0;
	case CFA_REMEMBER:
		return remember(m);
	case CFA_RESTORE_STATE:
		return restore_state(m);
	default:
		return step_register(m, op);
	}
}

/*
 * Mono marks the epilogue by an opcode of its own, whose place is stored outside
 * the program; what follows holds there only.  No call is made in an epilogue,
 * so the program of interest ends here.
 */
static int epilog(struct machine *m)
{
	m->done = true;
	return m->window ? -EBADMSG : 0;
}

static int step_advance(struct machine *m, uint8_t op)
{
	switch (op) {
	case CFA_MONO_EPILOG:
		return epilog(m);
	case CFA_SET_LOC:
		set_loc(m);
		return 0;
	case CFA_ADVANCE1:
		advance(m, lk_cursor_u8(&m->c));
		return 0;
	case CFA_ADVANCE2:
		advance(m, lk_cursor_u16(&m->c));
		return 0;
	case CFA_ADVANCE4:
		advance(m, lk_cursor_u32(&m->c));
		return 0;
	case CFA_MIPS_ADVANCE8:
		advance(m, lk_cursor_u64(&m->c));
		return 0;
	default:
		return step_plain(m, op);
	}
}

static int step(struct machine *m)
{
	uint8_t op = lk_cursor_u8(&m->c);

	switch (op & CFA_HIGH) {
	case CFA_ADVANCE:
		advance(m, op & CFA_LOW);
		return 0;
	case CFA_OFFSET:
		set_rule(m, op & CFA_LOW, RULE_AT_CFA, factored(m, lk_cursor_uleb(&m->c)));
		return 0;
	case CFA_RESTORE:
		restore_rule(m, op & CFA_LOW);
		return 0;
	default:
		return step_advance(m, op);
	}
}

/* Runs to the end of the program or past the target. */
static int run(struct machine *m)
{
	int r = 0;

	while (!r && !m->done && lk_cursor_left(&m->c))
		r = step(m);
	return m->c.bad ? -EBADMSG : r;
}

/* Where RBP was saved; -EOPNOTSUPP where a row cannot say it. */
static int row_rbp(const struct rule *rbp, struct lk_row *row)
{
	int32_t words = rbp->off / WORD;

	if (rbp->how == RULE_UNSET || rbp->how == RULE_SAME)
		return 0;
	if (rbp->how != RULE_AT_CFA && rbp->how != RULE_AT_RBP)
		return -EOPNOTSUPP;
	if (rbp->off % WORD || words < INT16_MIN || words > INT16_MAX)
		return -EOPNOTSUPP;
	row->rbp_off = (int16_t)words;
	row->flags |= LK_ROW_RBP_SAVED;
	if (rbp->how == RULE_AT_RBP)
		row->flags |= LK_ROW_RBP_AT_RBP;
	return 0;
}

/*
 * CoreCLR handles a fault on the stack of the code that faulted: below its red zone,
 * as if that code had made a call (ExecuteHandlerOnCustomStack).
 */
static bool is_pushed_frame(const struct state *s)
{
	return s->cfa.kind == LK_ROW_RSP && s->cfa.off != OFF_TOO_BIG && s->ra.how == RULE_AT_CFA &&
	       s->rbp.how == RULE_AT_CFA && s->ra.off < -WORD &&
	       s->rbp.off == (int64_t)s->ra.off - WORD;
}

static int row_make(const struct state *s, struct lk_row *row)
{
	if (s->ra.how == RULE_UNDEFINED) {
		row->kind = LK_ROW_END;
		return 0;
	}
	if (is_pushed_frame(s)) {
		row->kind = LK_ROW_PUSHED;
		row->cfa_off = s->cfa.off;
		return row_rbp(&s->rbp, row);
	}
	if (s->ra.how != RULE_AT_CFA || s->ra.off != -WORD)
		return -EOPNOTSUPP;
	if (s->cfa.kind == LK_ROW_UNKNOWN || s->cfa.off == OFF_TOO_BIG)
		return -EOPNOTSUPP;
	if (row_rbp(&s->rbp, row))
		return -EOPNOTSUPP;
	row->kind = s->cfa.kind;
	row->cfa_off = s->cfa.off;
	return 0;
}

static bool is_kernel_frame(const struct state *s)
{
	return s->cfa.kind == LK_ROW_RSP_DEREF && s->cfa.off == UCONTEXT_RSP &&
	       s->ra.how == RULE_AT_RSP && s->ra.off == UCONTEXT_RIP;
}

/* The machine before its first instruction, its states not yet written. */
static void machine_init(struct machine *m, const struct lk_eh_window *window, uint64_t code_align,
	int64_t data_align)
{
	m->window = window;
	m->code_align = code_align;
	m->data_align = data_align;
	m->now = m->entry = (struct state){0};
	m->pc_encoding = LK_EH_PE_OMIT;
	m->nr_saved = 0;
}

static int run_from(struct machine *m, const struct lk_cursor *ops, uint64_t loc, uint64_t target)
{
	m->c = *ops;
	m->loc = loc;
	m->target = target;
	m->done = false;
	return run(m);
}

static int fde_row(const struct lk_eh_window *window, const struct lk_eh_fde *fde, uint64_t pc,
	struct lk_row *row)
{
	struct machine m;
	int r;

	if (fde->ra_reg != REG_RA)
		return -EOPNOTSUPP;
	machine_init(&m, window, fde->code_align, fde->data_align);
	m.pc_encoding = fde->pc_encoding;
	r = run_from(&m, &fde->cie_ops, 0, UINT64_MAX);
	if (r)
		return r;
	m.entry = m.now;
	r = run_from(&m, &fde->ops, fde->pc_begin, pc);
	if (r)
		return r;
	if (fde->signal && is_kernel_frame(&m.now)) {
		row->kind = LK_ROW_SIGFRAME;
		return 0;
	}
	return row_make(&m.now, row);
}

/* Gives the row but for its key, which is the caller's. */
static void row_give(const struct lk_row *row, struct lk_row *ret_row)
{
	ret_row->cfa_off = row->cfa_off;
	ret_row->rbp_off = row->rbp_off;
	ret_row->kind = row->kind;
	ret_row->flags = row->flags;
}

int lk_cfi_row_in(const uint8_t *hdr, const uint8_t *low, const uint8_t *high, uint64_t lookup_pc,
	struct lk_row *ret_row)
{
	struct lk_eh_window window = {.low = low, .high = high};
	struct lk_eh_fde fde;
	struct lk_row row = {0};

	if (lk_eh_find(&window, hdr, lookup_pc, &fde))
		return -ENODATA;
	if (fde_row(&window, &fde, lookup_pc, &row))
		row = (struct lk_row){.kind = LK_ROW_UNKNOWN};
	row_give(&row, ret_row);
	return 0;
}

int lk_cfi_row(uint64_t lookup_pc, struct lk_row *ret_row)
{
	struct dl_find_object found;

	/* Mono's precompiled modules are ELF without .eh_frame_hdr: found, but NULL. */
	if (_dl_find_object((void *)(uintptr_t)lookup_pc, &found) || !found.dlfo_eh_frame)
		return -ENODATA;
	return lk_cfi_row_in(
		found.dlfo_eh_frame, found.dlfo_map_start, found.dlfo_map_end, lookup_pc, ret_row);
}

int lk_cfi_run(const uint8_t *ops, size_t ops_size, uint64_t code_align, int64_t data_align,
	uint64_t pc_off, struct lk_row *ret_row)
{
	struct lk_cursor c = lk_cursor_over(ops, ops_size);
	struct machine m;
	struct lk_row row = {0};
	int r;

	machine_init(&m, NULL, code_align, data_align);
	/* A program may leave out what holds for every frame of this machine. */
	m.now.ra = m.entry.ra = (struct rule){.how = RULE_AT_CFA, .off = -WORD};
	r = run_from(&m, &c, 0, pc_off);
	if (!r)
		r = row_make(&m.now, &row);
	if (r)
		return r;
	row_give(&row, ret_row);
	return 0;
}
