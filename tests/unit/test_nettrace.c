#include "runtime/nettrace.h"

#include <errno.h>

#include "nettrace_fixture.h"
#include "tap.h"

struct seen {
	unsigned nr, nr_counters, nr_native;
	uint64_t last_time, bytes;
	char provider[64], name[64];
	uint32_t id;
	uint64_t thread;
	size_t size;
	uint8_t first;
};

static void see(void *arg, const struct lk_nettrace_event *e)
{
	struct seen *s = arg;

	s->nr++;
	s->nr_counters +=
		!strcmp(e->name, "EventCounters") && !strcmp(e->provider, "System.Runtime");
	s->nr_native += !strcmp(e->provider, "Microsoft-Windows-DotNETRuntime") && !*e->name;
	s->last_time = e->time;
	for (size_t i = 0; i < e->size; i++)
		s->bytes += e->payload[i];
	snprintf(s->provider, sizeof(s->provider), "%s", e->provider);
	snprintf(s->name, sizeof(s->name), "%s", e->name);
	s->id = e->id;
	s->thread = e->thread;
	s->size = e->size;
	s->first = e->size ? e->payload[0] : 0;
}

static int feed(const uint8_t *bytes, size_t size, size_t piece, struct seen *s, bool *ret_ended)
{
	struct lk_nettrace *n = lk_nettrace_new(see, s);
	int r = 0;

	for (size_t at = 0; at < size && !r; at += piece)
		r = lk_nettrace_feed(n, bytes + at, size - at < piece ? size - at : piece);
	if (ret_ended)
		*ret_ended = lk_nettrace_ended(n);
	lk_nettrace_free(n);
	return r;
}

static void reads(void)
{
	struct seen whole = {0}, pieces = {0}, cut = {0};
	struct lk_nettrace *n;
	uint8_t *bytes;
	bool ended;
	size_t size;

	bytes = fixture_stream("counters.nettrace.gz", &size);
	tap_ok(feed(bytes, size, size, &whole, &ended) == 0 && ended,
		"a stream is read to its end");
	tap_ok(whole.nr_counters > 60 && whole.nr_native > 10,
		"it has %u counters and %u events of the collector", whole.nr_counters,
		whole.nr_native);
	feed(bytes, size, 1, &pieces, &ended);
	tap_ok(ended && pieces.nr == whole.nr && pieces.bytes == whole.bytes,
		"bytes may come one by one");
	feed(bytes, size - 1, size, &cut, &ended);
	tap_ok(!ended && cut.nr == whole.nr, "a stream that is cut off did not end");
	n = lk_nettrace_new(see, &cut);
	lk_nettrace_feed(n, bytes, size);
	tap_ok(lk_nettrace_ms(n, whole.last_time) > 2000 &&
			lk_nettrace_ms(n, whole.last_time) < 9000,
		"its clock is that of four seconds");
	tap_ok(lk_nettrace_nr_unknown(n) == 0, "every event was described");
	lk_nettrace_free(n);
	free(bytes);
}

static void refuses(void)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t byte;
		int r;
	} cases[] = {
		{"another file is damaged", 0, 'X', -EBADMSG},
		{"a newer format is told", 8, 0, -EOPNOTSUPP},
		{"another serialization is damaged", 31, '2', -EBADMSG},
		{"a tag that is none is damaged", 32, 9, -EBADMSG},
		{"a type that does not begin is damaged", 33, 6, -EBADMSG},
		{"a type without end is damaged", 52, 0, -EBADMSG},
		{"a type's name of any length is damaged", 43, 33, -EBADMSG},
	};
	struct seen s = {0};

	for (size_t i = 0; i < LK_ARRAY_SIZE(cases); i++) {
		struct made m;

		made_start(&m);
		made_object(&m, "Trace");
		while (m.size < 8 + 24 + 21 + 48)
			made_u8(&m, 0);
		made_u8(&m, 6);
		m.at[cases[i].at] = cases[i].byte;
		tap_ok(feed(m.at, m.size, m.size, &s, NULL) == cases[i].r, "%s", cases[i].what);
	}
}

static void plain_event(struct made *blob, uint32_t kind, uint8_t payload)
{
	made_u32(blob, 0);
	made_u32(blob, kind | 0x80000000u); /* sorted */
	made_u32(blob, 1);
	made_u64(blob, 77);
	made_u64(blob, 77);
	made_u32(blob, 0);
	made_u32(blob, 0);
	made_u64(blob, 1234);
	for (int i = 0; i < 32; i++)
		made_u8(blob, 0);
	made_u32(blob, 1);
	made_u8(blob, payload);
	for (int i = 0; i < 3; i++)
		made_u8(blob, 0);
}

