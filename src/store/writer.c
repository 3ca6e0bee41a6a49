#include "store/writer.h"

#include "base/syscall.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

struct lk_writer *lk_writer;
uint8_t *lk_shadow_base;

/* Private memory comes in chunks of this size; larger wishes get one of their own. */
#define CHUNK (1u << 20)
static uint8_t *chunk_at, *chunk_end; /* not wiped: what a child inherits is simply left */

static const struct {
	uint32_t record_size;
	uint64_t reserved; /* bytes where address space is plenty */
	uint64_t step;	   /* bytes populated at a time */
} layout[LK_NR_REGIONS] = {
	[LK_REGION_SHADOW_KEYS] = {8, 128ull << 20, 16 << 10},
	[LK_REGION_SHADOW] = {LK_SHADOW_PAGE, 64ull << 30, 256 << 10},
	[LK_REGION_NODES] = {sizeof(struct lk_node), 8ull << 30, 64 << 10},
	[LK_REGION_THREADS] = {sizeof(struct lk_thread_info), 64ull << 20, 4 << 10},
	[LK_REGION_TALLIES] = {sizeof(struct lk_tally), 4ull << 30, 32 << 10},
	[LK_REGION_MODULES] = {sizeof(struct lk_module_info), 16ull << 20, 8 << 10},
	[LK_REGION_CODES] = {sizeof(struct lk_code_info), 256ull << 20, 16 << 10},
	[LK_REGION_BYTES] = {1, 4ull << 30, 16 << 10},
	[LK_REGION_MAPS] = {sizeof(struct lk_map_info), 4ull << 20, 8 << 10},
	[LK_REGION_IMAGES] = {sizeof(struct lk_image_info), 16ull << 20, 4 << 10},
};

static void *map_private(size_t size)
{
	long at = lk_syscall6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (lk_syscall_failed(at))
		return NULL;
	lk_syscall3(SYS_madvise, at, size, MADV_WIPEONFORK);
	lk_syscall3(SYS_madvise, at, size, MADV_DONTDUMP);
	return (void *)at;
}

void *lk_private_alloc(size_t size)
{
	uint8_t *at;

	size = lk_align_up(size, 64);
	if (size > CHUNK / 4)
		return map_private(lk_align_up(size, 4096));
	if ((size_t)(chunk_end - chunk_at) < size) {
		at = map_private(CHUNK);
		if (!at)
			return NULL;
		chunk_at = at;
		chunk_end = at + CHUNK;
	}
	at = chunk_at;
	chunk_at += size;
	return at;
}

int lk_writer_reserve(void)
{
	if (!lk_writer)
		lk_writer = map_private(lk_align_up(sizeof(*lk_writer), 4096));
	return lk_writer ? 0 : -12 /* ENOMEM */;
}

