/* Mangled names of three languages, and names made to blow a demangler up. */
#include <libiberty/demangle.h>
#include <string.h>
#include <time.h>

#include "symbol/symbol.h"
#include "tap.h"

struct sample {
	const char *what, *name, *expected;
};

static const struct sample samples[] = {
	{"a C name is itself", "malloc", "malloc"},
	{"an empty name is itself", "", ""},
	{"a name that only looks mangled is itself", "_Zebra", "_Zebra"},
	{"a C++ function has its parameters", "_ZN4shop3useEi", "shop::use(int)"},
	{"a C++ method keeps its const", "_ZNK4shop6Basket3sumEv", "shop::Basket::sum() const"},
	{"a C++ template has no return type", "_Z5twiceIiET_S0_", "twice<int>(int)"},
	{"a C++ operator is spelled", "_Znwm", "operator new(unsigned long)"},
	{"a part of a C++ function says so", "_ZN4shop3useEi.cold", "shop::use(int) [clone .cold]"},
	{"a legacy Rust name loses its hash",
		"_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE",
		"core::fmt::Formatter::write_str"},
	{"a legacy Rust name's escapes are resolved",
		"_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar"
		"17h930b740aa94f1d3aE",
		"<Test + 'static as foo::Bar<Test>>::bar"},
	{"a Rust v0 name is a path", "_RNvCs1234_7mycrate3foo", "mycrate::foo"},
	{"a D name has its module", "_D3std5stdio12__ModuleInfoZ", "ModuleInfo for std.stdio"},
	{"a C++ name cut off is itself", "_ZN4shop3us", "_ZN4shop3us"},
};

static void test_samples(struct lk_strings *strings)
{
	for (size_t i = 0; i < LK_ARRAY_SIZE(samples); i++) {
		const char *got = lk_demangle(strings, samples[i].name);

		if (!tap_ok(!strcmp(got, samples[i].expected), "%s", samples[i].what))
			printf("# got %s\n", got);
	}
}

/* f(std::map<long name, ...>): over 200 characters with parameters. */
static void test_long(struct lk_strings *strings)
{
	char name[1024] = "_ZN4shop3useE";
	const char *got;

	for (int i = 0; i < 30; i++)
		strcat(name, "N9warehouse4itemE");
	got = lk_demangle(strings, name);
	if (!tap_ok(!strcmp(got, "shop::use"),
		    "a C++ name over 200 characters loses its parameters"))
		printf("# got %s\n", got);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Base 36 of a substitution (Itanium ABI): S_, S0_, ... S9_, SA_ ... */
static void put_substitution(char *to, int n)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (n)
		sprintf(to, "S%c_", digits[n - 1]);
	else
		strcpy(to, "S_");
}

/*
 * void f(A, P<A, A>, P<P<A, A>, P<A, A>>, ...): each parameter is two of the one
 * before it, so that 300 bytes stand for 2^30 letters.
 */
static void test_expanding(struct lk_strings *strings)
{
	char name[1024] = "_Z1f1A1PI", last[8] = "S_";
	double start = seconds();

	/* S_ is A, S0_ is P, S1_ the first P<A, A>. */
	sprintf(name + strlen(name), "%s%sE", last, last);
	for (int n = 2; n < 32; n++) {
		put_substitution(last, n);
		sprintf(name + strlen(name), "S0_I%s%sE", last, last);
	}
	tap_ok(!strcmp(lk_demangle(strings, name), name) && seconds() - start < 1,
		"a C++ name that stands for a gigabyte is left as it is, at once");
	tap_ok(!strcmp(lk_demangle(strings, "_ZN1a1bEv"), "a::b()"),
		"and the next one is demangled");
}

static void test_deep(struct lk_strings *strings)
{
	static char name[15001];
	size_t size = sizeof(name) - 1;

	memset(name, 'P', size);
	memcpy(name, "_Z1f", 4);
	name[size - 1] = 'i';
	tap_ok(lk_demangle(strings, name) != NULL, "pointers nested 15,000 deep do not overflow");
	memset(name, 'R', size);
	name[0] = '_';
	tap_ok(!strcmp(lk_demangle(strings, name), name), "nor does a Rust name without end");
	name[1] = 'D';
	memset(name + 2, 'Q', size - 2);
	tap_ok(!strcmp(lk_demangle(strings, name), name), "nor a D name of back references");
}

int main(void)
{
	struct lk_strings *strings = lk_strings_new();

	test_samples(strings);
	test_long(strings);
	test_expanding(strings);
	test_deep(strings);
	lk_strings_free(strings);
	return tap_done();
}
