#include "symbol/debugfile.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbol/debugserver.h"
#include "util/mem.h"

#define SYSTEM_ROOT "/usr/lib/debug"

/* What is searched for, and for whom. */
struct search {
	const struct lk_elffile *module;
	const char *link; /* .gnu_debuglink's file name; NULL: there is none */
	uint32_t checksum;
	char *path;	  /* without symbolic links where that is possible */
	char *directory;  /* path's, without the slash at its end */
	size_t host_root; /* the length of /proc/PID/root at path's start */
	struct lk_elffile *found;
};

static uint32_t checksum_add(uint32_t sum, const uint8_t *bytes, size_t size)
{
	static uint32_t table[256];

	if (!table[1])
		for (uint32_t i = 0; i < 256; i++) {
			table[i] = i;
			for (int bit = 0; bit < 8; bit++)
				table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
		}
	for (size_t i = 0; i < size; i++)
		sum = table[(sum ^ bytes[i]) & 0xff] ^ sum >> 8;
	return sum;
}

/* CRC-32 of the whole file (the polynomial of Ethernet and zlib), as strip writes it. */
static bool has_checksum(int fd, uint32_t expected)
{
	size_t room = 1 << 16;
	uint8_t *block = lk_xmalloc(room);
	uint32_t sum = ~0u;
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, block, room, at)) > 0) {
		sum = checksum_add(sum, block, (size_t)n);
		at += n;
	}
	free(block);
	return !n && ~sum == expected;
}

static bool fits(const struct search *s, const struct lk_elffile *candidate)
{
	const struct lk_elffile *module = s->module;

	if (candidate->device == module->device && candidate->inode == module->inode)
		return false;
	if (module->build_id && candidate->build_id)
		return lk_elffile_has_build_id(candidate, module->build_id, module->build_id_size);
	return s->link && has_checksum(candidate->fd, s->checksum);
}

static bool try_path(struct search *s, const char *path)
{
	struct lk_elffile candidate;

	if (lk_elffile_open(path, &candidate, NULL))
		return false;
	if (fits(s, &candidate)) {
		*s->found = candidate;
		return true;
	}
	lk_elffile_done(&candidate);
	return false;
}

/* Takes the path over. */
static bool try_made_path(struct search *s, char *path)
{
	bool found = try_path(s, path);

	free(path);
	return found;
}

static bool try_build_id(struct search *s, const char *root)
{
	const uint8_t *id = s->module->build_id;
	size_t size = s->module->build_id_size;
	char hex[2 * 64 + 1];

	if (size < 2 || size > 64)
		return false;
	for (size_t i = 0; i < size; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	return try_made_path(s, lk_xasprintf("%s/.build-id/%.2s/%s.debug", root, hex, hex + 2));
}

static bool try_link_beside(struct search *s)
{
	if (!s->link)
		return false;
	return try_made_path(s, lk_xasprintf("%s/%s", s->directory, s->link)) ||
	       try_made_path(s, lk_xasprintf("%s/.debug/%s", s->directory, s->link));
}

static bool try_link(struct search *s, const char *root)
{
	if (!s->link)
		return false;
	return try_made_path(
		s, lk_xasprintf("%s%s/%s", root, s->directory + s->host_root, s->link));
}

static bool try_same_path(struct search *s, const char *root)
{
	const char *path = s->path + s->host_root;

	return try_made_path(s, lk_xasprintf("%s%s", root, path)) ||
	       try_made_path(s, lk_xasprintf("%s%s.debug", root, path));
}

typedef bool try_in_root(struct search *s, const char *root);

static bool try_system_root(struct search *s, try_in_root *try)
{
	char *root;
	bool found = false;

	if (s->host_root) {
		root = lk_xasprintf("%.*s" SYSTEM_ROOT, (int)s->host_root, s->path);
		found = try(s, root);
		free(root);
	}
	return found || try(s, SYSTEM_ROOT);
}

static bool try_roots(struct search *s, try_in_root *try)
{
	const char *roots = getenv("LEAKLINE_DEBUG_PATH");

	while (roots && *roots) {
		size_t size = strcspn(roots, ":");
		char *root = lk_xasprintf("%.*s", (int)size, roots);
		bool found = size && try(s, root);

		free(root);
		if (found)
			return true;
		roots += size + (roots[size] == ':');
	}
	return try_system_root(s, try);
}

static bool try_server(struct search *s)
{
	char *path;
	bool found;

	if (lk_debugserver_fetch(s->module->build_id, s->module->build_id_size, &path))
		return false;
	found = try_path(s, path);
	free(path);
	return found;
}

/* The length of /proc/PID/root at the path's start, 0 where it does not begin so. */
static size_t host_root_size(const char *path)
{
	static const char proc[] = "/proc/", root[] = "/root";
	size_t at = sizeof(proc) - 1;

	if (strncmp(path, proc, at) != 0)
		return 0;
	at += strcspn(path + at, "/");
	if (strncmp(path + at, root, sizeof(root) - 1) != 0)
		return 0;
	at += sizeof(root) - 1;
	return path[at] == '/' ? at : 0;
}

static void begin(struct search *s)
{
	GElf_Word checksum;
	char *slash;

	s->link = dwelf_elf_gnu_debuglink(s->module->elf, &checksum);
	if (s->link && (!*s->link || strchr(s->link, '/')))
		s->link = NULL; /* it is the name of a file, not a way out of the directory */
	s->checksum = checksum;
	s->host_root = host_root_size(s->module->path);
	/* realpath would follow /proc/PID/root, which claims to be a link to "/". */
	s->path = s->host_root ? NULL : realpath(s->module->path, NULL);
	if (!s->path)
		s->path = lk_xstrdup(s->module->path);
	s->directory = lk_xstrdup(s->path);
	slash = strrchr(s->directory, '/');
	if (slash)
		*slash = 0;
	else
		strcpy(s->directory, ".");
}

int lk_debugfile_find(const struct lk_elffile *module, struct lk_elffile *ret_debug)
{
	struct search s = {.module = module, .found = ret_debug};
	bool found;

	if (!module->path)
		return -ENODATA;
	begin(&s);
	found = try_roots(&s, try_build_id) || try_link_beside(&s) || try_roots(&s, try_link) ||
		try_roots(&s, try_same_path) || try_server(&s);
	free(s.path);
	free(s.directory);
	return found ? 0 : -ENODATA;
}