static void made_by_hand(void)
{
	struct made m, blob = {.size = 0};
	struct seen s = {0};
	bool ended;

	made_start(&m);
	made_kind(&m, 3, "Provider", 42, "Name");
	plain_event(&blob, 3, 0x11);
	plain_event(&blob, 3, 0x22);
	made_block(&m, "EventBlock", 0, blob.at, blob.size);
	made_u8(&m, 1);
	tap_ok(feed(m.at, m.size, 7, &s, &ended) == 0 && ended && s.nr == 2,
		"events without compression are read");
	tap_ok(!strcmp(s.provider, "Provider") && !strcmp(s.name, "Name") && s.id == 42 &&
			s.thread == 77 && s.size == 1 && s.first == 0x22 && s.last_time == 1234,
		"with kind, thread, time and payload");

	s = (struct seen){0};
	made_start(&m);
	made_kind(&m, 3, "Provider", 42, "Name");
	blob.size = 0;
	made_u8(&blob, 1 | 2 | 4 | 8 | 16 | 32 | 128);
	made_u8(&blob, 3); /* kind */
	made_u8(&blob, 1); /* sequence number, thread, processor */
	made_u8(&blob, 9);
	made_u8(&blob, 0);
	made_u8(&blob, 0x80 | 1); /* thread 129 */
	made_u8(&blob, 1);
	made_u8(&blob, 0); /* stack */
	made_u8(&blob, 5); /* time */
	made_bytes(&blob, "activity activity related related", 32);
	made_u8(&blob, 1); /* payload */
	made_u8(&blob, 0x33);
	made_u8(&blob, 0); /* all as before */
	made_u8(&blob, 6);
	made_u8(&blob, 0x44);
	made_block(&m, "EventBlock", 1, blob.at, blob.size);
	tap_ok(feed(m.at, m.size, m.size, &s, NULL) == 0 && s.nr == 2 && s.thread == 129 &&
			s.last_time == 11 && s.first == 0x44,
		"a compressed event takes what it leaves out from the one before");

	made_start(&m);
	made_block(&m, "EventBlock", 1, blob.at, blob.size);
	s = (struct seen){0};
	tap_ok(feed(m.at, m.size, m.size, &s, NULL) == 0 && !s.nr, "unknown kinds are passed over");
	made_block(&m, "EventBlock", 1, blob.at, blob.size - 1);
	tap_ok(feed(m.at, m.size, m.size, &s, NULL) == -EBADMSG,
		"a payload beyond its block is damage");
}

static void bounded(void)
{
	struct made m;
	struct seen s = {0};
	struct lk_nettrace *n = lk_nettrace_new(see, &s);
	size_t at = 0, start;
	int r = 0;
	unsigned i;

	made_start(&m);
	lk_nettrace_feed(n, m.at, m.size);
	for (i = 0; i <= LK_NETTRACE_METADATA_MAX && !r; i++) {
		/* Where the stream stands decides about padding, so each piece continues it. */
		m.size = 32 + (i ? at % 4 : 0);
		start = m.size;
		made_kind(&m, i, "P", i, "N");
		at += m.size - start;
		r = lk_nettrace_feed(n, m.at + start, m.size - start);
	}
	tap_ok(r == -EBADMSG && i > LK_NETTRACE_METADATA_MAX, "kinds of events are limited");
	lk_nettrace_free(n);
	n = lk_nettrace_new(see, &s);
	made_start(&m);
	made_object(&m, "EventBlock");
	made_u32(&m, LK_NETTRACE_BLOCK_MAX + 1);
	tap_ok(lk_nettrace_feed(n, m.at, m.size) == -EBADMSG,
		"a block beyond all measure is damage");
	tap_ok(lk_nettrace_feed(n, m.at, 1) == -EBADMSG, "and the reader stays failed");
	lk_nettrace_free(n);
	n = lk_nettrace_new(see, &s);
	made_start(&m);
	made_object(&m, "StackBlock");
	made_u32(&m, UINT32_MAX);
	r = lk_nettrace_feed(n, m.at, m.size);
	for (i = 0; i < 100 && !r; i++)
		r = lk_nettrace_feed(n, m.at, sizeof(m.at));
	tap_ok(!r, "a block that nobody reads may be of any size, and is not kept");
	lk_nettrace_free(n);
}

static unsigned nr_ok, nr_bad;

static void try(const uint8_t *bytes, size_t size)
{
	struct seen s = {0};
	int r = feed(bytes, size, size ? size : 1, &s, NULL);

	nr_ok += !r;
	nr_bad += r == -EBADMSG || r == -EOPNOTSUPP;
}

static void survives(void)
{
	uint8_t *bytes;
	size_t size;

	bytes = fixture_stream("counters.nettrace.gz", &size);
	fixture_damage(bytes, size, 7, try);
	tap_ok(nr_ok > 100 && nr_bad > 100, "damaged streams are read or refused: %u, %u", nr_ok,
		nr_bad);
	free(bytes);
	nr_ok = nr_bad = 0;
	bytes = fixture_stream("rundown.nettrace.gz", &size);
	fixture_damage(bytes, size, 9973, try);
	tap_ok(nr_ok > 10 && nr_bad > 0, "also large ones: %u, %u", nr_ok, nr_bad);
	free(bytes);
}

int main(void)
{
	reads();
	refuses();
	made_by_hand();
	bounded();
	survives();
	return tap_done();
}
