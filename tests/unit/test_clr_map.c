#include "runtime/clr_map.h"

#include <errno.h>

#include "abi/store.h"
#include "managed_fixture.h"
#include "tap.h"

static size_t from_hex(const char *text, uint8_t *bytes)
{
	size_t n = 0;
	unsigned v;

	for (; sscanf(text, "%2x", &v) == 1; text += 2)
		bytes[n++] = (uint8_t)v;
	return n;
}

/* Maps of precompiled methods, .NET 8, 9 and 10, read by data/clr_corelib.py. */
static void class_libraries(void)
{
	FILE *f = fopen(fixture_path("clr-corelib.maps"), "r");
	char version[16], hex[512], before[16] = "";
	unsigned native, want, seen = 0, wrong = 0, versions = 0;

	while (f && fscanf(f, "%15s %511s %u %u", version, hex, &native, &want) == 4) {
		uint8_t bytes[256];
		size_t size = from_hex(hex, bytes);
		uint32_t il = 0;
		int r = lk_clr_map_il(bytes, size, native, &il);

		versions += !!strcmp(version, before);
		strcpy(before, version);
		seen++;
		if (!r && il == want)
			continue;
		wrong++;
		printf("# %s %s at %u: %d IL %u, not %u\n", version, hex, native, r, il, want);
	}
	if (f)
		fclose(f);
	tap_ok(versions == 3 && seen > 300 && !wrong,
		"%u places in code of %u versions of .NET have their IL offsets", seen, versions);
}

/* A writer of maps, for forms that the JIT of this machine does not write. */
struct map {
	uint8_t bytes[512];
	size_t nr_nibbles;
};

static void put_nibble(struct map *m, unsigned n)
{
	m->bytes[m->nr_nibbles / 2] |= (uint8_t)(n << (m->nr_nibbles % 2 * 4));
	m->nr_nibbles++;
}

static void put(struct map *m, uint32_t v)
{
	int shift = 0;

	while (shift < 30 && v >> (shift + 3))
		shift += 3;
	for (; shift; shift -= 3)
		put_nibble(m, (v >> shift & 7) | 8);
	put_nibble(m, v & 7);
}

static size_t bytes_of(struct map *m)
{
	m->nr_nibbles += m->nr_nibbles % 2;
	return m->nr_nibbles / 2;
}

struct point {
	uint32_t native;
	int il;
	unsigned flags;
};

static struct map plain_bounds(const struct point *points, size_t count)
{
	struct map m = {0};
	uint32_t native = 0;

	put(&m, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		put(&m, points[i].native - native);
		put(&m, (uint32_t)(points[i].il + 3));
		put(&m, points[i].flags);
		native = points[i].native;
	}
	return m;
}

static void put_bytes(struct map *m, struct map bounds)
{
	size_t size = bytes_of(&bounds);

	memcpy(m->bytes + bytes_of(m), bounds.bytes, size);
	m->nr_nibbles += 2 * size;
}

static struct map jit_map(const struct point *points, size_t count)
{
	struct map bounds = plain_bounds(points, count), m = {{LK_CLR_MAP_JIT}, 2};

	put(&m, (uint32_t)bytes_of(&bounds));
	put(&m, 77); /* variables: we copy none */
	put_bytes(&m, bounds);
	return m;
}

static long il_at(struct map m, uint32_t native)
{
	uint32_t il;
	int r = lk_clr_map_il(m.bytes, bytes_of(&m), native, &il);

	return r < 0 ? r : (long)il;
}

static const struct point method[] = {
	{0, -2, 2},
	{12, 0, 2},
	{20, 6, 0x10},
	{26, 11, 0},
	{26, -1, 0},
	{40, 200, 0x12},
	{40, -3, 2},
};
#define METHOD_POINTS LK_ARRAY_SIZE(method)

static void entries(void)
{
	struct map m = jit_map(method, METHOD_POINTS);

	tap_ok(il_at(m, 0) == 0 && il_at(m, 11) == 0, "the prologue belongs to the first IL");
	tap_ok(il_at(m, 12) == 0 && il_at(m, 19) == 0 && il_at(m, 20) == 6 && il_at(m, 25) == 6,
		"an instruction belongs to the last entry before it");
	tap_ok(il_at(m, 26) == 11 && il_at(m, 39) == 11,
		"code of no IL belongs to the IL before it");
	tap_ok(il_at(m, 40) == 200 && il_at(m, 5000) == 200,
		"of two entries at one place the one with IL counts");
	m = jit_map((struct point[]){{0, -2, 2}, {7, 3, 0}, {9, -3, 2}}, 3);
	tap_ok(il_at(m, 8) == 3 && il_at(m, 9) == LK_CLR_EXIT, "an exit is told as one");
	m = jit_map((struct point[]){{0, -2, 2}, {7, -1, 0}}, 2);
	tap_ok(il_at(m, 8) == 0, "a method without IL offsets begins at 0");
}

