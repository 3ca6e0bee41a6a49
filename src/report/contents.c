#include "report/take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* Blocks of each stack whose content is read, spread over time; a report shows five. */
#define PER_STACK 16u
#define BATCH	  64u

/* The live blocks of one stack: when the first and the last were allocated. */
struct pick {
	uint32_t seen, oldest, newest; /* times as in the words: they rise with time */
	bool taken[PER_STACK];
	struct lk_live_block blocks[PER_STACK];
};

struct picks {
	struct pick **by_stack;
	uint64_t nr;
};

static void see_block(void *arg, const struct lk_live_block *b)
{
	struct picks *picks = arg;
	struct pick *p;

	if (b->stack >= picks->nr)
		return;
	p = picks->by_stack[b->stack];
	if (!p) {
		p = picks->by_stack[b->stack] = lk_xcalloc(1, sizeof(*p));
		p->oldest = b->time_packed;
	}
	p->seen++;
	p->oldest = b->time_packed < p->oldest ? b->time_packed : p->oldest;
	p->newest = b->time_packed > p->newest ? b->time_packed : p->newest;
}

/* One block of each sixteenth of the stack's time; all of them where they are few. */
static void pick_block(void *arg, const struct lk_live_block *b)
{
	struct picks *picks = arg;
	struct pick *p = b->stack < picks->nr ? picks->by_stack[b->stack] : NULL;
	uint32_t slot;

	if (!p || b->time_packed < p->oldest || b->time_packed > p->newest)
		return; /* newer than the first look */
	slot = (b->time_packed - p->oldest) * PER_STACK / (p->newest - p->oldest + 1);
	if (p->seen <= PER_STACK)
		for (slot = 0; slot < PER_STACK - 1 && p->taken[slot]; slot++)
			;
	if (!p->taken[slot] || b->time_packed == p->newest) {
		p->taken[slot] = true;
		p->blocks[slot] = *b;
	}
}

static int by_address(const void *a, const void *b)
{
	const struct lk_content *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static size_t read_batch(pid_t pid, struct lk_content *c, size_t nr)
{
	struct iovec to[BATCH], from[BATCH];
	size_t done = 0;

	while (done < nr) {
		ssize_t got, want = 0;
		size_t n = nr - done < BATCH ? nr - done : BATCH, whole = 0;

		for (size_t i = 0; i < n; i++) {
			to[i] = (struct iovec){c[done + i].bytes, c[done + i].size};
			from[i] = (struct iovec){(void *)c[done + i].address, c[done + i].size};
			want += c[done + i].size;
		}
		got = process_vm_readv(pid, to, n, from, n, 0);
		if (got < 0 && (errno == ESRCH || errno == EPERM))
			return done;
		for (ssize_t left = got; whole < n && left >= c[done + whole].size; whole++)
			left -= c[done + whole].size;
		if (got != want && whole < n)
			c[done + whole++].size = 0; /* this one could not be read: go on after it */
		done += whole;
	}
	return done;
}

int lk_take_contents(const struct lk_storefile *store, struct lk_content **ret_contents,
	size_t *ret_nr, struct lk_err *err)
{
	struct picks picks = {.nr = store->nr[LK_REGION_NODES]};
	struct lk_content *contents = NULL;
	size_t nr = 0, capacity = 0, done;

	picks.by_stack = lk_xcalloc(picks.nr, sizeof(*picks.by_stack));
	lk_storefile_blocks(store, see_block, &picks);
	lk_storefile_blocks(store, pick_block, &picks);
	for (uint64_t s = 0; s < picks.nr; s++) {
		struct pick *p = picks.by_stack[s];

		for (uint32_t i = 0; p && i < PER_STACK; i++) {
			uint64_t size = p->blocks[i].size;

			if (!p->taken[i])
				continue;
			contents = lk_grow(contents, nr, &capacity, sizeof(*contents));
			contents[nr++] = (struct lk_content){
				.address = p->blocks[i].address,
				.size = (uint32_t)(size < LK_CONTENT_MAX ? size : LK_CONTENT_MAX),
			};
		}
		free(p);
	}
	free(picks.by_stack);
	if (nr)
		qsort(contents, nr, sizeof(*contents), by_address);
	done = read_batch((pid_t)store->header->pid, contents, nr);
	if (nr && !done) {
		free(contents);
		return lk_fail_errno(
			err, "cannot read the memory of process %u", store->header->pid);
	}
	*ret_contents = contents;
	*ret_nr = done;
	return 0;
}
