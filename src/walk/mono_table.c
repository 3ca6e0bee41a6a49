#include "base/cursor.h"
#include "walk/mem.h"
#include "walk/mono.h"

#include <errno.h>

#define CHUNK_ENTRIES 64
#define CHUNK_HEADER  24
#define MAX_CHUNKS    (1u << 20)
#define INFO_SIZE     56
#define MAX_RETRIES   3

/* How much of a MonoDomain is searched for its tables: all of it in 6.8 is 608 bytes. */
#define DOMAIN_STEP 256
#define DOMAIN_SIZE 1024

struct chunk {
	uint32_t nr;
	uint64_t last_code_end;
	uint64_t entries[CHUNK_ENTRIES];
};

struct table {
	uint64_t at;
	uint32_t nr_chunks;
};

static int chunk_header(const struct table *t, uint32_t i, uint64_t *ret_at, struct chunk *ret)
{
	uint8_t head[CHUNK_HEADER];
	struct lk_cursor c = lk_cursor_over(head, sizeof(head));
	uint64_t at;

	if (lk_mem_u64(t->at + 16 + 8ull * i, &at) || lk_mem_read(at, head, sizeof(head)))
		return -EFAULT;
	lk_cursor_u32(&c);
	ret->nr = lk_cursor_u32(&c);
	ret->last_code_end = lk_cursor_u64(&c);
	if (ret->nr > CHUNK_ENTRIES)
		return -EBADMSG;
	*ret_at = at;
	return 0;
}

static int chunk_read(const struct table *t, uint32_t i, struct chunk *ret)
{
	uint64_t at;
	int r = chunk_header(t, i, &at, ret);

	return r ?: lk_mem_read(at + CHUNK_HEADER, ret->entries, 8ull * ret->nr);
}

/* A table says which domain it belongs to: that is how it is told from anything else. */
static int table_read(uint64_t at, uint64_t domain, struct table *ret)
{
	struct lk_cursor c;
	uint8_t head[16];
	uint32_t nr;

	if (!at || at % 8 || lk_mem_read(at, head, sizeof(head)))
		return -ENODATA;
	c = lk_cursor_over(head, sizeof(head));
	if (lk_cursor_u64(&c) != domain)
		return -ENODATA;
	nr = lk_cursor_u32(&c);
	if (!nr || nr > MAX_CHUNKS)
		return -ENODATA;
	*ret = (struct table){.at = at, .nr_chunks = nr};
	return 0;
}

/* A trampoline's owner begins with its code's address, a method's with flags and token. */
static bool is_trampoline(const struct lk_mono_code *code)
{
	uint64_t first;

	return !lk_mem_u64(code->owner, &first) && first == code->start;
}

static int code_read(uint64_t at, struct lk_mono_code *ret)
{
	uint8_t info[INFO_SIZE];
	struct lk_cursor c = lk_cursor_over(info, sizeof(info));

	if (lk_mem_read(at, info, sizeof(info)))
		return -EFAULT;
	ret->owner = lk_cursor_u64(&c);
	lk_cursor_u64(&c);
	ret->start = lk_cursor_u64(&c);
	ret->unwind_info = lk_cursor_u32(&c);
	ret->size = lk_cursor_u32(&c);
	lk_cursor_take(&c, 16);
	ret->seq_points = lk_cursor_u64(&c);
	ret->is_trampoline = false;
	return 0;
}

/* The first chunk whose code ends after pc; nr_chunks where none does. */
static int chunk_search(const struct table *t, uint64_t pc, uint32_t *ret_chunk)
{
	uint32_t low = 0, high = t->nr_chunks;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct chunk head;
		uint64_t at;
		int r = chunk_header(t, middle, &at, &head);

		if (r)
			return r;
		if (pc < head.last_code_end)
			high = middle;
		else
			low = middle + 1;
	}
	*ret_chunk = low;
	return 0;
}

/* The first entry of the chunk whose code ends after pc.  Removed ones keep their range. */
static int entry_search(const struct chunk *chunk, uint64_t pc, uint32_t *ret_entry)
{
	uint32_t low = 0, high = chunk->nr;
	struct lk_mono_code code;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (code_read(chunk->entries[middle], &code))
			return -EFAULT;
		if (pc < code.start + code.size)
			high = middle;
		else
			low = middle + 1;
	}
	*ret_entry = low;
	return 0;
}

/*
 * Looks on from the entry that the searches gave, as the runtime does: removed
 * entries may overlap what was made in their place, and the last entry of a
 * chunk may have changed under us.  -ENODATA: not here; -EAGAIN: look in the next chunk.
 */
static int entries_scan(const struct chunk *chunk, uint32_t from, uint64_t pc,
	struct lk_mono_code *ret)
{
	struct lk_mono_code code;

	for (uint32_t i = from; i < chunk->nr; i++) {
		if (code_read(chunk->entries[i], &code))
			return -EFAULT;
		if (!code.owner)
			continue;
		if (pc < code.start)
			return -ENODATA;
		if (pc - code.start < code.size) {
			*ret = code;
			return 0;
		}
	}
	return -EAGAIN;
}

