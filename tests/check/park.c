/*
 * The agent with a witness that can be made to stand still: when another process
 * asks, each thread writes the stack that it captured just now into a slot of a
 * shared file and waits inside the hook until it is released.  A debugger can
 * then be asked about the same stacks.  Built as build/tests/libleakline-park.so
 * by wrapping lk_capture at link time; tests/dotnet/oracle is the other process.
 *
 * LEAKLINE_PARK_FILE names the file; it was made before, full size:
 *
 *     header, 4096 bytes | PARK_SLOTS slots of PARK_SLOT_SIZE bytes
 *
 * A round: the other process sets `claimed` and `parked` to 0 and `round` to the
 * next odd number.  A thread lets some captures pass (`spread` at most, so that not
 * every round stops at the first allocation of a job), claims a slot, fills it, and
 * sleeps while `round` stays.  An even number releases all.  Who is not released
 * within PARK_SECONDS goes on by itself: a test that died stops nobody for ever.
 */
#include "base/syscall.h"
#include "store/writer.h"
#include "unwind/capture.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define PARK_MAGIC     0x6b726170656e696cull /* "linepark" */
#define PARK_SLOTS     64u
#define PARK_SLOT_SIZE 65536u
#define PARK_FRAMES    ((PARK_SLOT_SIZE - 16) / sizeof(struct park_frame))
#define PARK_SECONDS   20
#define PARK_EXACT     (1ull << 63) /* set in pc: where execution stood */

#define PARK_TRUNCATED 1u
#define PARK_CUT       2u
#define PARK_GUESSED   4u

struct park_header {
	uint64_t magic;
	uint32_t round;	  /* futex; odd: park */
	uint32_t claimed; /* slots; may exceed PARK_SLOTS */
	uint32_t parked;  /* slots filled */
	uint32_t spread;
	uint32_t pid;
	uint32_t gone; /* threads that were not released in time */
};

/* Innermost frame first. */
struct park_frame {
	uint64_t pc, sp;
};

struct park_slot {
	uint32_t tid, nr, flags;
	uint32_t round; /* written last, release */
	struct park_frame frame[PARK_FRAMES];
};
_Static_assert(sizeof(struct park_slot) == PARK_SLOT_SIZE, "the other process counts on it");

uint64_t __real_lk_capture(struct lk_memo *m, uint64_t pc, uint64_t sp, uint64_t bp);
uint64_t __wrap_lk_capture(struct lk_memo *m, uint64_t pc, uint64_t sp, uint64_t bp);

static uint8_t *file; /* NULL: not asked for */

static void __attribute__((constructor)) open_file(void)
{
	const char *path = getenv("LEAKLINE_PARK_FILE");
	long fd = path ? lk_syscall3(SYS_open, path, O_RDWR | O_CLOEXEC, 0) : -1;
	long at;

	if (fd < 0)
		return;
	at = lk_syscall6(SYS_mmap, 0, 4096 + PARK_SLOTS * (long)PARK_SLOT_SIZE,
		PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	lk_syscall1(SYS_close, fd);
	if (lk_syscall_failed(at) || *(uint64_t *)at != PARK_MAGIC)
		return;
	((struct park_header *)at)->pid = (uint32_t)lk_syscall0(SYS_getpid);
	lk_store_rel(&file, (uint8_t *)at);
}

static void fill(struct park_slot *s, const struct lk_memo *m, uint32_t round)
{
	s->tid = (uint32_t)lk_syscall0(SYS_gettid);
	s->nr = m->nr < PARK_FRAMES ? m->nr : PARK_FRAMES;
	s->flags = (m->truncated ? PARK_TRUNCATED : 0) | (m->cut || m->nr > s->nr ? PARK_CUT : 0) |
		   (m->guessed ? PARK_GUESSED : 0);
	for (uint32_t i = 0; i < s->nr; i++) {
		const struct lk_entry_state *e = &m->entry[m->nr - 1 - i];

		s->frame[i].pc = e->pc | (e->exact ? PARK_EXACT : 0);
		s->frame[i].sp = e->sp;
	}
	lk_store_rel(&s->round, round);
}

/* A runtime may interrupt the wait with signals, again and again: the end is a moment. */
static void wait_released(struct park_header *h, uint32_t round)
{
	struct timespec end;
	long r = 0;

	lk_syscall2(SYS_clock_gettime, CLOCK_MONOTONIC, &end);
	end.tv_sec += PARK_SECONDS;
	while (lk_load_acq(&h->round) == round && r != -110 /* ETIMEDOUT */)
		r = lk_syscall6(SYS_futex, (long)&h->round, FUTEX_WAIT_BITSET, round, (long)&end, 0,
			FUTEX_BITSET_MATCH_ANY);
	if (lk_load_acq(&h->round) == round)
		lk_add(&h->gone, 1);
}

static LK_NOINLINE void park(struct park_header *h, const struct lk_memo *m, uint32_t round)
{
	static __thread uint32_t seen, done, pass, random;
	uint32_t slot, spread = lk_load(&h->spread);

	if (done == round)
		return;
	if (seen != round) {
		seen = round;
		random = random * 1103515245 + 12345 + (uint32_t)lk_syscall0(SYS_gettid);
		pass = spread ? (random >> 8) % spread : 0;
	}
	if (pass) {
		pass--;
		return;
	}
	done = round;
	slot = lk_add(&h->claimed, 1);
	if (slot >= PARK_SLOTS)
		return;
	fill((struct park_slot *)(file + 4096 + slot * (uint64_t)PARK_SLOT_SIZE), m, round);
	__atomic_fetch_add(&h->parked, 1, __ATOMIC_RELEASE);
	wait_released(h, round);
}

uint64_t __wrap_lk_capture(struct lk_memo *m, uint64_t pc, uint64_t sp, uint64_t bp)
{
	uint32_t generation = lk_load(&lk_writer->header->generation);
	uint64_t hash = __real_lk_capture(m, pc, sp, bp);
	struct park_header *h = (struct park_header *)lk_load_acq(&file);
	uint32_t round = h ? lk_load_acq(&h->round) : 0;

	/* A walk that found code replaced is walked once more: that one counts. */
	if (LK_UNLIKELY(round & 1) && generation == lk_load(&lk_writer->header->generation))
		park(h, m, round);
	return hash;
}
