#include "leak/tiers.h"
#include "tap.h"

#include <string.h>

#define PLACE 77

static const struct lk_stack_facts early = {
	.manager = "HGlobal", .users = true, .key = 1, .place_key = PLACE};
static const struct lk_stack_facts late = {
	.manager = "NativeMemory", .users = true, .key = 2, .place_key = PLACE, .vague = true};

static void test_settle(void)
{
	struct lk_stack_facts facts[] = {late, early, late, early};

	lk_tiers_settle(facts, 4);
	tap_ok(!strcmp(facts[0].manager, "HGlobal") && facts[0].key == 1 &&
			!strcmp(facts[2].manager, "HGlobal") && facts[2].key == 1,
		"vague stacks of a line become what its certain ones are, before and after them");
	tap_ok(facts[1].key == 1 && facts[3].key == 1, "the certain ones stay");
}

static void test_leaves_alone(void)
{
	struct lk_stack_facts elsewhere = early, other = early, facts[3];

	facts[0] = late;
	lk_tiers_settle(facts, 1);
	tap_ok(facts[0].key == 2, "nothing certain is known: it stays");
	elsewhere.place_key = PLACE + 1;
	facts[1] = elsewhere;
	lk_tiers_settle(facts, 2);
	tap_ok(facts[0].key == 2, "another line says nothing");
	other.manager = "BSTR";
	other.key = 3;
	facts[1] = early;
	facts[2] = other;
	lk_tiers_settle(facts, 3);
	tap_ok(facts[0].key == 2, "a line with two managers says nothing");
	facts[0].place_key = facts[1].place_key = 0;
	lk_tiers_settle(facts, 2);
	tap_ok(facts[0].key == 2, "code that is compiled once is left alone");
	lk_tiers_settle(NULL, 0);
}

int main(void)
{
	test_settle();
	test_leaves_alone();
	return tap_done();
}
