/*
 * What the agent keeps per thread, and how a hook gets at it.
 *
 * One pointer in initial-exec TLS leads to the state, which lies in wiped pages:
 * in a forked child every gate reads CLOSED and the first hook makes a store and
 * a state anew.  States outlive their threads; a new thread takes over the state
 * of a dead one, so that there are as many as threads lived at once.
 *
 * The gate says who is at work:
 *
 *   CLOSED   no state yet, or wiped by fork: slow path
 *   OPEN     nobody: a hook may record
 *   INSIDE   a hook is at work: whatever the allocator calls of what we hook is
 *            its own affair; a signal handler that allocates is a counted loss
 *
 * A handler that leaves a hook by siglongjmp leaves the gate INSIDE; the next
 * hook sees by its higher stack pointer that the one which set it is gone.
 */
#ifndef LK_AGENT_THREAD_H
#define LK_AGENT_THREAD_H

#include "agent/agent.h"
#include "store/writer.h"
#include "unwind/capture.h"

#define LK_GATE_CLOSED	 0u
#define LK_GATE_OPEN	 1u
#define LK_GATE_INSIDE	 2u
#define LK_STACKS_KNOWN	 8u
#define LK_STACKS_CACHED 32768u /* touched as needed; cc1 -O2 has about 20,000 */

struct lk_agent_thread {
	uint32_t gate;
	uint32_t number; /* in the store's threads region */
	uint32_t tid;
	uint32_t slot;	    /* of the tallies region */
	uint32_t countdown; /* events until the clock is looked at */
	uint32_t generation;
	uint32_t modules_generation;
	uint64_t hook_sp; /* stack pointer of the hook that is INSIDE */
	struct lk_store_header *header;
	struct lk_tally *tallies;
	struct lk_agent_thread *next;
	struct {
		uint64_t low, high;
	} stacks[LK_STACKS_KNOWN]; /* stacks this thread was seen on */
	uint32_t next_stack;
	/*
	 * Stacks met before whose tally entry is in use by another: a second level
	 * behind the tallies, which are few because each costs memory of the store.
	 */
	struct {
		uint64_t hash;
		uint64_t stack;
	} known[LK_STACKS_CACHED];
	struct lk_memo memo;
};

struct lk_tls {
	struct lk_agent_thread *thread;
	uint64_t registering; /* a signal handler that comes in between stays out */
};
extern __thread struct lk_tls lk_tls;

/*
 * Where a hook was called from: the hook's own frame pointer, from which its
 * caller's registers are read.  One word, so that it travels in a register.
 *
 *   frame[0] caller's rbp   frame[1] return address   frame + 2 caller's rsp
 */
struct lk_caller {
	const uint64_t *frame;
};

/* Only in a function that is itself the hook: compiled with a frame pointer. */
#define LK_CALLER() ((struct lk_caller){.frame = __builtin_frame_address(0)})

LK_INLINE uint64_t lk_caller_sp(struct lk_caller s)
{
	return (uint64_t)(s.frame + 2);
}

/* Makes or repairs the calling thread's state; NULL: not to be tracked now. */
struct lk_agent_thread *lk_thread_enter_slow(uint64_t sp);

/*
 * Enters a hook: the thread's state with its gate INSIDE, or NULL where the hook
 * must pass the call on and record nothing.
 */
LK_INLINE struct lk_agent_thread *lk_thread_enter(uint64_t sp)
{
	struct lk_agent_thread *t = lk_tls.thread;

	if (LK_UNLIKELY(!t || t->gate != LK_GATE_OPEN))
		return lk_agent_state == LK_AGENT_OFF ? NULL : lk_thread_enter_slow(sp);
	t->gate = LK_GATE_INSIDE;
	t->hook_sp = sp;
	__asm__ volatile("" ::: "memory"); /* a handler on this thread sees the gate first */
	return t;
}

/* A block was allocated that could not be recorded: counts it where we are on. */
void lk_thread_missed(const void *block);

LK_INLINE void lk_thread_leave(struct lk_agent_thread *t)
{
	__asm__ volatile("" ::: "memory");
	t->gate = LK_GATE_OPEN;
}

/* Adds what the thread counted and did not publish to the nodes (S5). */
void lk_thread_flush(struct lk_agent_thread *t);

#endif
