#include "agent/agent.h"

#include "agent/got.h"
#include "agent/thread.h"
#include "base/syscall.h"
#include "store/writer.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <time.h>

uint32_t lk_agent_state;
static char store_dir[LK_PATH_MAX];

/*
 * The initial environment, as the kernel keeps it: libc's own is not set up yet
 * when the first allocation comes, and the program may change it later.
 */
static bool read_variable(const char *name, char *ret_value, size_t size)
{
	char buf[512];
	size_t matched = 0, at = 0;
	enum { AT_NAME, IN_VALUE, SKIP } where = AT_NAME;
	long fd = lk_syscall4(SYS_openat, AT_FDCWD, "/proc/self/environ", O_RDONLY | O_CLOEXEC, 0);
	long n;

	if (lk_syscall_failed(fd))
		return false;
	while ((n = lk_syscall3(SYS_read, fd, buf, sizeof(buf))) > 0) {
		for (long i = 0; i < n; i++) {
			char c = buf[i];

			if (where == IN_VALUE) {
				if (!c || at == size - 1)
					goto out;
				ret_value[at++] = c;
			} else if (!c) {
				where = AT_NAME;
				matched = 0;
			} else if (where == AT_NAME && !name[matched] && c == '=') {
				where = IN_VALUE;
			} else if (where == AT_NAME && name[matched] == c) {
				matched++;
			} else {
				where = SKIP;
			}
		}
	}
out:
	lk_syscall1(SYS_close, fd);
	ret_value[at] = 0;
	return at != 0;
}

bool lk_agent_start(void)
{
	uint32_t state = LK_AGENT_UNKNOWN;

	if (!__atomic_compare_exchange_n(&lk_agent_state, &state, LK_AGENT_STARTING, false,
		    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return state == LK_AGENT_ON;
	state = LK_AGENT_OFF;
	if (read_variable(LK_AGENT_VARIABLE, store_dir, sizeof(store_dir)) &&
		!lk_writer_reserve() && !lk_store_create(store_dir, false))
		state = LK_AGENT_ON;
	lk_store_rel(&lk_agent_state, state);
	if (state == LK_AGENT_ON) {
		lk_tls.registering++; /* what dlsym allocates for us is not the program's */
		lk_got_start();
		lk_tls.registering--;
	}
	return state == LK_AGENT_ON;
}

bool lk_agent_restart(void)
{
	/* One thread only lives in a forked child when its first hook runs. */
	if (lk_store_create(store_dir, true)) {
		lk_store_rel(&lk_agent_state, LK_AGENT_OFF);
		return false;
	}
	return true;
}

#define END_WAIT_MS 1000

void lk_agent_ending(void)
{
	struct lk_store_header *h;
	struct timespec wait = {.tv_nsec = 50 * 1000000};
	uint64_t tick;

	if (lk_agent_state != LK_AGENT_ON || !lk_load_acq(&lk_writer->ready))
		return;
	h = lk_writer->header;
	if (lk_syscall0(SYS_getpid) != (long)h->pid || lk_load(&h->state) != LK_STATE_RUNNING)
		return; /* a vfork child's _exit is not the program's end */
	lk_store_rel(&h->state, LK_STATE_ENDING);
	tick = lk_load(&h->tick_ms);
	if (!lk_load(&h->host_reads_end) || (int64_t)(tick - lk_load(&h->host_beat_ms)) > 500)
		return;
	for (unsigned i = 0; i < END_WAIT_MS / 50; i++) {
		if (lk_load_acq(&h->state) != LK_STATE_ENDING)
			return;
		lk_syscall6(
			SYS_futex, (long)&h->state, FUTEX_WAIT, LK_STATE_ENDING, (long)&wait, 0, 0);
	}
}
