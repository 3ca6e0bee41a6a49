#include "leak/patterns.h"

#include "make_snapshot.h"
#include "pattern_examples.h"
#include "report/catalogue.h"
#include "tap.h"

#include <errno.h>

static struct lk_patterns *own(void)
{
	struct lk_patterns *p = lk_patterns_new();

	lk_patterns_add(p, (const char *)lk_catalogue_text, lk_catalogue_size, "own", NULL);
	return p;
}

struct made {
	struct lk_snapshot *s;
	struct lk_analysis *a;
	const struct lk_match *m; /* of the first site */
};

static struct made judge(const struct lk_patterns *p, struct lk_snapshot *s)
{
	struct made made = {.s = s};

	s->tracked_ms = 60000;
	made.a = lk_analyse(s);
	lk_catalogue_judge(p, s, made.a, 0);
	made.m = made.a->nr_sites ? made.a->sites[0].match : NULL;
	return made;
}

static struct made judge_stack(const struct lk_patterns *p, const char *text, uint64_t nr_freed)
{
	struct lk_snapshot *s = lk_snapshot_new();
	uint32_t stack = made_stack(s, text);

	/* The survivors of what is mostly freed are young. */
	made_blocks(s, stack, 64, 50, nr_freed ? 59000 : 0, 60000);
	made_freed(s, stack, 64, nr_freed);
	return judge(p, s);
}

/* Blocks that begin with an address in a module, as objects with a vtable do. */
static struct made judge_object(const struct lk_patterns *p, const char *text, uint64_t first_word)
{
	struct lk_snapshot *s = lk_snapshot_new();

	made_blocks(s, made_stack(s, text), 128, 50, 0, 60000);
	s->modules = lk_xcalloc(1, sizeof(*s->modules));
	s->modules[s->nr_modules++] = (struct lk_module_fact){
		.path = "/app/libserver.so", .start = 0x10000, .end = 0x20000};
	for (size_t i = 0; i < 20; i++)
		made_content(s, s->blocks[i].address, &first_word, sizeof(first_word));
	return judge(p, s);
}

