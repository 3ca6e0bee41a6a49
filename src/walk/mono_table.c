#include "base/cursor.h"
#include "walk/mono.h"
#include "walk/peek.h"

#include <errno.h>

#define CHUNK_ENTRIES 64
#define CHUNK_HEADER  24
#define MAX_CHUNKS    (1u << 20)
#define INFO_SIZE     56
#define MAX_RETRIES   3
#define MAX_STRANGERS 4

/* How much of a MonoDomain is searched for its tables: all of it in 6.8 is 608 bytes. */
#define DOMAIN_STEP 256
#define DOMAIN_SIZE 1024

/* As the runtime lays it out, so that one read copies all. */
struct chunk {
	uint32_t refs;
	uint32_t nr;
	uint64_t last_code_end;
	uint64_t tombstones;
	uint64_t entries[CHUNK_ENTRIES];
};
_Static_assert(sizeof(struct chunk) == CHUNK_HEADER + 8 * CHUNK_ENTRIES, "Mono's layout");

struct table {
	uint64_t at;
	uint32_t nr_chunks;
};

/* Reads the first size bytes of chunk i: its header, or all of it. */
static int chunk_read(const struct table *t, uint32_t i, struct chunk *ret, size_t size)
{
	uint64_t at;

	if (lk_peek_u64(t->at + 16 + 8ull * i, &at) || lk_peek(at, ret, size))
		return -EFAULT;
	return ret->nr <= CHUNK_ENTRIES ? 0 : -EBADMSG;
}

/* A table says which domain it belongs to: that is how it is told from anything else. */
static int table_read(uint64_t at, uint64_t domain, struct table *ret)
{
	struct lk_cursor c;
	uint8_t head[16];
	uint32_t nr;

	if (!at || at % 8 || lk_peek(at, head, sizeof(head)))
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

static int code_read(uint64_t at, struct lk_mono_code *ret)
{
	uint8_t info[INFO_SIZE];
	struct lk_cursor c = lk_cursor_over(info, sizeof(info));

	if (lk_peek(at, info, sizeof(info)))
		return -EFAULT;
	ret->owner = lk_cursor_u64(&c);
	lk_cursor_u64(&c);
	ret->start = lk_cursor_u64(&c);
	ret->unwind_info = lk_cursor_u32(&c);
	ret->size = lk_cursor_u32(&c);
	lk_cursor_take(&c, 16);
	ret->seq_points = lk_cursor_u64(&c);
	return 0;
}

/* The first chunk whose code ends after pc, or the last one. */
static int chunk_search(const struct table *t, uint64_t pc, uint32_t *ret_chunk)
{
	/* The last chunk need not be read: if it is not in there, it is nowhere. */
	uint32_t low = 0, high = t->nr_chunks - 1;
	struct chunk head;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int r = chunk_read(t, middle, &head, CHUNK_HEADER);

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
static int entries_scan(
	const struct chunk *chunk, uint32_t from, uint64_t pc, struct lk_mono_code *ret)
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
		r = chunk_read(t, i, &chunk, sizeof(chunk));
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
		size_t n = lk_peek_some(domain + off, words, sizeof(words)) / 8;

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

	if (!off || lk_peek_u64(domain + off + 8 * which, &at))
		return -ENODATA;
	for (unsigned n = 0; n <= MAX_RETRIES; n++) {
		r = table_read(at, domain, &t);
		r = r ?: table_find(&t, pc, ret);
		if (!r || lk_peek_u64(domain + off + 8 * which, &again) || again == at)
			break;
		at = again;
	}
	return r ? -ENODATA : 0;
}

uint64_t lk_mono_root_domain(void)
{
	uint64_t domain;

	return lk_peek_u64(lk_mono.root_domain_var, &domain) ? 0 : domain;
}

static bool is_domain(uint64_t at)
{
	uint64_t off = lk_load(&lk_mono.tables_off), table_at;
	struct table t;

	return at % 8 == 0 && !lk_peek_u64(at + off, &table_at) && !table_read(table_at, at, &t);
}

/*
 * Looks in the domains of the list that var points to.  Its size is not known:
 * free places are NULL, and after a few words that are no domains it has ended.
 */
static int list_find(
	uint64_t var, uint64_t root, unsigned which, uint64_t pc, struct lk_mono_code *ret)
{
	uint64_t list[LK_MONO_NR_DOMAINS], at;
	unsigned nr_strangers = 0;
	size_t nr;

	if (!var || lk_peek_u64(var, &at) || !at)
		return -ENODATA;
	nr = lk_peek_some(at, list, sizeof(list)) / 8;
	for (size_t i = 0; i < nr && nr_strangers < MAX_STRANGERS; i++) {
		if (!list[i] || list[i] == root)
			continue;
		if (!is_domain(list[i]))
			nr_strangers++;
		else if (!domain_find(list[i], which, pc, ret))
			return 0;
	}
	return -ENODATA;
}

/*
 * Most code is the root domain's.  A stack may hold frames of several domains,
 * so the thread's current one would not do: all are asked.
 */
static int find(unsigned which, uint64_t pc, struct lk_mono_code *ret)
{
	uint64_t root = lk_mono_root_domain();

	if (!root)
		return -ENODATA;
	if (!domain_find(root, which, pc, ret))
		return 0;
	for (unsigned i = 0; i < LK_MONO_NR_LISTS; i++)
		if (!list_find(lk_load(&lk_mono.domain_list_vars[i]), root, which, pc, ret))
			return 0;
	return -ENODATA;
}

int lk_mono_find_code(uint64_t pc, struct lk_mono_code *ret_code)
{
	return find(0, pc, ret_code);
}

/* A trampoline's owner begins with its code's address, a method's with flags and token. */
bool lk_mono_is_trampoline(const struct lk_mono_code *code)
{
	uint64_t first;

	return !lk_peek_u64(code->owner, &first) && first == code->start;
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

	if (!off || lk_peek_u64(root + off, &at) || table_read(at, root, &t))
		return;
	for (uint32_t i = 0; i < t.nr_chunks && max; i++) {
		if (chunk_read(&t, i, &chunk, sizeof(chunk)))
			return;
		for (uint32_t k = 0; k < chunk.nr && max; k++, max--)
			if (!code_read(chunk.entries[k], &code) && code.owner)
				use(&code, data);
	}
}
