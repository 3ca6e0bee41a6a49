#include "process/procfs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define GONE 0x7ffffffeu

static void parses(void)
{
	static const char rollup[] = "55d-7ff ---p 00000000 00:00 0    [rollup]\nRss:  50 kB\n"
				     "Private_Clean: 5 kB\nPrivate_Dirty:     30 kB\n"
				     "Anonymous:         20 kB\nSwap:              4 kB\n"
				     "SwapPss: 1 kB\n";
	struct lk_proc_memory m;
	uint64_t bytes = 0;

	tap_ok(!lk_procfs_parse_rollup(rollup, &bytes) && bytes == 24 * 1024,
		"written pages of shared files are not private");
	tap_ok(lk_procfs_parse_rollup("Anonymous: 1 kB\nSwap: 1 kB\n", &bytes) == -EBADMSG &&
			lk_procfs_parse_rollup("Private_Dirty: x\n", &bytes) == -EBADMSG &&
			lk_procfs_parse_rollup("", &bytes) == -EBADMSG,
		"a figure that is missing is told");
	tap_ok(!lk_procfs_parse_statm("100 7 3 1 0 9 0\n", 4096, &m) && m.virtual_bytes == 409600 &&
			m.resident == 28672,
		"sizes are pages");
	tap_ok(lk_procfs_parse_statm("100", 4096, &m) == -EBADMSG, "half a line is not enough");
}

static void measures(void)
{
	struct lk_proc_memory before = {0}, after = {0}, shared = {0};
	uint32_t pid = (uint32_t)getpid();
	size_t size = 32 << 20;
	char *p;
	int fd;

	tap_ok(!lk_procfs_memory(pid, &before) && before.private_bytes &&
			before.private_bytes <= before.resident &&
			before.resident < before.virtual_bytes,
		"this process has its sizes");
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(p, 1, size);
	lk_procfs_memory(pid, &after);
	tap_ok(after.private_bytes - before.private_bytes >= size &&
			after.private_bytes - before.private_bytes < size + (4 << 20),
		"32 MB that are written to are 32 MB more private bytes");
	munmap(p, size);
	lk_procfs_memory(pid, &before);
	fd = memfd_create("shared", MFD_CLOEXEC);
	if (ftruncate(fd, (off_t)size))
		return;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(p, 1, size);
	lk_procfs_memory(pid, &shared);
	tap_ok(shared.private_bytes < before.private_bytes + (4 << 20) &&
			shared.resident > before.resident + (28 << 20),
		"a shared file, as our store is, is resident but not private");
	munmap(p, size);
	close(fd);
}

static void tells(void)
{
	uint32_t pid = (uint32_t)getpid();
	struct lk_proc_memory m;
	char value[16];
	pid_t child;

	tap_ok(lk_procfs_inner_pid(pid) == pid && lk_procfs_inner_pid(GONE) == GONE,
		"the pid in its own namespace");
	tap_ok(!lk_procfs_env(pid, "LK_TEST_VARIABLE", value, sizeof(value)) &&
			!strcmp(value, "=a b"),
		"a variable of the environment");
	tap_ok(lk_procfs_env(pid, "LK_TEST", value, sizeof(value)) == -ENODATA &&
			lk_procfs_env(pid, "LK_TEST_VARIABLE", value, 4) == -E2BIG,
		"one that is not there, or too long");
	tap_ok(lk_procfs_env(GONE, "X", value, sizeof(value)) == -ESRCH &&
			lk_procfs_memory(GONE, &m) == -ESRCH && !lk_procfs_state(GONE),
		"a process that is gone");
	tap_ok(lk_procfs_maps_file(pid, "test_procfs") && !lk_procfs_maps_file(pid, "est_procfs") &&
			!lk_procfs_maps_file(GONE, "test_procfs"),
		"a file that is mapped");
	child = fork();
	if (!child) {
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(child, NULL, WUNTRACED);
	tap_ok(lk_procfs_state((uint32_t)child) == 'T', "a process that is stopped");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	/* /proc shows the environment that a process was started with. */
	if (!getenv("LK_TEST_VARIABLE")) {
		setenv("LK_TEST_VARIABLE", "=a b", 1);
		execv("/proc/self/exe", argv);
	}
	parses();
	measures();
	tells();
	return tap_done();
}
