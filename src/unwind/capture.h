/*
 * Captures the whole stack of the calling thread, exactly, without frame
 * pointers, and at a cost that depends on what changed since the last capture.
 *
 * Per thread a memo keeps the previous walk, outermost frame first.  A frame is
 * what one step gave: the state (pc, sp, bp) after it, and the memory words the
 * step read.  A new walk goes outwards from the innermost frame; when the state
 * after a step equals a remembered one, and every word that the remembered walk
 * read further out still holds its value, then walking on could only repeat
 * what is remembered: the unwinder is a function of the state, the rows and
 * those words, and rows do not change.  So the walk stops there.
 *
 *        entries   0 ........ j | j+1 .... n-1        (n-1: innermost)
 *                  remembered,    fresh: walked now
 *                  words verified
 *
 * Invariants:
 *   C1  sp falls strictly with the index: outer frames lie higher.
 *   C2  hash of entry i is a function of the pcs of 0..i and of whether the walk was whole.
 *   C3  The walk to entry i read its return address, *(sp - 8) == pc, and the words
 *       words[w_end of i-1 .. w_end of i): saved RBPs, mostly.
 *   C4  node of entry i is 0 or the number of the node of frames 0..i in the store.
 *   C5  The memo is only used while sp lies in [low, high), the stack it was
 *       made on, and while the generation is the one it was made in.
 *
 * One thread, its own memo.  No heap, no locks, no system call; reads the
 * thread's own stack between sp and high, writes nothing but the memo.
 */
#ifndef LK_UNWIND_CAPTURE_H
#define LK_UNWIND_CAPTURE_H

#include "unwind/row.h"

#define LK_FRAMES_MAX  16384u
#define LK_FRAME_WORDS 4u
#define LK_FRESH_MAX   LK_FRAMES_MAX
#define LK_ROWS_CACHED 8192u /* power of two; cc1 -O2 uses about 20,000 pcs */

/* A memory word that a step read besides the return address, and what it held. */
struct lk_word_read {
	uint64_t addr, value;
};

/* What one step gave. */
struct lk_stepped {
	uint64_t sp, pc, bp;
	uint32_t nr_words;
	uint32_t exact; /* pc is where execution stood, not a return address */
	struct lk_word_read words[LK_FRAME_WORDS];
};

/* A remembered frame. */
struct lk_entry_state {
	uint64_t sp, pc, bp;
	uint64_t hash;
	uint32_t node;
	uint32_t w_end;
	uint32_t exact;
	uint32_t unused;
};

/*
 * A runtime frees compiled code and puts other code at its place, without a word
 * to anybody.  A row of managed code is used only while the code is what it was:
 * its first bytes, as far as they lie in the page of the call, and the call.
 */
struct lk_code_check {
	uint64_t from; /* first byte looked at */
	uint64_t sum;
};

struct lk_memo {
	uint32_t nr;	    /* entries */
	uint64_t low, high; /* the stack region, addresses */
	uint64_t base_hash; /* hash before entry 0: says whether the walk was whole */
	bool truncated;	    /* the walk ended before the thread's first frame */
	bool cut;	    /* too deep: frames are missing inside */
	bool guessed;	    /* some row was not certain */
	/*
	 * Gives the row for pc (exact: not a return address), and for managed code
	 * where its body starts.  Asked again when the code at pc is not what it was
	 * when the row was made.  Slow path, may be 50 us.
	 */
	void (*row_miss)(uint64_t pc, bool exact, struct lk_row *ret_row, uint64_t *ret_start);

	struct lk_row rows[LK_ROWS_CACHED];	     /* direct-mapped by pc */
	struct lk_code_check checks[LK_ROWS_CACHED]; /* beside it, for managed rows */
	struct lk_entry_state outside; /* before entry 0: higher than any stack, ends searches */
	struct lk_entry_state entry[LK_FRAMES_MAX];
	struct lk_word_read words[LK_FRAMES_MAX * LK_FRAME_WORDS];
	struct lk_stepped fresh[LK_FRESH_MAX]; /* innermost first, while walking */
};

/*
 * Walks from the frame that stands at pc with stack pointer sp and frame pointer
 * bp (the caller of a hook: pc is a return address).  Afterwards entries
 * 0 .. nr-1 are the whole stack, entry[nr-1].pc == pc.  Returns its hash.
 */
uint64_t lk_capture(struct lk_memo *memo, uint64_t pc, uint64_t sp, uint64_t bp);

/* Makes a zeroed memo ready. */
void lk_memo_init(struct lk_memo *memo,
	void (*row_miss)(uint64_t pc, bool exact, struct lk_row *ret_row, uint64_t *ret_start));

/*
 * Forgets the walk and the rows, or of these only the ones of code that may be
 * replaced (LK_ROW_MANAGED, LK_ROW_AGAIN); the next capture starts afresh.
 */
void lk_memo_forget(struct lk_memo *memo, bool keep_lasting);

LK_INLINE uint64_t lk_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)(a ^ b) * 0x9e3779b97f4a7c15ull;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

#endif