static void made_done(struct made *made)
{
	lk_analysis_free(made->a);
	lk_snapshot_free(made->s);
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void test_examples(const struct lk_patterns *p)
{
	for (size_t i = 0; i < LK_ARRAY_SIZE(examples); i++) {
		struct made made = judge_stack(p, examples[i].stack, 0);
		const char *id = made.m ? made.m->id : NULL;

		tap_ok(same(id, examples[i].id), "stack %zu is %s and nothing else (%s)", i,
			examples[i].id ? examples[i].id : "no pattern", id ? id : "none");
		if (made.m)
			tap_ok(!strpbrk(made.m->explanation, "{}") && !strpbrk(made.m->fix, "{}") &&
					made.m->nr_evidence >= 2,
				"... with every name filled in");
		made_done(&made);
		if (!examples[i].id)
			continue;
		made = judge_stack(p, examples[i].stack, 9950);
		tap_ok(!made.m, "... but not where nearly all blocks are freed (%s)",
			made.m ? made.m->id : "none");
		made_done(&made);
	}
}

static void test_complete(const struct lk_patterns *p)
{
	tap_ok(lk_patterns_count(p) > 60, "the catalogue has %zu patterns", lk_patterns_count(p));
	for (size_t i = 0; i < lk_patterns_count(p); i++) {
		bool found = !strcmp(lk_patterns_id(p, i), "N14-object"); /* test_object */

		for (size_t k = 0; k < LK_ARRAY_SIZE(examples); k++)
			found |= same(examples[k].id, lk_patterns_id(p, i));
		tap_ok(found, "pattern %s has a stack in this test", lk_patterns_id(p, i));
	}
}

/* ---- conditions, on patterns of the test's own */

#define HEAD "leakline-patterns 1\n"
#define TAIL "title t\nexplain e\nfix f\n"

static struct lk_patterns *patterns_of(const char *text)
{
	struct lk_patterns *p = lk_patterns_new();
	struct lk_err err = {0};

	if (lk_patterns_add(p, text, strlen(text), "test", &err))
		printf("# %s\n", err.what);
	return p;
}

static const char *id_of(const char *lines, const char *stack)
{
	static char id[32];
	char text[2000];
	struct lk_patterns *p;
	struct made made;

	snprintf(text, sizeof(text), HEAD "pattern X\n%s\n" TAIL "end\n", lines);
	p = patterns_of(text);
	made = judge_stack(p, stack, 0);
	snprintf(id, sizeof(id), "%s", made.m ? made.m->id : "none");
	made_done(&made);
	lk_patterns_free(p);
	return id;
}

static bool fits(const char *lines, const char *stack)
{
	return !strcmp(id_of(lines, stack), "X");
}

static void test_elements(void)
{
	tap_ok(fits("stack\nframe malloc\nframe b", "malloc <- b@/a/x <- c@/a/x") &&
			!fits("stack\nframe b", "malloc <- b@/a/x"),
		"a signature begins at the allocation");
	tap_ok(fits("stack\nframe malloc\nmaybe b\nframe c", "malloc <- b@/a/x <- c@/a/x") &&
			fits("stack\nframe malloc\nmaybe b\nframe c", "malloc <- c@/a/x") &&
			!fits("stack\nframe malloc\nmaybe b\nframe c",
				"malloc <- d@/a/x <- c@/a/x"),
		"an optional frame may be missing, but nothing may stand for it");
	tap_ok(fits("stack\nframe malloc\ngap beyond 2\nframe d", "malloc <- b <- c <- d@/a/x") &&
			fits("stack\nframe malloc\ngap beyond 2\nframe d", "malloc <- d@/a/x") &&
			!fits("stack\nframe malloc\ngap beyond 1\nframe d",
				"malloc <- b <- c <- d@/a/x"),
		"a gap is as long as it says, or shorter");
	tap_ok(!fits("stack\ngap\nframe main", "malloc <- f@/a/x <- main@/a/x") &&
			fits("stack\ngap\nframe f", "malloc <- f@/a/x <- main@/a/x") &&
			fits("stack\ngap beyond\nframe main", "malloc <- f@/a/x <- main@/a/x"),
		"a gap ends at the responsible frame unless it may go beyond");
	tap_ok(fits("stack\ngap beyond\nframe b\ngap beyond\nframe b\nframe c",
		       "malloc <- b@/a/x <- b@/a/x <- d@/a/x <- b@/a/x <- c@/a/x"),
		"what fits too early is tried again further out");
	tap_ok(fits("stack\nframe malloc\nframe b* | !bad*", "malloc <- b2@/a/x") &&
			!fits("stack\nframe malloc\nframe b* | !bad*", "malloc <- bad2@/a/x"),
		"a name with ! is excluded");
	tap_ok(fits("stack\nframe x\nstack\nframe malloc\nframe b", "malloc <- b@/a/x"),
		"one of several signatures suffices");
	tap_ok(fits("stack\nframe malloc\nframe A.B.c", "malloc <- A::B::c(int)@/a/x") &&
			fits("stack\nframe malloc\nframe A::B:c",
				"malloc <- %A/B.c (int)@/a/x.dll"),
		"names are the same however their parts are joined");
	tap_ok(!fits("stack\nframe malloc\nframe [library] *\nframe d", "malloc <- b <- d@/a/x"),
		"code without a module is no library's");
}

static void test_conditions(void)
{
	tap_ok(fits("stack\nframe malloc\nframe [managed] b", "malloc <- %b@/a/x") &&
			!fits("stack\nframe malloc\nframe [managed] b", "malloc <- b@/a/x") &&
			fits("stack\nframe malloc\nframe [managed native] b", "malloc <- b@/a/x"),
		"origins are conditions; of several one suffices");
	tap_ok(fits("stack\nframe malloc\nframe [library] *\nframe main",
		       "malloc <- b@/a/libb.so <- main@/a/x") &&
			!fits("stack\nframe malloc\nframe [library] *\nframe main",
				"malloc <- b@/lib/x86_64-linux-gnu/libc.so.6 <- main@/a/x"),
		"the C library is no library in this sense");
	tap_ok(fits("stack\nframe malloc\nframe [module=lib?.so] *", "malloc <- b@/a/libb.so") &&
			!fits("stack\nframe malloc\nframe [module=lib?.so] *", "malloc <- b@/a/x"),
		"a module is a condition");
	tap_ok(fits("stack\nframe malloc\nframe [file=*.g.cs] *",
		       "malloc <- %b@/a/x!/o/x.g.cs:3") &&
			!fits("stack\nframe malloc\nframe [file=*.g.cs] *",
				"malloc <- %b@/a/x!/o/x.cs:3"),
		"a source file is a condition");
	tap_ok(!fits("stack\nframe malloc\nframe [responsible] *b*\nwithout c",
		       "malloc <- b@/a/x <- c") &&
			fits("stack\nframe malloc\nframe [responsible] *b*",
				"malloc <- b@/a/x <- c"),
		"a name may be forbidden anywhere on the stack");
	tap_ok(fits("stack\nframe malloc\nframe b\nmanager C heap | x", "malloc <- b@/a/x") &&
			!fits("stack\nframe malloc\nframe b\nmanager BSTR", "malloc <- b@/a/x"),
		"the manager is a condition");
	tap_ok(fits("stack\nframe malloc\nframe b\nsize 64", "malloc <- b@/a/x") &&
			fits("stack\nframe malloc\nframe b\nsize 16..", "malloc <- b@/a/x") &&
			!fits("stack\nframe malloc\nframe b\nsize 1..63", "malloc <- b@/a/x"),
		"the size is a condition");
}

static void test_churn(void)
{
	struct lk_patterns *p = patterns_of(
		HEAD "pattern X\nstack\nframe malloc\nframe b\nchurn 100\n" TAIL "end\n");
	struct made made = judge_stack(p, "malloc <- b@/a/x", 100000);

	tap_ok(made.m != NULL, "churn 100 takes also what is nearly all freed");
	made_done(&made);
	made = judge_stack(p, "malloc <- b@/a/x", 0);
	tap_ok(made.m && strstr(made.m->evidence[1], "0 of 50 blocks"), "the counts are evidence");
	made_done(&made);
	lk_patterns_free(p);
}

static void test_content(const struct lk_patterns *p)
{
	static const char bstr[] = "\x16\0\0\0H\0e\0l\0l\0o\0 \0W\0o\0r\0l\0d\0\0\0";
	static const char other[64] = "\xff\xfe\x01\x02";
	struct made made = judge_stack(p, MADE_REFERENCE, 0);
	uint32_t unread = made.m ? made.m->confidence : 0;

	tap_ok(made.m && strstr(made.m->evidence[1], "not checked"),
		"contents that were not read are told");
	made_done(&made);
	for (int k = 0; k < 2; k++) {
		struct lk_snapshot *s = lk_snapshot_new();
		uint32_t stack = made_stack(s, MADE_REFERENCE);

		made_blocks(s, stack, 28, 10, 0, 60000);
		for (size_t i = 0; i < 10; i++)
			made_content(s, s->blocks[i].address, k ? other : bstr, 28);
		made = judge(p, s);
		if (k)
			tap_ok(!made.m || strcmp(made.m->id, "M1"),
				"contents that are no BSTR speak against the pattern");
		else
			tap_ok(made.m && made.m->confidence > unread &&
					strstr(made.m->evidence[1], "10 of 10 blocks"),
				"contents that are BSTRs speak for it");
		made_done(&made);
	}
}

static void test_object(const struct lk_patterns *p)
{
	static const char stack[] = "malloc <- server_new" FOO STUB;
	struct made made = judge_object(p, stack, 0x10800);

	tap_ok(made.m && !strcmp(made.m->id, "N14-object") &&
			strstr(made.m->evidence[1], "begin with an address in a module"),
		"a block that begins with a table of functions is an object");
	made_done(&made);
	made = judge_object(p, stack, 0x20000);
	tap_ok(made.m && !strcmp(made.m->id, "N9"), "one that does not is not");
	made_done(&made);
	made = judge_stack(p, stack, 0);
	tap_ok(made.m && !strcmp(made.m->id, "N9"), "nor is one that was not read");
	made_done(&made);
}

static void test_texts(const struct lk_patterns *p)
{
	struct made made = judge_stack(p, MADE_REFERENCE, 0);

	tap_ok(made.m && strstr(made.m->fix, "Imyclass:SayHello") &&
			strstr(made.m->explanation, "Program.cs:22 in Program:Main"),
		"the texts name the call and the line");
	tap_ok(made.m && strstr(made.m->evidence[0], "mono_ptr_to_bstr (2), called by"),
		"the frames are evidence, with their numbers");
	made_done(&made);
}

/* ---- the text itself */

static void test_users_file(void)
{
	struct lk_patterns *p = patterns_of(HEAD
		"pattern M1\nstack\ngap\nframe mono_ptr_to_bstr\ntitle mine\nexplain e\nfix f\n"
		"pattern Z-9\nstack\nframe malloc\nframe zzz\n" TAIL "end\r\n");
	size_t nr = lk_patterns_count(p);
	struct made made;

	lk_patterns_add(p, (const char *)lk_catalogue_text, lk_catalogue_size, "own", NULL);
	made = judge_stack(p, MADE_REFERENCE, 0);
	tap_ok(nr == 2 && made.m && !strcmp(made.m->title, "mine"),
		"a pattern of the user's stands before leakline's own of the same id");
	made_done(&made);
	made = judge_stack(p, "malloc <- zzz@/a/x", 0);
	tap_ok(made.m && !strcmp(made.m->id, "Z-9"), "and may be new");
	made_done(&made);
	lk_patterns_free(p);
}

static void test_wrong(const char *text, const char *where, const char *what)
{
	struct lk_patterns *p = lk_patterns_new();
	struct lk_err err = {0};
	int r = lk_patterns_add(p, text, strlen(text), "my.patterns", &err);
	char place[64];

	snprintf(place, sizeof(place), "my.patterns, %s: ", where);
	tap_ok(r == -EBADMSG && !strncmp(err.what, place, strlen(place)) &&
			strstr(err.what, what) && strstr(err.remedy, "docs/PATTERNS.md") &&
			!lk_patterns_count(p),
		"%s: %s", where, what);
	if (!strstr(err.what, what) || strncmp(err.what, place, strlen(place)))
		printf("# %s\n", err.what);
	lk_patterns_free(p);
}

static void test_errors(void)
{
	test_wrong("", "line 1, column 1", "cut off");
	test_wrong("hello\n", "line 1, column 1", "no text of patterns");
	test_wrong(HEAD "title x\n", "line 2, column 1", "belongs to no pattern: \"title\"");
	test_wrong(HEAD "pattern 1\n", "line 2, column 9", "no id of a pattern: \"1\"");
	test_wrong(HEAD "pattern A b\n", "line 2, column 11", "nothing more belongs");
	test_wrong(HEAD "pattern A\n  frme x\n", "line 3, column 3", "no such keyword: \"frme\"");
	test_wrong(HEAD "pattern A\nframe x\n", "line 3, column 7", "no signature");
	test_wrong(HEAD "pattern A\nstack\nframe [nativ] x\n", "line 4, column 8",
		"no such condition: \"nativ\"");
	test_wrong(HEAD "pattern A\nstack\nframe [native x\n", "line 4, column 7", "not closed");
	test_wrong(
		HEAD "pattern A\nstack\nframe a | | b\n", "line 4, column 11", "a name is missing");
	test_wrong(
		HEAD "pattern A\nstack\nframe [as=a1] b\n", "line 4, column 12", "small letters");
	test_wrong(HEAD "pattern A\nstack\nmaybe [as=a] b\n", "line 4, column 13", "bears no name");
	test_wrong(HEAD "pattern A\nstack\ngap 999\n", "line 4, column 5", "too large");
	test_wrong(HEAD "pattern A\nsize x\n", "line 3, column 6", "a number is missing");
	test_wrong(HEAD "pattern A\nsize 9..3\n", "line 3, column 10", "below the smallest");
	test_wrong(HEAD "pattern A\ncontent rot13\n", "line 3, column 9",
		"no such content: \"rot13\"");
	test_wrong(HEAD "pattern A\nchurn 101\n", "line 3, column 7", "too large");
	test_wrong(HEAD "pattern A\ntitle\n", "line 3, column 6", "a text is missing");
	test_wrong(HEAD "pattern A\ntitle a\033b\n", "line 3, column 8", "no text");
	test_wrong(HEAD "pattern A\nwithout !x\n", "line 3, column 11", "says nothing");
	test_wrong(HEAD "pattern A\nend\n", "line 2, column 1", "lacks a title");
	test_wrong(HEAD "pattern A\nstack\nframe *\n" TAIL "end\n", "line 2, column 1",
		"names no frame");
	test_wrong(HEAD "pattern A\nstack\nframe a\ngap\n" TAIL "end\n", "line 2, column 1",
		"ends in a gap");
	test_wrong(HEAD "pattern A\nstack\nframe a\ntitle {b}\nexplain e\nfix f\nend\n",
		"line 2, column 1", "{NAME}");
	test_wrong(
		HEAD "pattern A\nstack\nframe a\n" TAIL "pattern A\n", "line 8, column 9", "taken");
	test_wrong(HEAD "pattern A\nstack\nframe a\n" TAIL "end\nx\n", "line 9, column 1",
		"after the line");
}

static void test_truncations(void)
{
	struct lk_patterns *p = lk_patterns_new();
	size_t good = 0, step = 1;

	/* Every one of the last 4,000 bytes and a tenth of the others; each in a block of its size.
	 */
	for (size_t size = 0; size < lk_catalogue_size - 1; size += step) {
		char *cut = lk_xmalloc(size);
		struct lk_err err = {0};

		memcpy(cut, lk_catalogue_text, size);
		good += lk_patterns_add(p, cut, size, "cut", &err) == 0 || !err.what[0];
		free(cut);
		step = size + 4000 < lk_catalogue_size ? 13 : 1;
	}
	tap_ok(!good && !lk_patterns_count(p), "a text that is cut off anywhere is refused");
	lk_patterns_free(p);
}

static void test_corruption(void)
{
	struct lk_snapshot *s = lk_snapshot_new();
	unsigned seed = 12345;
	size_t taken = 0;
	struct lk_analysis *a;

	for (size_t i = 0; i < LK_ARRAY_SIZE(examples); i++)
		made_blocks(s, made_stack(s, examples[i].stack), 64, 5, 0, 60000);
	for (int round = 0; round < 400; round++) {
		struct lk_patterns *p = lk_patterns_new();
		char *text = lk_xmalloc(lk_catalogue_size);

		memcpy(text, lk_catalogue_text, lk_catalogue_size);
		for (int k = 0; k < 1 + round % 7; k++) {
			seed = seed * 1103515245 + 12345;
			text[(seed >> 8) % lk_catalogue_size] =
				"x*|![]{ }\n=.\0\377"[(seed >> 3) % 15];
		}
		if (!lk_patterns_add(p, text, lk_catalogue_size, "corrupt", NULL)) {
			taken++;
			a = lk_analyse(s);
			lk_catalogue_judge(p, s, a, 0);
			lk_analysis_free(a);
		}
		free(text);
		lk_patterns_free(p);
	}
	tap_ok(taken > 0 && taken < 400,
		"corrupted texts are refused or used (%zu of 400), never a crash", taken);
	lk_snapshot_free(s);
}

/* A recording from somebody else: stacks that point nowhere, and deep ones. */
static void test_hostile(const struct lk_patterns *p)
{
	struct lk_snapshot *s = lk_snapshot_new();
	char *deep = lk_xcalloc(1, 400000);
	char *at = stpcpy(deep, "malloc");
	struct made made;

	for (int i = 0; i < 20000; i++)
		at = stpcpy(at, i % 2 ? " <- *@/a/x" : " <- (wrapper @/a/x");
	made_block(s, made_stack(s, deep), 8, 1);
	made_block(s, made_stack(s, "malloc <- f@/a/x"), 8, 1);
	s->stacks[1].count = 5000000;
	made = judge(p, s);
	tap_ok(made.a->nr_sites >= 1,
		"a stack that points nowhere and one of 20,000 frames are judged");
	made_done(&made);
	free(deep);
}

int main(void)
{
	struct lk_patterns *p = own();

	test_examples(p);
	test_complete(p);
	test_elements();
	test_conditions();
	test_churn();
	test_content(p);
	test_object(p);
	test_texts(p);
	test_users_file();
	test_errors();
	test_truncations();
	test_corruption();
	test_hostile(p);
	lk_patterns_free(p);
	return tap_done();
}
