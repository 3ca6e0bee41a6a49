#include "process/storefile.h"

#include "util/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint32_t record_sizes[LK_NR_REGIONS] = {
	[LK_REGION_SHADOW_KEYS] = 8,
	[LK_REGION_SHADOW] = LK_SHADOW_PAGE,
	[LK_REGION_NODES] = sizeof(struct lk_node),
	[LK_REGION_THREADS] = sizeof(struct lk_thread_info),
	[LK_REGION_TALLIES] = sizeof(struct lk_tally),
	[LK_REGION_MODULES] = sizeof(struct lk_module_info),
	[LK_REGION_CODES] = sizeof(struct lk_code_info),
	[LK_REGION_BYTES] = 1,
	[LK_REGION_MAPS] = sizeof(struct lk_map_info),
	[LK_REGION_IMAGES] = sizeof(struct lk_image_info),
};

void lk_storefile_refresh(struct lk_storefile *s)
{
	for (unsigned i = 0; i < LK_NR_REGIONS; i++) {
		const struct lk_region *r = &s->header->regions[i];
		uint64_t most = r->reserved / record_sizes[i];
		uint64_t used = lk_load_acq(&r->used);

		s->nr[i] = used < most ? used : most;
	}
}

static int check_header(const struct lk_storefile *s, const char *path, struct lk_err *err)
{
	const struct lk_store_header *h = s->header;

	if (lk_load_acq(&h->magic) != LK_STORE_MAGIC)
		return lk_fail(err, -EBADMSG, "%s is not a leakline store", path);
	if (h->version != LK_STORE_VERSION || h->must_know) {
		lk_fail(err, -EOPNOTSUPP,
			"the store %s has version %u (needs %#x), and this leakline reads version %u",
			path, h->version, h->must_know, LK_STORE_VERSION);
		return lk_remedy(err, "use the leakline that the program was started with");
	}
	for (unsigned i = 0; i < LK_NR_REGIONS; i++) {
		const struct lk_region *r = &h->regions[i];

		if (r->record_size != record_sizes[i] || (r->offset & 4095) || r->offset < 4096 ||
			r->offset > s->size || r->reserved > s->size - r->offset)
			return lk_fail(err, -EBADMSG,
				"the store %s is damaged: region %u lies outside", path, i);
	}
	return 0;
}

int lk_storefile_open(const char *path, bool writable, struct lk_storefile *ret, struct lk_err *err)
{
	struct lk_storefile s = {.writable = writable};
	struct stat st;
	int r;

	s.fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (s.fd < 0)
		return lk_fail_errno(err, "cannot open the store %s", path);
	if (fstat(s.fd, &st) || st.st_size < 4096) {
		close(s.fd);
		return lk_fail(err, -EBADMSG, "%s is not a leakline store: too small", path);
	}
	s.size = (uint64_t)st.st_size;
	s.map = mmap(NULL, s.size, PROT_READ | (writable ? PROT_WRITE : 0),
		MAP_SHARED | MAP_NORESERVE, s.fd, 0);
	if (s.map == MAP_FAILED) {
		r = lk_fail_errno(err, "cannot map the store %s", path);
		close(s.fd);
		return r;
	}
	s.header = (struct lk_store_header *)s.map;
	r = check_header(&s, path, err);
	if (r) {
		lk_storefile_close(&s);
		return r;
	}
	lk_storefile_refresh(&s);
	*ret = s;
	return 0;
}

void lk_storefile_close(struct lk_storefile *s)
{
	if (s->map)
		munmap(s->map, s->size);
	if (s->fd >= 0)
		close(s->fd);
	s->map = NULL;
	s->fd = -1;
}

const void *lk_storefile_at(const struct lk_storefile *s, enum lk_region_id id, uint64_t index)
{
	if (index >= s->nr[id])
		return NULL;
	return s->map + s->header->regions[id].offset + index * record_sizes[id];
}

const uint8_t *lk_storefile_bytes(const struct lk_storefile *s, uint64_t at, uint64_t size)
{
	uint64_t nr = s->nr[LK_REGION_BYTES];

	if (!at || at >= nr || size > nr - at)
		return NULL;
	return s->map + s->header->regions[LK_REGION_BYTES].offset + at;
}

const char *lk_storefile_string(const struct lk_storefile *s, uint64_t at)
{
	const char *text = (const char *)lk_storefile_bytes(s, at, 1);
	uint64_t room = s->nr[LK_REGION_BYTES] - at;

	return text && strnlen(text, room) < room ? text : NULL;
}

uint64_t lk_process_start_ticks(uint32_t pid)
{
	char path[64], buf[1024], *p;
	uint64_t ticks = 0;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	buf[n] = 0;
	p = strrchr(buf, ')');
	if (!p || p[1] == 0 || p[2] == 'Z')
		return 0;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (p)
		sscanf(p, " %" SCNu64, &ticks);
	return ticks;
}

