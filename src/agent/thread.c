#include "agent/thread.h"

#include "agent/agent.h"
#include "agent/record.h"
#include "base/syscall.h"

#include <sys/prctl.h>

__thread struct lk_tls lk_tls;

/* All states of this process image.  Not wiped: a child starts its own list. */
static struct lk_agent_thread *all;
static struct lk_agent_thread *next_to_check;
#define CHECK_DEAD 8u

static bool is_dead(const struct lk_agent_thread *t)
{
	return lk_syscall3(SYS_tgkill, t->header->pid, t->tid, 0) == -3 /* ESRCH */;
}

/* A state whose thread is gone, or NULL; looks at a few only.  Lock held. */
static struct lk_agent_thread *take_dead(void)
{
	for (unsigned i = 0; i < CHECK_DEAD && all; i++) {
		struct lk_agent_thread *t = next_to_check ? next_to_check : all;

		next_to_check = t->next;
		if (t->gate != LK_GATE_CLOSED && is_dead(t)) {
			lk_thread_flush(t);
			return t;
		}
	}
	return NULL;
}

static struct lk_agent_thread *new_state(struct lk_agent_thread *wiped)
{
	struct lk_agent_thread *t = wiped ? wiped : lk_private_alloc(sizeof(*t));
	uint64_t tally;

	if (!t)
		return NULL;
	tally = lk_region_alloc(LK_REGION_TALLIES, LK_TALLIES_PER_THREAD);
	if (tally == UINT64_MAX)
		return NULL; /* the state's address space is lost; it never was touched */
	lk_region_publish(LK_REGION_TALLIES, tally, LK_TALLIES_PER_THREAD);
	t->slot = (uint32_t)(tally / LK_TALLIES_PER_THREAD);
	t->tallies = lk_region_at(LK_REGION_TALLIES, tally);
	t->next = all;
	all = t;
	return t;
}

static void describe_thread(struct lk_agent_thread *t)
{
	uint64_t number = lk_region_alloc(LK_REGION_THREADS, 1);
	struct lk_thread_info *info;

	t->number = 0xffff;
	if (number == UINT64_MAX)
		return;
	info = lk_region_at(LK_REGION_THREADS, number);
	info->tid = t->tid;
	info->started_ms = lk_tick32(lk_writer->header);
	lk_syscall2(SYS_prctl, PR_GET_NAME, info->comm);
	lk_region_publish(LK_REGION_THREADS, number, 1);
	t->number = number < 0xffff ? (uint32_t)number : 0xffff;
}

/* `mine`: this thread's state, wiped by the fork that made this process; or NULL. */
static struct lk_agent_thread *register_thread(struct lk_agent_thread *mine)
{
	struct lk_agent_thread *t;

	lk_store_lock();
	t = mine ? NULL : take_dead();
	if (!t)
		t = new_state(mine);
	if (t) {
		t->tid = (uint32_t)lk_syscall0(SYS_gettid);
		t->header = lk_writer->header;
		t->countdown = 1;
		if (t->generation != lk_load(&t->header->generation))
			lk_memo_forget(&t->memo, false); /* a dead thread's rows, of older code */
		t->generation = lk_load(&t->header->generation);
		t->modules_generation = lk_load(&lk_modules_generation);
		lk_memo_init(&t->memo, lk_code_row);
		__builtin_memset(t->stacks, 0, sizeof(t->stacks));
		describe_thread(t);
	}
	lk_store_unlock();
	return t;
}

struct lk_agent_thread *lk_thread_enter_slow(uint64_t sp)
{
	struct lk_agent_thread *t = lk_tls.thread;

	if (lk_agent_state != LK_AGENT_ON && !lk_agent_start())
		return NULL;
	if (t && t->gate == LK_GATE_INSIDE) {
		if (sp <= t->hook_sp)
			return NULL;	/* the allocator itself, or a signal handler */
		t->gate = LK_GATE_OPEN; /* the hook that closed it was left by longjmp */
		return lk_thread_enter(sp);
	}
	if (lk_tls.registering)
		return NULL;
	lk_tls.registering = 1;
	if (!lk_load_acq(&lk_writer->ready)) { /* wiped: we are a forked child */
		all = next_to_check = NULL;
		if (!lk_agent_restart()) {
			lk_tls.registering = 0;
			return NULL;
		}
	}
	t = register_thread(t);
	lk_tls.thread = t;
	lk_tls.registering = 0;
	if (!t) {
		lk_count_lost(LK_LOST_THREADS);
		return NULL;
	}
	t->gate = LK_GATE_INSIDE;
	t->hook_sp = sp;
	return t;
}

void lk_thread_missed(const void *block)
{
	const struct lk_agent_thread *t = lk_tls.thread;

	/* No allocator calls malloc of itself: a signal handler came in between. */
	if (block && t && t->gate == LK_GATE_INSIDE && lk_agent_state == LK_AGENT_ON)
		lk_count_lost(LK_LOST_REENTRANT);
}
