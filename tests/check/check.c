/*
 * The agent with a witness: every capture (or every n-th, LEAKLINE_CHECK_EVERY)
 * is compared, whole, with what libgcc's unwinder sees at the same moment.  Built
 * as build/tests/libleakline-check.so by wrapping lk_capture at link time.
 *
 * Writes one line to LEAKLINE_CHECK_FILE when the process ends:
 *     PID checked N mismatches M
 * and describes the first mismatches before it.
 */
#include "unwind/capture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#define DEPTH 2048
#define SHOWN 3

uint64_t __real_lk_capture(struct lk_memo *m, uint64_t pc, uint64_t sp, uint64_t bp);
uint64_t __wrap_lk_capture(struct lk_memo *m, uint64_t pc, uint64_t sp, uint64_t bp);

static unsigned long checked, mismatches, seen, longer;

struct witness {
	uint64_t from; /* the first frame to be compared stands here */
	uint64_t pcs[DEPTH];
	unsigned nr;
	int started;
};

static _Unwind_Reason_Code witness_frame(struct _Unwind_Context *c, void *arg)
{
	struct witness *w = arg;
	uint64_t ip = _Unwind_GetIP(c);

	if (ip == w->from && !w->started)
		w->started = 1;
	if (w->started && w->nr < DEPTH && ip)
		w->pcs[w->nr++] = ip;
	return w->nr < DEPTH ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static void say(const char *text)
{
	const char *path = getenv("LEAKLINE_CHECK_FILE");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

static void show(const struct lk_memo *m, const struct witness *w, unsigned at)
{
	char buf[256];

	snprintf(buf, sizeof(buf), "%d differs at frame %u of %u (ours) / %u (libgcc)%s\n",
		getpid(), at, m->nr, w->nr, m->truncated ? ", ours truncated" : "");
	say(buf);
	for (unsigned i = at > 2 ? at - 2 : 0; i < at + 3; i++) {
		snprintf(buf, sizeof(buf), "   #%u %#lx %#lx\n", i,
			i < m->nr ? (long)m->entry[m->nr - 1 - i].pc : 0,
			i < w->nr ? (long)w->pcs[i] : 0);
		say(buf);
	}
}

uint64_t __wrap_lk_capture(struct lk_memo *m, uint64_t pc, uint64_t sp, uint64_t bp)
{
	static unsigned long every;
	static __thread struct witness w;
	uint64_t hash = __real_lk_capture(m, pc, sp, bp);
	unsigned i;

	if (!every)
		every = getenv("LEAKLINE_CHECK_EVERY")
				? strtoul(getenv("LEAKLINE_CHECK_EVERY"), NULL, 10)
				: 1;
	if (__atomic_fetch_add(&seen, 1, __ATOMIC_RELAXED) % every || m->cut)
		return hash;
	w.nr = 0;
	w.started = 0;
	w.from = pc;
	_Unwind_Backtrace(witness_frame, &w);
	for (i = 0; i < w.nr && i < m->nr; i++)
		if (w.pcs[i] != m->entry[m->nr - 1 - i].pc)
			break;
	__atomic_fetch_add(&checked, 1, __ATOMIC_RELAXED);
	if (i == w.nr && i < m->nr && w.nr < DEPTH)
		__atomic_fetch_add(&longer, 1, __ATOMIC_RELAXED); /* libgcc stopped, we went on */
	else if ((i < m->nr || i < w.nr) && w.nr < DEPTH)
		if (__atomic_fetch_add(&mismatches, 1, __ATOMIC_RELAXED) < SHOWN)
			show(m, &w, i);
	return hash;
}

static void __attribute__((destructor)) total(void)
{
	char buf[160];

	snprintf(buf, sizeof(buf), "%d checked %lu mismatches %lu longer %lu\n", getpid(), checked,
		mismatches, longer);
	say(buf);
}