bool lk_process_exists(uint32_t pid)
{
	return pid && (!kill((pid_t)pid, 0) || errno == EPERM);
}

bool lk_storefile_process_alive(const struct lk_storefile *s)
{
	uint64_t ticks = lk_process_start_ticks(s->header->pid);

	return ticks && ticks == s->header->pid_start_ticks;
}

uint64_t lk_storefile_last_us(const char *path)
{
	struct lk_storefile s;
	uint64_t us;

	if (lk_storefile_open(path, false, &s, NULL))
		return 0;
	us = s.header->started_real_ns / 1000 + lk_load(&s.header->tick_ms) * 1000;
	if (lk_storefile_process_alive(&s))
		us = UINT64_MAX - (1ull << 48); /* room for what callers add */
	lk_storefile_close(&s);
	return us;
}

/* --- blocks ------------------------------------------------------------------- */

/* Where each shadow page is, to find a continuation that lies in the next page. */
struct page_key {
	uint64_t key;
	uint32_t page;
};

static int by_key(const void *a, const void *b)
{
	const struct page_key *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static const uint64_t *words_of(const struct lk_storefile *s, uint32_t page)
{
	return lk_storefile_at(s, LK_REGION_SHADOW, page);
}

static uint64_t next_page_word(
	const struct lk_storefile *s, const struct page_key *keys, size_t nr, size_t at)
{
	if (at + 1 < nr && keys[at + 1].key == keys[at].key + 1)
		return lk_load(&words_of(s, keys[at + 1].page)[0]);
	return 0;
}

static void visit_page(const struct lk_storefile *s, const struct page_key *keys, size_t nr,
	size_t at, void (*visit)(void *, const struct lk_live_block *), void *arg)
{
	const uint64_t *words = words_of(s, keys[at].page);
	uint64_t base = (keys[at].key & ~(1ull << 62)) << LK_SHADOW_PAGE_SHIFT;
	uint64_t plane = keys[at].key >> 62 & 1;

	for (uint32_t i = 0; i < LK_SHADOW_WORDS; i++) {
		struct lk_word w = {.first = lk_load_acq(&words[i])};
		struct lk_live_block b;

		if (!lk_word_is_block(w.first))
			continue;
		if (lk_word_tag(w.first) == LK_TAG_LIVE)
			w.cont = i + 1 < LK_SHADOW_WORDS ? lk_load(&words[i + 1])
							 : next_page_word(s, keys, nr, at);
		b = (struct lk_live_block){
			.address = base + i * 16 + plane * 8,
			.size = lk_word_size(w),
			.stack = lk_word_stack(w.first),
			.time_packed = lk_word_time(w.first),
			.thread = lk_word_thread(w),
		};
		visit(arg, &b);
	}
}

void lk_storefile_blocks(const struct lk_storefile *s,
	void (*visit)(void *arg, const struct lk_live_block *block), void *arg)
{
	uint64_t nr = s->nr[LK_REGION_SHADOW];
	struct page_key *keys;
	size_t used = 0;

	if (nr > s->nr[LK_REGION_SHADOW_KEYS])
		nr = s->nr[LK_REGION_SHADOW_KEYS];
	keys = lk_xcalloc(nr, sizeof(*keys));
	for (uint64_t i = 0; i < nr; i++) {
		const uint64_t *key = lk_storefile_at(s, LK_REGION_SHADOW_KEYS, i);

		keys[used++] = (struct page_key){.key = *key, .page = (uint32_t)i};
	}
	qsort(keys, used, sizeof(*keys), by_key);
	for (size_t i = 0; i < used; i++)
		visit_page(s, keys, used, i, visit, arg);
	free(keys);
}

struct lk_node_count *lk_storefile_counts(const struct lk_storefile *s)
{
	uint64_t nr = s->nr[LK_REGION_NODES];
	struct lk_node_count *counts = lk_xcalloc(nr, sizeof(*counts));

	for (uint64_t i = 0; i < nr; i++) {
		const struct lk_node *n = lk_storefile_at(s, LK_REGION_NODES, i);

		counts[i].allocs = lk_load(&n->allocs);
		counts[i].bytes = lk_load(&n->bytes);
	}
	for (uint64_t i = 0; i < s->nr[LK_REGION_TALLIES]; i++) {
		const struct lk_tally *t = lk_storefile_at(s, LK_REGION_TALLIES, i);
		uint32_t stack = lk_load(&t->stack);

		if (stack < nr) {
			counts[stack].allocs += lk_load(&t->pending_allocs);
			counts[stack].bytes += lk_load(&t->pending_bytes);
		}
	}
	return counts;
}
