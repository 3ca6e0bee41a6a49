#include "report/number_list.h"

#include "tap.h"

#include <errno.h>
#include <string.h>

/* Reads at most four numbers; gives how many, or the error. */
static int read_all(const char *text, uint32_t *numbers)
{
	const char *at = text, *end = text + strlen(text);
	int n = 0, r;

	while ((r = lk_number_list_next(&at, end, &numbers[n])) == 1)
		if (++n == 4)
			return n;
	return r < 0 ? r : n;
}

static void test_round_trip(void)
{
	const uint32_t numbers[] = {0, 4294967295u, 17};
	char text[LK_NUMBER_LIST_ROOM(3)];
	uint32_t back[4];

	tap_ok(lk_number_list_write(numbers, 3, text) == strlen(text) &&
			!strcmp(text, "[0,4294967295,17]"),
		"numbers are written as a JSON array");
	tap_ok(read_all(text, back) == 3 && !memcmp(back, numbers, sizeof(numbers)),
		"and read back");
	lk_number_list_write(numbers, 0, text);
	tap_ok(!strcmp(text, "[]") && read_all(text, back) == 0, "none of them, too");
}

static void test_damage(void)
{
	static const char *const damaged[] = {"", "[", "1", "[1", "[1,", "[1,]", "[,1]", "[1]2",
		"[] ", "[-1]", "[ 1]", "[4294967296]", "[99999999999999999999999]", "[1,2", "{1}",
		"[1;2]"};
	uint32_t back[4];

	for (size_t i = 0; i < LK_ARRAY_SIZE(damaged); i++)
		tap_ok(read_all(damaged[i], back) == -EBADMSG, "\"%s\" is damage", damaged[i]);
}

int main(void)
{
	test_round_trip();
	test_damage();
	return tap_done();
}