static void instrumented(void)
{
	struct map other = plain_bounds((struct point[]){{0, -2, 2}, {1, 99, 2}}, 2);
	struct map real = plain_bounds(method, METHOD_POINTS), m = {{LK_CLR_MAP_JIT}, 2};

	put(&m, 0xffffffff);
	put(&m, (uint32_t)bytes_of(&other));
	put(&m, (uint32_t)bytes_of(&real));
	put(&m, 5);
	put_bytes(&m, other);
	put_bytes(&m, real);
	tap_ok(il_at(m, 21) == 6, "of instrumented code the map to the IL on disk is read");
	m = (struct map){{LK_CLR_MAP_JIT}, 2};
	put(&m, 0xffffffff);
	put(&m, (uint32_t)bytes_of(&other));
	put(&m, 0);
	put(&m, 5);
	put_bytes(&m, other);
	tap_ok(il_at(m, 21) == 99, "or the only one that there is");
}

static void not_believed(void)
{
	static const uint8_t smallest[] = {LK_CLR_MAP_JIT, 0x04, 0x02, 0x01, 0xca, 0x03};
	static const uint8_t both[] = {LK_CLR_MAP_JIT, 0x03, 0x01, 0x18, 0x08};
	struct map m = jit_map(method, METHOD_POINTS), wrong;
	uint32_t il;

	tap_ok(lk_clr_map_il(smallest, sizeof(smallest), 1, &il) == 0 && il == 0,
		"the smallest packed map is read");
	tap_ok(lk_clr_map_il(both, sizeof(both), 1, &il) == -ENOTUNIQ,
		"bytes that both forms fit are not guessed at");
	wrong = m;
	wrong.bytes[0] = 3;
	tap_ok(il_at(wrong, 20) == -EBADMSG, "a map of unknown origin is refused");
	tap_ok(lk_clr_map_il(m.bytes, bytes_of(&m) - 1, 20, &il) == -EBADMSG,
		"so is one cut short");
	wrong = jit_map((struct point[]){{0, -2, 2}, {12, 0, 1}}, 2);
	tap_ok(il_at(wrong, 20) == -EBADMSG, "and flags that the runtime does not have");
	wrong = jit_map((struct point[]){{0, 0, 2}, {12, 5, 2}}, 2);
	tap_ok(il_at(wrong, 20) == -EBADMSG, "and a method without prologue");
	wrong = (struct map){{LK_CLR_MAP_JIT}, 2};
	put(&wrong, 0);
	put(&wrong, 0);
	tap_ok(il_at(wrong, 20) == -ENODATA, "a map without entries has no IL offset");
	tap_ok(lk_clr_map_il("", 0, 20, &il) == -EBADMSG, "an empty map is damaged");
}

static unsigned nr_read;

static void use(const uint8_t *bytes, size_t size)
{
	uint32_t il;

	nr_read += lk_clr_map_il(bytes, size, 60, &il) == 0;
}

static void damaged(void)
{
	FILE *f = fopen(fixture_path("clr.maps"), "r");
	struct map m = jit_map(method, METHOD_POINTS);
	char hex[2048] = "";
	uint8_t bytes[1024];

	if (!f || fscanf(f, "%*s %*s %*s %*s %*s %2047s", hex) != 1)
		printf("# no map in clr.maps\n");
	if (f)
		fclose(f);
	fixture_damage(bytes, from_hex(hex, bytes), 1, use);
	tap_ok(nr_read > 100, "damaged packed maps are read without harm (%u)", nr_read);
	nr_read = 0;
	fixture_damage(m.bytes, bytes_of(&m), 1, use);
	tap_ok(nr_read > 10, "and damaged plain ones (%u)", nr_read);
}

int main(void)
{
	class_libraries();
	entries();
	instrumented();
	not_believed();
	damaged();
	return tap_done();
}
