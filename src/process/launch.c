#include "process/launch.h"

#include "base/cursor.h"
#include "util/mem.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRIPT_DEPTH 4

static int find_program(const char *program, char *ret_path, size_t size, struct lk_err *err)
{
	const char *path = getenv("PATH");
	int seen = ENOENT;

	if (strchr(program, '/')) {
		snprintf(ret_path, size, "%s", program);
		if (!access(ret_path, F_OK))
			return 0;
		return lk_fail_errno(err, "cannot run %s", program);
	}
	for (path = path ? path : "/bin:/usr/bin"; *path;) {
		size_t n = strcspn(path, ":");

		snprintf(ret_path, size, "%.*s/%s", n ? (int)n : 1, n ? path : ".", program);
		if (!access(ret_path, X_OK))
			return 0;
		if (errno == EACCES)
			seen = EACCES;
		path += n + (path[n] == ':');
	}
	errno = seen;
	lk_fail_errno(err, "cannot run %s", program);
	return lk_remedy(err, "give the program's path, or a name that is in PATH");
}

static int check_elf(
	const char *path, const uint8_t *bytes, size_t size, int fd, struct lk_err *err)
{
	Elf64_Ehdr eh;
	bool has_loader = false;

	if (size > EI_CLASS && bytes[EI_CLASS] != ELFCLASS64) {
		lk_fail(err, -EOPNOTSUPP, "%s is a 32-bit program", path);
		return lk_remedy(err, "leakline tracks 64-bit x86 programs only");
	}
	if (size < sizeof(eh))
		return lk_fail(err, -ENOEXEC, "%s is a damaged ELF file", path);
	memcpy(&eh, bytes, sizeof(eh));
	if (eh.e_machine != EM_X86_64)
		return lk_fail(err, -EOPNOTSUPP, "%s is for another processor than x86-64", path);
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr ph;

		if (pread(fd, &ph, sizeof(ph), (off_t)(eh.e_phoff + i * sizeof(ph))) != sizeof(ph))
			return lk_fail(err, -ENOEXEC, "%s is a damaged ELF file", path);
		has_loader |= ph.p_type == PT_INTERP;
	}
	if (has_loader)
		return 0;
	lk_fail(err, -EOPNOTSUPP, "%s is statically linked: no library can be loaded into it",
		path);
	return lk_remedy(err, "link it dynamically (without -static), at least for this run");
}

/* "#!/usr/bin/env python3": what runs is the interpreter, or what env finds. */
static int check_script(char *line, int depth, struct lk_err *err);

static int check_file(const char *path, int depth, struct lk_err *err)
{
	uint8_t bytes[512] = {0};
	struct stat st;
	ssize_t n;
	int fd, r;

	if (stat(path, &st))
		return lk_fail_errno(err, "cannot run %s", path);
	if (S_ISDIR(st.st_mode))
		return lk_fail(err, -EACCES, "cannot run %s: it is a folder", path);
	if (access(path, X_OK)) {
		lk_fail_errno(err, "cannot run %s", path);
		return lk_remedy(err, "chmod +x %s", path);
	}
	if ((st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
		(st.st_mode & S_ISGID && st.st_mode & S_IXGRP && st.st_gid != getegid())) {
		lk_fail(err, -EOPNOTSUPP,
			"%s is setuid or setgid: the loader refuses our agent there", path);
		return lk_remedy(
			err, "run leakline as the file's owner, or run a copy without the bit");
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? 0 : lk_fail_errno(err, "cannot read %s", path);
	n = read(fd, bytes, sizeof(bytes) - 1);
	if (n >= 4 && !memcmp(bytes, ELFMAG, SELFMAG))
		r = check_elf(path, bytes, (size_t)n, fd, err);
	else if (n >= 2 && bytes[0] == '#' && bytes[1] == '!' && depth)
		r = check_script((char *)bytes + 2, depth - 1, err);
	else
		r = n > 0 ? 0 : lk_fail(err, -ENOEXEC, "cannot run %s: the file is empty", path);
	close(fd);
	return r;
}

static int check_script(char *line, int depth, struct lk_err *err)
{
	char path[4096], *save = NULL, *word, *next;

	line[strcspn(line, "\n")] = 0;
	word = strtok_r(line, " \t", &save);
	if (!word)
		return 0;
	next = strtok_r(NULL, " \t", &save);
	if (next && *next != '-' && strstr(word, "/env") &&
		!find_program(next, path, sizeof(path), NULL))
		return check_file(path, depth, err);
	return check_file(word, depth, err);
}

int lk_launch_check(const char *program, char *ret_path, size_t size, struct lk_err *err)
{
	int r = find_program(program, ret_path, size, err);

	return r ? r : check_file(ret_path, SCRIPT_DEPTH, err);
}

int lk_launch_agent(char *ret_path, size_t size, struct lk_err *err)
{
	static const char *const places[] = {"", "../lib/leakline/"};
	const char *wanted = getenv("LEAKLINE_AGENT");
	char self[3000];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (wanted && *wanted) {
		snprintf(ret_path, size, "%s", wanted);
		if (!access(ret_path, R_OK))
			return 0;
		return lk_fail_errno(
			err, "cannot use the agent that LEAKLINE_AGENT names, %s", wanted);
	}
	self[n > 0 ? n : 0] = 0;
	slash = strrchr(self, '/');
	for (unsigned i = 0; slash && i < LK_ARRAY_SIZE(places); i++) {
		snprintf(ret_path, size, "%.*s/%slibleakline-agent.so", (int)(slash - self), self,
			places[i]);
		if (!access(ret_path, R_OK))
			return 0;
	}
	lk_fail(err, -ENOENT, "the agent, libleakline-agent.so, is not beside %s", self);
	return lk_remedy(err, "build it with make, or name it in LEAKLINE_AGENT");
}

static void set_environment(const char *agent, const char *store_dir)
{
	const char *old = getenv("LD_PRELOAD");
	char *preload = old && *old ? lk_xasprintf("%s:%s", agent, old) : lk_xstrdup(agent);

	setenv("LD_PRELOAD", preload, 1);
	setenv("LEAKLINE_STORE_DIR", store_dir, 1);
	free(preload);
}

int lk_launch(const char *path, char *const argv[], const char *agent, const char *store_dir,
	pid_t *ret_pid, struct lk_err *err)
{
	int fds[2], error = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return lk_fail_errno(err, "cannot start %s", path);
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return lk_fail_errno(err, "cannot start %s", path);
	}
	if (!pid) {
		set_environment(agent, store_dir);
		execvp(path, argv); /* a script without #! is the shell's, as everywhere */
		error = errno;
		while (write(fds[1], &error, sizeof(error)) < 0 && errno == EINTR)
			;
		_exit(127);
	}
	close(fds[1]);
	if (read(fds[0], &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(fds[0]);
	if (error) {
		waitpid(pid, NULL, 0);
		errno = error;
		return lk_fail_errno(err, "cannot run %s", path);
	}
	*ret_pid = pid;
	return 0;
}