void lk_store_lock(void)
{
	uint64_t me;

	__asm__("mov %%fs:0, %0" : "=r"(me)); /* tells threads apart without a system call */
	for (;;) {
		uint64_t holder = 0;

		if (__atomic_compare_exchange_n(&lk_writer->lock, &holder, me, false,
			    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
		if (holder == me)
			return; /* left by a longjmp out of a signal handler */
		lk_syscall0(SYS_sched_yield);
	}
}

void lk_store_unlock(void)
{
	lk_store_rel(&lk_writer->lock, 0);
}

/* Backs [from, to) of the mapping with pages of the file, or says -errno: never a SIGBUS. */
static long populate(uint64_t from, uint64_t to)
{
	uint8_t *at = (uint8_t *)lk_writer->header + from;
	long ret = lk_syscall3(SYS_madvise, at, to - from, MADV_POPULATE_WRITE);
	long fd;

	if (ret != -22 /* EINVAL: kernel before 5.14 */)
		return ret;
	fd = lk_syscall4(SYS_openat, AT_FDCWD, lk_writer->path, O_RDWR | O_CLOEXEC, 0);
	if (lk_syscall_failed(fd))
		return fd;
	ret = lk_syscall4(SYS_fallocate, fd, 0, from, to - from);
	lk_syscall1(SYS_close, fd);
	return ret;
}

uint64_t lk_region_alloc(enum lk_region_id id, uint64_t count)
{
	struct lk_writer *w = lk_writer;
	struct lk_region *r = &w->header->regions[id];
	uint64_t first = r->used;
	uint64_t end = (first + count) * r->record_size;

	if (end <= w->populated[id])
		return first;
	if (end > r->reserved || lk_load(&w->header->tick_ms) < w->full_until_ms)
		return UINT64_MAX;
	end = lk_align_up(end, layout[id].step);
	if (end > r->reserved)
		end = r->reserved;
	if (lk_syscall_failed(populate(r->offset + w->populated[id], r->offset + end))) {
		/* Full for now; asking again on every event would cost more than it gives. */
		w->full_until_ms = lk_load(&w->header->tick_ms) + 100;
		return UINT64_MAX;
	}
	w->populated[id] = end;
	return first;
}

void lk_region_publish(enum lk_region_id id, uint64_t first, uint64_t count)
{
	lk_store_rel(&lk_writer->header->regions[id].used, first + count);
}

uint64_t lk_bytes_add(const void *bytes, size_t size)
{
	uint64_t at;

	if (!size)
		return 0;
	at = lk_region_alloc(LK_REGION_BYTES, size);
	if (at == UINT64_MAX)
		return 0;
	__builtin_memcpy(lk_region_at(LK_REGION_BYTES, at), bytes, size);
	lk_region_publish(LK_REGION_BYTES, at, size);
	return at;
}

uint64_t lk_string_add(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n ? lk_bytes_add(text, n + 1) : 0;
}

/* --- making the file ------------------------------------------------------- */

static char *put_text(char *at, char *end, const char *text)
{
	while (*text && at < end - 1)
		*at++ = *text++;
	*at = 0;
	return at;
}

static char *put_number(char *at, char *end, uint64_t n)
{
	char digits[21];
	int i = sizeof(digits) - 1;

	digits[i] = 0;
	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return put_text(at, end, digits + i);
}

static uint64_t clock_ns(int clock)
{
	struct timespec ts = {0};

	lk_syscall2(SYS_clock_gettime, clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static long read_file(const char *path, char *buf, size_t size)
{
	long fd = lk_syscall4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	long n;

	if (lk_syscall_failed(fd))
		return fd;
	n = lk_syscall3(SYS_read, fd, buf, size);
	lk_syscall1(SYS_close, fd);
	return n;
}

/* Field 22 of /proc/self/stat: when the process started, in clock ticks since boot. */
static uint64_t start_ticks(void)
{
	char buf[1024], *p, *end;
	long n = read_file("/proc/self/stat", buf, sizeof(buf) - 1);
	uint64_t v = 0;
	int field = 2;

	if (n <= 0)
		return 0;
	end = buf + n;
	for (p = end; p > buf && p[-1] != ')'; p--) /* the name may hold spaces */
		;
	for (; p < end && field < 22; p++)
		if (*p == ' ')
			field++;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	return v;
}

static uint64_t soft_limit(int which)
{
	struct {
		uint64_t soft, hard;
	} limit = {.soft = ~0ull};

	lk_syscall4(SYS_prlimit64, 0, which, 0, &limit);
	return limit.soft;
}

/*
 * Address space is taken generously where it is free; under RLIMIT_AS, which
 * counts it, at most an eighth of the limit, and never more than RLIMIT_FSIZE,
 * beyond which ftruncate would send the program a signal.
 */
static unsigned reserve_shift(void)
{
	uint64_t room = soft_limit(9 /* RLIMIT_AS */), file = soft_limit(1 /* RLIMIT_FSIZE */);
	uint64_t sum = 0;
	unsigned shift = 0;

	for (unsigned i = 0; i < LK_NR_REGIONS; i++)
		sum += layout[i].reserved;
	room = room == ~0ull ? room : room / 8;
	while (shift < 14 && (sum >> shift > room || sum >> shift > file / 2))
		shift++;
	return shift;
}

static uint64_t lay_out(struct lk_region *regions, unsigned shift)
{
	uint64_t at = 4096;

	for (unsigned i = 0; i < LK_NR_REGIONS; i++) {
		uint64_t size = layout[i].reserved >> shift;

		if (size < layout[i].step * 4)
			size = layout[i].step * 4;
		size = lk_align_up(size, 4096);
		regions[i] = (struct lk_region){
			.offset = at, .reserved = size, .record_size = layout[i].record_size};
		at += size;
	}
	return at;
}

static void make_path(const char *dir, uint64_t pid, uint64_t now)
{
	char *at = lk_writer->path, *end = at + LK_PATH_MAX;

	at = put_text(at, end, dir);
	at = put_text(at, end, "/");
	at = put_number(at, end, pid);
	at = put_text(at, end, "-");
	at = put_number(at, end, now / 1000);
	put_text(at, end, LK_STORE_SUFFIX);
}

static long open_and_map(uint64_t size)
{
	long fd = lk_syscall4(
		SYS_openat, AT_FDCWD, lk_writer->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	long at;

	if (lk_syscall_failed(fd))
		return fd;
	at = lk_syscall2(SYS_ftruncate, fd, size);
	if (!at)
		at = lk_syscall6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (lk_syscall_failed(at))
		lk_syscall3(SYS_unlinkat, AT_FDCWD, lk_writer->path, 0);
	lk_syscall1(SYS_close, fd);
	return at;
}

static void describe_process(struct lk_store_header *h, bool forked)
{
	char buf[4096];
	long n;

	h->pid = (uint32_t)lk_syscall0(SYS_getpid);
	h->ppid = (uint32_t)lk_syscall0(SYS_getppid);
	h->pid_start_ticks = start_ticks();
	h->forked = forked;
	lk_bytes_add("", 1); /* offset 0 means "none" */
	n = lk_syscall4(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", buf, sizeof(buf) - 1);
	if (n > 0) {
		buf[n] = 0;
		h->exe_at = lk_string_add(buf);
	}
	n = read_file("/proc/self/cmdline", buf, sizeof(buf));
	if (n > 0) {
		h->command_at = lk_bytes_add(buf, (size_t)n);
		h->command_size = h->command_at ? (uint32_t)n : 0;
	}
}

int lk_store_create(const char *dir, bool forked)
{
	struct lk_writer *w = lk_writer;
	struct lk_region regions[LK_NR_REGIONS];
	uint64_t now = clock_ns(CLOCK_REALTIME);
	uint64_t size = lay_out(regions, reserve_shift());
	long at;

	if (size > soft_limit(1))
		return -27 /* EFBIG */;
	make_path(dir, (uint64_t)lk_syscall0(SYS_getpid), now);
	at = open_and_map(size);
	if (lk_syscall_failed(at))
		return (int)at;
	w->header = (struct lk_store_header *)at;
	w->mapped_size = size;
	lk_syscall3(SYS_madvise, at, size, MADV_DONTFORK);
	/* On a disk each populated page would read, that is zero, megabytes of hole ahead. */
	lk_syscall3(SYS_madvise, at, size, MADV_RANDOM);
	lk_syscall3(SYS_madvise, at, size, MADV_DONTDUMP);
	if (lk_syscall_failed(populate(0, 4096))) {
		lk_syscall3(SYS_unlinkat, AT_FDCWD, w->path, 0);
		lk_syscall2(SYS_munmap, at, size);
		w->header = NULL;
		return -28 /* ENOSPC */;
	}
	w->header->version = LK_STORE_VERSION;
	w->header->header_size = 4096;
	w->header->started_real_ns = now;
	w->header->started_mono_ns = clock_ns(CLOCK_MONOTONIC);
	__builtin_memcpy(w->header->regions, regions, sizeof(regions));
	lk_shadow_base = (uint8_t *)at + regions[LK_REGION_SHADOW].offset;
	lk_store_lock();
	describe_process(w->header, forked);
	/* Node 0 is the root; module 0 is a real module: codes start at 0 as well. */
	if (lk_region_alloc(LK_REGION_NODES, 1) == 0)
		lk_region_publish(LK_REGION_NODES, 0, 1);
	lk_store_unlock();
	/* Whoever sees the magic sees a header that is whole. */
	lk_store_rel(&w->header->magic, LK_STORE_MAGIC);
	lk_store_rel(&w->ready, 1);
	return 0;
}
