#include "runtime/nettrace.h"

#include "base/cursor.h"
#include "util/mem.h"
#include "util/utf16.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A stream:
 *
 *   "Nettrace"  u32 20  "!FastSerialization.1"  object ..  1
 *   object:  5  5 1 i32 version, i32 oldest reader, i32 n, name[n]  6  body  6
 *   body of "Trace": 48 bytes about the clock and the process
 *   body of a block: i32 size, zeros up to a multiple of 4 of the stream, size bytes
 *
 * What comes next has a size that is known before it comes: that many bytes are
 * collected, then read in one go.  Blocks that hold no events are passed over.
 */
#define TAG_NULL   1u
#define TAG_BEGIN  5u
#define TAG_END	   6u
#define START_SIZE 32u
#define TYPE_SIZE  14u
#define TRACE_SIZE 48u
#define NAME_MAX_  32u
#define TEXT_MAX   256u

#define BLOCK_COMPRESSED 1u

enum state {
	AT_START,
	AT_TAG,
	AT_TYPE,
	AT_NAME,
	AT_TRACE,
	AT_SIZE,
	AT_BLOCK,
	AT_SKIP,
	AT_END,
	ENDED
};

enum body { BODY_TRACE, BODY_EVENTS, BODY_METADATA, BODY_OTHER };

/* One kind of event, by the number that the stream gave it. */
struct kind {
	uint32_t number;
	uint32_t id, version;
	const char *provider, *name;
};

struct lk_nettrace {
	lk_nettrace_fn *fn;
	void *arg;
	int failed;
	enum state state;
	enum body body;
	uint64_t offset; /* in the stream, of what is collected next */
	size_t want, used;
	uint8_t *collected;
	size_t capacity;
	size_t block_size, padding;
	uint64_t start_time, frequency;
	struct lk_strings *strings;
	struct kind *kinds; /* sorted by number */
	size_t nr_kinds, kinds_capacity;
	uint64_t nr_described, nr_unknown;
};

struct lk_nettrace *lk_nettrace_new(lk_nettrace_fn *fn, void *arg)
{
	struct lk_nettrace *n = lk_xcalloc(1, sizeof(*n));

	n->fn = fn;
	n->arg = arg;
	n->strings = lk_strings_new();
	n->state = AT_START;
	n->want = START_SIZE;
	return n;
}

struct lk_nettrace *lk_nettrace_free(struct lk_nettrace *n)
{
	if (!n)
		return NULL;
	lk_strings_free(n->strings);
	free(n->collected);
	free(n->kinds);
	free(n);
	return NULL;
}

bool lk_nettrace_ended(const struct lk_nettrace *n)
{
	return n->state == ENDED && !n->failed;
}

uint64_t lk_nettrace_nr_unknown(const struct lk_nettrace *n)
{
	return n->nr_unknown;
}

uint64_t lk_nettrace_ms(const struct lk_nettrace *n, uint64_t time)
{
	if (!n->frequency || time < n->start_time)
		return 0;
	return (uint64_t)((double)(time - n->start_time) * 1000 / (double)n->frequency);
}

/* --- events ------------------------------------------------------------------- */

/* What an event says before its payload.  Compressed, a field that is left out is the
 * previous event's of the same block. */
struct head {
	uint32_t kind;
	uint64_t thread, time;
	uint32_t size;
};