static int table_find(const struct table *t, uint64_t pc, struct lk_mono_code *ret)
{
	struct chunk chunk;
	uint32_t i, entry;
	int r = chunk_search(t, pc, &i);

	if (r)
		return r;
	/* On to further chunks only where all that is left of this one was removed. */
	for (uint32_t end = i + 8; i < end && i < t->nr_chunks; i++) {
		r = chunk_read(t, i, &chunk);
		r = r ?: entry_search(&chunk, pc, &entry);
		r = r ?: entries_scan(&chunk, entry, pc, ret);
		if (r != -EAGAIN)
			return r;
	}
	return -ENODATA;
}

/* Where MonoDomain keeps jit_info_table and, right behind it, aot_modules. */
static uint64_t tables_offset(uint64_t domain)
{
	uint64_t words[DOMAIN_STEP / 8 + 1], known = lk_load(&lk_mono.tables_off);
	struct table t;

	if (known)
		return known;
	for (uint64_t off = 0; off < DOMAIN_SIZE; off += DOMAIN_STEP) {
		size_t n = lk_mem_read_some(domain + off, words, sizeof(words)) / 8;

		for (size_t i = 0; i + 1 < n; i++)
			if (!table_read(words[i], domain, &t) &&
				!table_read(words[i + 1], domain, &t)) {
				lk_store(&lk_mono.tables_off, off + i * 8);
				return off + i * 8;
			}
	}
	return 0;
}

/*
 * Finds pc in one table of one domain.  A table is replaced as a whole when it
 * grows and the old one is freed, so what was not found is looked for again
 * where the domain has another table meanwhile.
 */
static int domain_find(uint64_t domain, unsigned which, uint64_t pc, struct lk_mono_code *ret)
{
	uint64_t off = tables_offset(domain), at, again;
	struct table t;
	int r = -ENODATA;

	if (!off || lk_mem_u64(domain + off + 8 * which, &at))
		return -ENODATA;
	for (unsigned n = 0; n <= MAX_RETRIES; n++) {
		r = table_read(at, domain, &t);
		r = r ?: table_find(&t, pc, ret);
		if (!r || lk_mem_u64(domain + off + 8 * which, &again) || again == at)
			break;
		at = again;
	}
	return r ? -ENODATA : 0;
}

uint64_t lk_mono_root_domain(void)
{
	uint64_t domain;

	return lk_mem_u64(lk_mono.root_domain_var, &domain) ? 0 : domain;
}

/* Copies the domain list that var points to; only what proves to be a domain is used. */
static size_t list_read(unsigned i, uint64_t list[LK_MONO_NR_DOMAINS])
{
	uint64_t var = lk_load(&lk_mono.domain_list_vars[i]), at;

	if (!var || lk_mem_u64(var, &at) || !at)
		return 0;
	return lk_mem_read_some(at, list, 8 * LK_MONO_NR_DOMAINS) / 8;
}

/*
 * Most code is the root domain's.  A stack may hold frames of several domains,
 * so the thread's current one would not do: all are asked.
 */
static int find(unsigned which, uint64_t pc, struct lk_mono_code *ret)
{
	uint64_t root = lk_mono_root_domain(), list[LK_MONO_NR_DOMAINS];

	if (!root)
		return -ENODATA;
	if (!domain_find(root, which, pc, ret))
		return 0;
	for (unsigned i = 0; i < LK_MONO_NR_LISTS; i++) {
		size_t nr = list_read(i, list);

		for (size_t k = 0; k < nr; k++)
			if (list[k] && list[k] % 8 == 0 && list[k] != root &&
				!domain_find(list[k], which, pc, ret))
				return 0;
	}
	return -ENODATA;
}

int lk_mono_find_code(uint64_t pc, struct lk_mono_code *ret_code)
{
	int r = find(0, pc, ret_code);

	if (!r)
		ret_code->is_trampoline = is_trampoline(ret_code);
	return r;
}

int lk_mono_find_image(uint64_t pc, uint64_t *ret_image)
{
	struct lk_mono_code code;
	int r = find(1, pc, &code);

	if (!r)
		*ret_image = code.owner;
	return r;
}

void lk_mono_each_code(unsigned max, void (*use)(const struct lk_mono_code *, void *), void *data)
{
	uint64_t root = lk_mono_root_domain(), off = root ? tables_offset(root) : 0, at;
	struct lk_mono_code code;
	struct chunk chunk;
	struct table t;

	if (!off || lk_mem_u64(root + off, &at) || table_read(at, root, &t))
		return;
	for (uint32_t i = 0; i < t.nr_chunks && max; i++) {
		if (chunk_read(&t, i, &chunk))
			return;
		for (uint32_t k = 0; k < chunk.nr && max; k++, max--)
			if (!code_read(chunk.entries[k], &code) && code.owner)
				use(&code, data);
	}
}
