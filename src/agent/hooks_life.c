/*
 * The ends of things: code that is unloaded, and the program itself.
 */
#include "agent/record.h"

#include "agent/agent.h"
#include "base/syscall.h"

#define EXPORT __attribute__((visibility("default"), used))

EXPORT int dlclose(void *handle);
EXPORT void _exit(int status) __attribute__((noreturn));
EXPORT void _Exit(int status) __attribute__((noreturn));

int dlclose(void *handle)
{
	int ret;

	if (!lk_load_acq(&lk_real.malloc))
		lk_real_resolve();
	if (!lk_real.dlclose)
		return -1;
	ret = lk_real.dlclose(handle);
	if (lk_agent_state == LK_AGENT_ON) {
		struct lk_agent_thread *t = lk_thread_enter((uint64_t)__builtin_frame_address(0));

		if (t) {
			lk_code_unloaded();
			lk_thread_leave(t);
		}
	}
	return ret;
}

static void __attribute__((noreturn)) leave(int status)
{
	lk_agent_ending();
	if (lk_real.exit_now)
		lk_real.exit_now(status);
	for (;;)
		lk_syscall1(SYS_exit_group, status);
}

void _exit(int status)
{
	leave(status);
}

void _Exit(int status)
{
	leave(status);
}

/* A program that never allocates has a store as well: one that says so. */
static void __attribute__((constructor)) at_start(void)
{
	if (!lk_load_acq(&lk_real.malloc))
		lk_real_resolve();
	lk_agent_start();
}

/* exit(3) ends inside libc without going through the names above. */
static void __attribute__((destructor)) at_end(void)
{
	lk_agent_ending();
}
