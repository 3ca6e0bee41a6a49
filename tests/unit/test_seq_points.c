#include "runtime/seq_points.h"

#include <errno.h>

#include "managed_fixture.h"
#include "tap.h"

static uint32_t il_at(const char *map, size_t size, uint64_t native)
{
	uint32_t il;
	int r = lk_seq_points_il(map, size, native, &il);

	return r < 0 ? (uint32_t)r : il;
}

static void plain(void)
{
	/* Throws:Straight of Mono 6.8: its throw, IL 10, was moved behind the rest. */
	static const char map[] = "\x2a\x02\x48\x04\x0a\x24\x0a\x10\x12\x25\x12";
	const size_t size = sizeof(map) - 1;
	uint32_t il;

	tap_ok(lk_seq_points_il(map, size, 35, &il) == -ENODATA, "a prologue has no IL offset");
	tap_ok(il_at(map, size, 36) == 1, "a point's first instruction is its IL offset");
	tap_ok(il_at(map, size, 40) == 1 && il_at(map, size, 41) == 3, "up to the next point");
	tap_ok(il_at(map, size, 64) == 10, "code moved to the end keeps its IL offset");
	tap_ok(il_at(map, size, 100000) == 10, "after the last point there is only that one");
	tap_ok(lk_seq_points_il(map, 0, 0, &il) == -ENODATA, "an empty map knows nothing");
	tap_ok(lk_seq_points_il(map, size - 1, 64, &il) == -EBADMSG, "a map cut short is damaged");
}

static void with_debug_data(void)
{
	/* Entry (-1 at 0), IL 4 at 8 followed by points 2 and 3, exit at 16. */
	static const char map[] = "\x3b\x01\x00\x00\x00\x0a\x10\x01\x02\x02\x03\x00\x10\x02\x00";
	const size_t size = sizeof(map) - 1;

	tap_ok(il_at(map, size, 0) == 0, "a method's entry is its first IL");
	tap_ok(il_at(map, size, 8) == 4, "what follows a point is passed over");
	tap_ok(il_at(map, size, 20) == LK_SEQ_EXIT, "a method's exit is told apart");
}

static unsigned nr_read;

static void use(const uint8_t *bytes, size_t size)
{
	uint32_t il;

	for (uint64_t native = 0; native < 300; native += 7)
		nr_read += lk_seq_points_il(bytes, size, native, &il) == 0;
}

int main(void)
{
	static const uint8_t map[] = {0x3b, 0x01, 0x00, 0x00, 0x00, 0x0a, 0x10, 0x01, 0x02, 0x02,
		0x03, 0x00, 0x10, 0x02, 0x00};

	plain();
	with_debug_data();
	fixture_damage(map, sizeof(map), 1, use);
	tap_ok(nr_read > 100, "damaged maps are read without harm");
	return tap_done();
}
