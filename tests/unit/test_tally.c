#include "leak/tally.h"
#include "tap.h"

int main(void)
{
	struct lk_size_tally t = {0};
	size_t last = SIZE_MAX, n;
	uint64_t blocks = 0;
	bool sorted = true;

	tap_ok(lk_size_tally_sort(&t) == 0, "an empty tally has no entry");
	for (unsigned i = 0; i < 300000; i++)
		last = lk_size_tally_add(&t, i % 7, i % 3 ? 8 : i % 5000, last);
	n = lk_size_tally_sort(&t);
	for (size_t i = 0; i < n; i++) {
		blocks += t.slots[i].blocks;
		sorted &= !i || t.slots[i - 1].size <= t.slots[i].size;
	}
	tap_ok(blocks == 300000, "every block is counted, however the table grew");
	tap_ok(sorted, "entries are sorted by size");
	tap_ok(t.slots[0].size == 0 && t.slots[0].blocks > 0, "blocks of no bytes are counted");
	lk_size_tally_done(&t);

	for (unsigned i = 0; i < 10; i++)
		lk_size_tally_add(&t, 1, 16, 99999999);
	tap_ok(lk_size_tally_sort(&t) == 1 && t.slots[0].blocks == 10,
		"a wrong last slot does no harm");
	lk_size_tally_done(&t);
	return tap_done();
}
