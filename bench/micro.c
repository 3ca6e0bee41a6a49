/*
 * What one malloc/free pair costs at a known call depth, and what a live block
 * costs in memory.  bench/run --micro runs it untracked and tracked; the difference
 * is the price of tracking.
 *
 *   micro pairs DEPTH VARY THREADS   ns per pair
 *   micro live COUNT SIZE            bytes per live block
 *   micro calls COUNT COMMON VARY..  the shape of a call that leaks, for bench/run --managed
 *
 * Built with -O2 -fomit-frame-pointer.  DEPTH is the number of frames on the stack
 * when malloc is called, out to the thread's first:
 *
 *   malloc < VARY functions of one of 4 call paths < loop < outer functions .. <
 *   work < start_thread < clone3
 *
 * Between two pairs the loop goes back VARY frames and comes in on the next path, so
 * VARY frames of each stack are new and DEPTH - VARY stay.  Each function of a path is
 * one of its own, so that every return address is.
 *
 * A call of `calls` allocates once on each path, VARY functions inside COMMON frames
 * that stay; the first path's block is lost, the others are freed when all are there.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE   __attribute__((noinline, noclone))
#define NR_PATHS   4
#define NR_STEPS   50
#define OWN_FRAMES 4 /* loop, work, start_thread, clone3 */
#define NR_REPEATS 5
#define REPEAT_NS  100000000ull
#define NR_THREADS 64

struct run {
	unsigned outer; /* outer functions still to enter */
	unsigned vary;
	uint64_t nr_pairs;
	uint64_t ns;		       /* CPU time of the thread */
	void (*loop)(struct run *run); /* the innermost of the frames that stay */
	unsigned nr_varies;	       /* of calls: its paths, and the frames of each */
	unsigned varies[NR_PATHS];
};

typedef void step_fn(unsigned left);
typedef void outer_fn(struct run *run, unsigned left);

static step_fn *const *const paths[NR_PATHS];
static outer_fn *const outers[NR_STEPS];

/* Keeps the compiler from turning the call before it into a jump. */
#define AFTER_CALL() __asm__ volatile("" ::: "memory")

static bool keep;  /* set before threads start */
static void *kept; /* by the last step; one thread where keep is set */

static inline __attribute__((always_inline)) void pair(void)
{
	void *p = malloc(40);

	__asm__ volatile("" : "+r"(p)::"memory");
	if (keep)
		kept = p;
	else
		free(p);
	AFTER_CALL();
}