/* Where kind `number` stands or would stand. */
static size_t kind_place(const struct lk_nettrace *n, uint32_t number)
{
	size_t low = 0, high = n->nr_kinds;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (n->kinds[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The payload of an event of a metadata block describes a kind; its fields we know by heart. */
static int describe(struct lk_nettrace *n, const uint8_t *payload, size_t size)
{
	struct lk_cursor c = lk_cursor_over(payload, size);
	char provider[TEXT_MAX], name[TEXT_MAX];
	struct kind kind;
	size_t at;

	kind.number = lk_cursor_u32(&c) & 0x7fffffff;
	lk_utf16_take(&c, provider, sizeof(provider));
	kind.id = lk_cursor_u32(&c);
	lk_utf16_take(&c, name, sizeof(name));
	lk_cursor_u64(&c); /* keywords */
	kind.version = lk_cursor_u32(&c);
	if (c.bad || ++n->nr_described > LK_NETTRACE_METADATA_MAX)
		return -EBADMSG;
	kind.provider = lk_strings_add(n->strings, provider);
	kind.name = lk_strings_add(n->strings, name);
	at = kind_place(n, kind.number);
	if (at == n->nr_kinds || n->kinds[at].number != kind.number) {
		n->kinds = lk_grow(n->kinds, n->nr_kinds, &n->kinds_capacity, sizeof(kind));
		memmove(&n->kinds[at + 1], &n->kinds[at], (n->nr_kinds - at) * sizeof(kind));
		n->nr_kinds++;
	}
	n->kinds[at] = kind;
	return 0;
}

static int take_event(struct lk_nettrace *n, const struct head *h, const uint8_t *payload)
{
	struct lk_nettrace_event event = {
		.thread = h->thread, .time = h->time, .payload = payload, .size = h->size};
	size_t at;

	if (n->body == BODY_METADATA)
		return describe(n, payload, h->size);
	at = kind_place(n, h->kind & 0x7fffffff);
	if (at == n->nr_kinds || n->kinds[at].number != (h->kind & 0x7fffffff)) {
		n->nr_unknown++;
		return 0;
	}
	event.provider = n->kinds[at].provider;
	event.name = n->kinds[at].name;
	event.id = n->kinds[at].id;
	event.version = n->kinds[at].version;
	n->fn(n->arg, &event);
	return 0;
}

/* Bits of the first byte say which fields follow. */
static void read_compressed(struct lk_cursor *c, struct head *h)
{
	uint8_t flags = lk_cursor_u8(c);

	if (flags & 1)
		h->kind = (uint32_t)lk_cursor_uleb(c);
	if (flags & 2) {
		lk_cursor_uleb(c); /* sequence number */
		lk_cursor_uleb(c); /* thread that captured it */
		lk_cursor_uleb(c); /* processor */
	}
	if (flags & 4)
		h->thread = lk_cursor_uleb(c);
	if (flags & 8)
		lk_cursor_uleb(c); /* stack */
	h->time += lk_cursor_uleb(c);
	if (flags & 16)
		lk_cursor_take(c, 16);
	if (flags & 32)
		lk_cursor_take(c, 16);
	if (flags & 128)
		h->size = (uint32_t)lk_cursor_uleb(c);
}

static void read_plain(struct lk_cursor *c, struct head *h)
{
	lk_cursor_u32(c); /* size of all that follows */
	h->kind = lk_cursor_u32(c);
	lk_cursor_u32(c); /* sequence number */
	h->thread = lk_cursor_u64(c);
	lk_cursor_u64(c); /* thread that captured it */
	lk_cursor_u32(c); /* processor */
	lk_cursor_u32(c); /* stack */
	h->time = lk_cursor_u64(c);
	lk_cursor_take(c, 32);
	h->size = lk_cursor_u32(c);
}

static int read_block(struct lk_nettrace *n, const uint8_t *bytes, size_t size)
{
	struct lk_cursor c = lk_cursor_over(bytes, size);
	uint16_t header_size = lk_cursor_u16(&c), flags = lk_cursor_u16(&c);
	struct head h = {0};
	int r = 0;

	if (header_size < 4 || !lk_cursor_take(&c, header_size - 4u))
		return -EBADMSG;
	while (!r && lk_cursor_left(&c)) {
		const uint8_t *payload;

		if (flags & BLOCK_COMPRESSED)
			read_compressed(&c, &h);
		else
			read_plain(&c, &h);
		payload = lk_cursor_take(&c, h.size);
		if (!(flags & BLOCK_COMPRESSED))
			lk_cursor_take(&c, -h.size & 3u);
		if (c.bad)
			return -EBADMSG;
		r = take_event(n, &h, payload);
	}
	return r;
}

/* --- framing ------------------------------------------------------------------ */

static void expect(struct lk_nettrace *n, enum state state, size_t want)
{
	n->state = state;
	n->want = want;
}

static int read_start(struct lk_nettrace *n, const uint8_t *at)
{
	static const char mark[] = "!FastSerialization.1";
	uint32_t size;

	if (memcmp(at, "Nettrace", 8))
		return -EBADMSG;
	memcpy(&size, at + 8, sizeof(size));
	if (!size) /* where older streams have the length of the mark, newer ones have a 0 */
		return -EOPNOTSUPP;
	if (size != sizeof(mark) - 1 || memcmp(at + 12, mark, sizeof(mark) - 1))
		return -EBADMSG;
	expect(n, AT_TAG, 1);
	return 0;
}

static int read_tag(struct lk_nettrace *n, const uint8_t *at)
{
	if (*at == TAG_NULL)
		expect(n, ENDED, SIZE_MAX);
	else if (*at == TAG_BEGIN)
		expect(n, AT_TYPE, TYPE_SIZE);
	else
		return -EBADMSG;
	return 0;
}

static int read_type(struct lk_nettrace *n, const uint8_t *at)
{
	struct lk_cursor c = lk_cursor_over(at, TYPE_SIZE);
	uint8_t begin = lk_cursor_u8(&c), type = lk_cursor_u8(&c);
	uint32_t size;

	lk_cursor_u32(&c); /* version of this object */
	lk_cursor_u32(&c); /* and the oldest reader that understands it */
	size = lk_cursor_u32(&c);
	if (begin != TAG_BEGIN || type != TAG_NULL || !size || size > NAME_MAX_)
		return -EBADMSG;
	expect(n, AT_NAME, size + 1);
	return 0;
}

static int read_name(struct lk_nettrace *n, const uint8_t *at)
{
	static const struct {
		const char *name;
		enum body body;
	} bodies[] = {{"Trace", BODY_TRACE}, {"EventBlock", BODY_EVENTS},
		{"MetadataBlock", BODY_METADATA}};
	size_t size = n->want - 1;

	if (at[size] != TAG_END)
		return -EBADMSG;
	n->body = BODY_OTHER;
	for (size_t i = 0; i < LK_ARRAY_SIZE(bodies); i++)
		if (strlen(bodies[i].name) == size && !memcmp(bodies[i].name, at, size))
			n->body = bodies[i].body;
	if (n->body == BODY_TRACE)
		expect(n, AT_TRACE, TRACE_SIZE);
	else
		expect(n, AT_SIZE, 4);
	return 0;
}

static int read_trace(struct lk_nettrace *n, const uint8_t *at)
{
	struct lk_cursor c = lk_cursor_over(at, TRACE_SIZE);

	lk_cursor_take(&c, 16); /* the date */
	n->start_time = lk_cursor_u64(&c);
	n->frequency = lk_cursor_u64(&c);
	expect(n, AT_END, 1);
	return 0;
}

static int read_size(struct lk_nettrace *n, const uint8_t *at)
{
	uint32_t size;

	memcpy(&size, at, sizeof(size));
	n->block_size = size;
	n->padding = -(n->offset + 4) & 3;
	if (n->body == BODY_OTHER)
		expect(n, AT_SKIP, n->padding + (size_t)size);
	else if (size > LK_NETTRACE_BLOCK_MAX)
		return -EBADMSG;
	else
		expect(n, AT_BLOCK, n->padding + (size_t)size);
	if (!n->want)
		expect(n, AT_END, 1);
	return 0;
}

static int read_collected(struct lk_nettrace *n, const uint8_t *at)
{
	int r;

	switch (n->state) {
	case AT_START:
		return read_start(n, at);
	case AT_TAG:
		return read_tag(n, at);
	case AT_TYPE:
		return read_type(n, at);
	case AT_NAME:
		return read_name(n, at);
	case AT_TRACE:
		return read_trace(n, at);
	case AT_SIZE:
		return read_size(n, at);
	case AT_BLOCK:
		r = n->block_size ? read_block(n, at + n->padding, n->block_size) : 0;
		expect(n, AT_END, 1);
		return r;
	case AT_END:
		expect(n, AT_TAG, 1);
		return *at == TAG_END ? 0 : -EBADMSG;
	default:
		return -EBADMSG;
	}
}

/* Passes over bytes that nobody reads; nothing of them is kept. */
static size_t skip(struct lk_nettrace *n, size_t size)
{
	size_t take = size < n->want ? size : n->want;

	n->want -= take;
	n->offset += take;
	if (!n->want)
		expect(n, AT_END, 1);
	return take;
}

/* Collects what is wanted; grows with what came, not with what a size promises. */
static size_t collect(struct lk_nettrace *n, const uint8_t *bytes, size_t size)
{
	size_t take = size < n->want - n->used ? size : n->want - n->used;

	while (n->capacity < n->used + take) {
		n->capacity = n->capacity ? n->capacity * 2 : 4096;
		n->collected = lk_xrealloc(n->collected, n->capacity);
	}
	memcpy(n->collected + n->used, bytes, take);
	n->used += take;
	return take;
}

int lk_nettrace_feed(struct lk_nettrace *n, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	while (size && !n->failed && n->state != ENDED) {
		size_t want = n->want, took;

		if (n->state == AT_SKIP) {
			took = skip(n, size);
		} else {
			took = collect(n, at, size);
			if (n->used == want) {
				n->failed = read_collected(n, n->collected);
				n->offset += want;
				n->used = 0;
			}
		}
		at += took;
		size -= took;
	}
	return n->failed;
}
