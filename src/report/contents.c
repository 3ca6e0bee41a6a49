#include "report/take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* Blocks of each stack whose content is read; a report shows five of them. */
#define PER_STACK 16u
#define BATCH	  64u

struct pick {
	struct lk_live_block blocks[PER_STACK];
	uint32_t seen, kept;
};

struct picks {
	struct pick **by_stack;
	uint64_t nr;
};

/*
 * Reservoir with a fixed rule: the first eight stay (oldest addresses first come
 * first), of the others every one whose running number is a multiple of a power
 * of two replaces the last, so that those kept are spread over all.
 */
static void pick_block(void *arg, const struct lk_live_block *b)
{
	struct picks *picks = arg;
	struct pick *p;

	if (b->stack >= picks->nr)
		return;
	p = picks->by_stack[b->stack];
	if (!p)
		p = picks->by_stack[b->stack] = lk_xcalloc(1, sizeof(*p));
	p->seen++;
	if (p->kept < PER_STACK) {
		p->blocks[p->kept++] = *b;
		return;
	}
	/* The newest always; then thin out by time. */
	for (unsigned i = 0; i < PER_STACK; i++)
		if (p->seen % (i + 2) == 0 && b->time_packed > p->blocks[i].time_packed) {
			p->blocks[i] = *b;
			return;
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
	lk_storefile_blocks(store, pick_block, &picks);
	for (uint64_t s = 0; s < picks.nr; s++) {
		struct pick *p = picks.by_stack[s];

		for (uint32_t i = 0; p && i < p->kept; i++) {
			uint64_t size = p->blocks[i].size;

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