#define STEP(path, n)                                                                              \
	static NOINLINE void step_##path##_##n(unsigned left)                                      \
	{                                                                                          \
		if (!left)                                                                         \
			pair();                                                                    \
		else                                                                               \
			paths[path][left - 1](left - 1);                                           \
		__asm__ volatile("# " #path " " #n ::: "memory");                                  \
	}
#define OUTER(path, n)                                                                             \
	static NOINLINE void outer_##n(struct run *run, unsigned left)                             \
	{                                                                                          \
		if (!left)                                                                         \
			run->loop(run);                                                            \
		else                                                                               \
			outers[left - 1](run, left - 1);                                           \
		__asm__ volatile("# " #n ::: "memory");                                            \
	}
#define NAME_STEP(path, n)  step_##path##_##n,
#define NAME_OUTER(path, n) outer_##n,

#define TEN(m, path, t)                                                                            \
	m(path, t##0) m(path, t##1) m(path, t##2) m(path, t##3) m(path, t##4) m(path, t##5)        \
		m(path, t##6) m(path, t##7) m(path, t##8) m(path, t##9)
#define FIFTY(m, path)                                                                             \
	TEN(m, path, 1) TEN(m, path, 2) TEN(m, path, 3) TEN(m, path, 4) TEN(m, path, 5)

FIFTY(STEP, 0)
FIFTY(STEP, 1)
FIFTY(STEP, 2)
FIFTY(STEP, 3)

static step_fn *const path_0[NR_STEPS] = {FIFTY(NAME_STEP, 0)};
static step_fn *const path_1[NR_STEPS] = {FIFTY(NAME_STEP, 1)};
static step_fn *const path_2[NR_STEPS] = {FIFTY(NAME_STEP, 2)};
static step_fn *const path_3[NR_STEPS] = {FIFTY(NAME_STEP, 3)};
static step_fn *const *const paths[NR_PATHS] = {path_0, path_1, path_2, path_3};

static uint64_t thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static NOINLINE void loop_pairs(struct run *run)
{
	uint64_t start = thread_ns();

	for (uint64_t i = 0; i < run->nr_pairs; i++)
		paths[i % NR_PATHS][run->vary - 1](run->vary - 1);
	run->ns = thread_ns() - start;
}

static NOINLINE void loop_calls(struct run *run)
{
	void *made[NR_PATHS];

	for (uint64_t i = 0; i < run->nr_pairs; i++) {
		for (unsigned path = 0; path < run->nr_varies; path++) {
			unsigned left = run->varies[path] - 1;

			paths[path][left](left);
			made[path] = kept;
		}
		for (unsigned path = 1; path < run->nr_varies; path++)
			free(made[path]);
	}
}

FIFTY(OUTER, 0)
static outer_fn *const outers[NR_STEPS] = {FIFTY(NAME_OUTER, 0)};

static void *work(void *arg)
{
	struct run *run = arg;

	if (run->outer)
		outers[run->outer - 1](run, run->outer - 1);
	else
		run->loop(run);
	AFTER_CALL();
	return NULL;
}

/* The slowest thread's ns per pair. */
static double run_threads(unsigned depth, unsigned vary, unsigned nr_threads, uint64_t nr_pairs)
{
	struct run runs[NR_THREADS];
	pthread_t threads[NR_THREADS];
	uint64_t worst = 0;

	for (unsigned i = 0; i < nr_threads; i++) {
		runs[i] = (struct run){
			.outer = depth - vary - OWN_FRAMES,
			.vary = vary,
			.nr_pairs = nr_pairs,
			.loop = loop_pairs,
		};
		if (pthread_create(&threads[i], NULL, work, &runs[i])) {
			fputs("micro: cannot start a thread\n", stderr);
			exit(1);
		}
	}
	for (unsigned i = 0; i < nr_threads; i++) {
		pthread_join(threads[i], NULL);
		worst = runs[i].ns > worst ? runs[i].ns : worst;
	}
	return (double)worst / (double)nr_pairs;
}

/* Finds how many pairs take REPEAT_NS, then gives the best of some repeats. */
static int measure_pairs(unsigned depth, unsigned vary, unsigned nr_threads)
{
	uint64_t nr_pairs = 1000;
	double best, ns;

	while ((ns = run_threads(depth, vary, nr_threads, nr_pairs)) * (double)nr_pairs <
		(double)REPEAT_NS / 10)
		nr_pairs *= 4;
	nr_pairs = (uint64_t)((double)REPEAT_NS / ns);
	best = ns;
	for (int i = 0; i < NR_REPEATS; i++) {
		ns = run_threads(depth, vary, nr_threads, nr_pairs);
		best = ns < best ? ns : best;
	}
	printf("%.1f ns\n", best);
	return 0;
}

static uint64_t rss_bytes(void)
{
	unsigned long pages = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%lu %lu", &pages, &resident) != 2) {
		fputs("micro: cannot read /proc/self/statm\n", stderr);
		exit(1);
	}
	fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Disk or memory that the files behind our shared mappings take: the store, if any. */
static uint64_t shared_file_bytes(void)
{
	char line[4600], perms[8], path[4097], last[4097] = "";
	FILE *f = fopen("/proc/self/maps", "r");
	uint64_t bytes = 0;
	uint64_t start, end;
	struct stat st;

	while (f && fgets(line, sizeof(line), f)) {
		*path = 0;
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %4096[^\n]", &start, &end, perms, path) <
				4 ||
			perms[3] != 's' || !strcmp(path, last))
			continue;
		strcpy(last, path);
		snprintf(line, sizeof(line), "/proc/self/map_files/%lx-%lx", start, end);
		if (!stat(line, &st) || !stat(path, &st))
			bytes += (uint64_t)st.st_blocks * 512;
	}
	if (f)
		fclose(f);
	return bytes;
}

/* The blocks are chained through themselves, so that they are all that is allocated. */
static int measure_live(uint64_t count, size_t size)
{
	uint64_t rss = rss_bytes();
	uint64_t start = thread_ns();
	uint64_t ns;
	void **chain = NULL;

	for (uint64_t i = 0; i < count; i++) {
		void **block = malloc(size);

		if (!block) {
			fputs("micro: out of memory\n", stderr);
			return 1;
		}
		*block = chain;
		chain = block;
	}
	ns = thread_ns() - start;
	__asm__ volatile("" ::"r"(chain) : "memory");
	printf("%.1f bytes of RSS per block, %.1f bytes of shared files, %.1f ns per malloc\n",
		(double)(rss_bytes() - rss) / (double)count,
		(double)shared_file_bytes() / (double)count, (double)ns / (double)count);
	return 0;
}

/* Says nothing: what it costs is seen from outside. */
static int run_calls(uint64_t count, unsigned common, char **varies, unsigned nr_varies)
{
	struct run run = {
		.outer = common - OWN_FRAMES,
		.nr_pairs = count,
		.loop = loop_calls,
		.nr_varies = nr_varies,
	};
	pthread_t thread;

	if (common < OWN_FRAMES || run.outer > NR_STEPS) {
		fputs("micro: no such number of common frames\n", stderr);
		return 2;
	}
	for (unsigned i = 0; i < nr_varies; i++) {
		run.varies[i] = (unsigned)atoi(varies[i]);
		if (!run.varies[i] || run.varies[i] > NR_STEPS) {
			fputs("micro: no such number of frames that vary\n", stderr);
			return 2;
		}
	}
	keep = true;
	if (pthread_create(&thread, NULL, work, &run)) {
		fputs("micro: cannot start a thread\n", stderr);
		return 1;
	}
	pthread_join(thread, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "pairs")) {
		unsigned depth = (unsigned)atoi(argv[2]);
		unsigned vary = (unsigned)atoi(argv[3]);
		unsigned nr_threads = (unsigned)atoi(argv[4]);

		if (vary >= 1 && vary <= NR_STEPS && depth >= vary + OWN_FRAMES &&
			depth - vary - OWN_FRAMES <= NR_STEPS && nr_threads >= 1 &&
			nr_threads <= NR_THREADS)
			return measure_pairs(depth, vary, nr_threads);
	}
	if (argc == 4 && !strcmp(argv[1], "live") && strtoull(argv[3], NULL, 10) >= sizeof(void *))
		return measure_live(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	if (argc >= 5 && argc - 4 <= NR_PATHS && !strcmp(argv[1], "calls"))
		return run_calls(strtoull(argv[2], NULL, 10), (unsigned)atoi(argv[3]), argv + 4,
			(unsigned)argc - 4);
	fputs("usage: micro pairs DEPTH VARY THREADS | micro live COUNT SIZE |\n"
	      "       micro calls COUNT COMMON VARY...\n",
		stderr);
	return 2;
}
