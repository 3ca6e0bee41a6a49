#include "process/procfs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *open_proc(uint32_t pid, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, file);
	return fopen(path, "re");
}

static int open_error(void)
{
	return errno == EACCES || errno == EPERM ? -EPERM : -ESRCH;
}

/* The file as text, cut to size. */
static int read_proc(uint32_t pid, const char *file, char *text, size_t size)
{
	FILE *f = open_proc(pid, file);
	size_t n;

	if (!f)
		return open_error();
	errno = 0;
	n = fread(text, 1, size - 1, f);
	text[n] = 0;
	if (!n) {
		int r = open_error();

		fclose(f);
		return r;
	}
	fclose(f);
	return 0;
}

/* The figure of a line "Name:   123 kB", in bytes. */
static int rollup_value(const char *text, const char *name, uint64_t *ret)
{
	size_t n = strlen(name);
	const char *line = text;

	for (; line; line = strchr(line, '\n')) {
		uint64_t kb;

		line += *line == '\n';
		if (!strncmp(line, name, n) && line[n] == ':') {
			if (sscanf(line + n + 1, "%" SCNu64, &kb) != 1 || kb > UINT64_MAX / 1024)
				return -EBADMSG;
			*ret = kb * 1024;
			return 0;
		}
	}
	return -EBADMSG;
}

int lk_procfs_parse_rollup(const char *text, uint64_t *ret_private)
{
	uint64_t dirty, anonymous, swap;

	if (rollup_value(text, "Private_Dirty", &dirty) ||
		rollup_value(text, "Anonymous", &anonymous) || rollup_value(text, "Swap", &swap))
		return -EBADMSG;
	*ret_private = (dirty < anonymous ? dirty : anonymous) + swap;
	return 0;
}

int lk_procfs_parse_statm(const char *text, uint64_t page_size, struct lk_proc_memory *ret)
{
	uint64_t pages, resident;

	if (sscanf(text, "%" SCNu64 " %" SCNu64, &pages, &resident) != 2)
		return -EBADMSG;
	*ret = (struct lk_proc_memory){
		.resident = resident * page_size, .virtual_bytes = pages * page_size};
	return 0;
}

int lk_procfs_sizes(uint32_t pid, struct lk_proc_memory *ret)
{
	char text[256];
	int r = read_proc(pid, "statm", text, sizeof(text));

	if (r)
		return r;
	return lk_procfs_parse_statm(text, (uint64_t)sysconf(_SC_PAGESIZE), ret);
}

int lk_procfs_memory(uint32_t pid, struct lk_proc_memory *ret)
{
	struct lk_proc_memory memory;
	char text[4096];
	int r = lk_procfs_sizes(pid, &memory);

	if (!r)
		r = read_proc(pid, "smaps_rollup", text, sizeof(text));
	if (!r)
		r = lk_procfs_parse_rollup(text, &memory.private_bytes);
	if (!r)
		*ret = memory;
	return r;
}

char lk_procfs_state(uint32_t pid)
{
	char text[512], *p;

	if (read_proc(pid, "stat", text, sizeof(text)))
		return 0;
	p = strrchr(text, ')');
	return p && p[1] == ' ' ? p[2] : 0;
}

uint32_t lk_procfs_inner_pid(uint32_t pid)
{
	char text[8192], *p, *end;
	unsigned long inner;

	if (read_proc(pid, "status", text, sizeof(text)))
		return pid;
	p = strstr(text, "\nNSpid:");
	if (!p)
		return pid;
	p++;
	end = p + strcspn(p, "\n");
	*end = 0;
	while (end > p && end[-1] != '\t' && end[-1] != ' ')
		end--;
	inner = strtoul(end, NULL, 10);
	return inner && inner <= INT32_MAX ? (uint32_t)inner : pid;
}

int lk_procfs_env(uint32_t pid, const char *name, char *value, size_t size)
{
	size_t n = strlen(name), capacity = 0;
	FILE *f = open_proc(pid, "environ");
	char *entry = NULL;
	int r = -ENODATA;
	ssize_t got;

	if (!f)
		return open_error();
	while ((got = getdelim(&entry, &capacity, 0, f)) > 0) {
		if (strncmp(entry, name, n) || entry[n] != '=')
			continue;
		r = strlen(entry + n + 1) < size ? 0 : -E2BIG;
		if (!r)
			strcpy(value, entry + n + 1);
		break;
	}
	if (r == -ENODATA && ferror(f))
		r = open_error();
	free(entry);
	fclose(f);
	return r;
}

bool lk_procfs_maps_file(uint32_t pid, const char *base_name)
{
	size_t n = strlen(base_name), capacity = 0;
	FILE *f = open_proc(pid, "maps");
	char *line = NULL;
	bool found = false;
	ssize_t got;

	while (f && !found && (got = getline(&line, &capacity, f)) > 0) {
		if (line[got - 1] == '\n')
			line[--got] = 0;
		found = (size_t)got > n && line[(size_t)got - n - 1] == '/' &&
			!strcmp(line + got - n, base_name);
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}
