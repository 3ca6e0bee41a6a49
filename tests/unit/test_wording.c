#include "leak/wording.h"
#include "tap.h"

#include <math.h>
#include <string.h>

static char out[LK_WORDING_MAX];

static void is(const char *got, const char *want)
{
	tap_ok(!strcmp(got, want), "\"%s\" is written (got \"%s\")", want, got);
}

int main(void)
{
	is(lk_word_bytes(out, 0), "0 bytes");
	is(lk_word_bytes(out, 1), "1 byte");
	is(lk_word_bytes(out, 999), "999 bytes");
	is(lk_word_bytes(out, 999.6), "1.0 kB");
	is(lk_word_bytes(out, 1000), "1.0 kB");
	is(lk_word_bytes(out, 9960), "10 kB");
	is(lk_word_bytes(out, 1411764), "1.4 MB");
	is(lk_word_bytes(out, 999600), "1.0 MB");
	is(lk_word_bytes(out, -28000), "-28 kB");
	is(lk_word_bytes(out, 1.8e19), "18 EB");
	is(lk_word_count(out, 0), "0");
	is(lk_word_count(out, 999), "999");
	is(lk_word_count(out, 1234567), "1,234,567");
	is(lk_word_count(out, UINT64_MAX), "18,446,744,073,709,551,615");
	is(lk_word_seconds(out, 0.05), "0.05 s");
	is(lk_word_seconds(out, 9.996), "10 s");
	is(lk_word_seconds(out, 59.4), "59 s");
	is(lk_word_seconds(out, 125), "2 min 5 s");
	is(lk_word_seconds(out, 12000), "3 h 20 min");
	is(lk_word_seconds(out, 90000), "1 d 1 h");
	is(lk_word_percent(out, 0), "0 %");
	is(lk_word_percent(out, 0.01), "<0.1 %");
	is(lk_word_percent(out, 0.3), "0.3 %");
	is(lk_word_percent(out, 99.7), "99 %");
	is(lk_word_percent(out, 100), "100 %");
	tap_ok(strlen(lk_word_bytes(out, INFINITY)) < LK_WORDING_MAX &&
			strlen(lk_word_bytes(out, 1e300)) < LK_WORDING_MAX &&
			strlen(lk_word_seconds(out, 1e300)) < LK_WORDING_MAX,
		"absurd numbers fit too");
	return tap_done();
}
