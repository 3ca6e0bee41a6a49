#include "report/source.h"

#include "util/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE (16 << 20)
#define MAX_LINE 160

void lk_source_done(struct lk_source *source)
{
	for (unsigned i = 0; i < source->nr_lines; i++)
		free(source->lines[i]);
	source->nr_lines = 0;
}

/* The path came from debug information: it may name a device or a pipe. */
static int open_plain(const char *file, double not_after_s, FILE **ret_in)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return -ENOENT;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		r = -ENOENT;
	else if (st.st_size > MAX_FILE)
		r = -EFBIG;
	else if (not_after_s > 0 && (double)st.st_mtim.tv_sec > not_after_s)
		r = -ESTALE;
	if (!r) {
		*ret_in = fdopen(fd, "r");
		if (*ret_in)
			return 0;
		r = -ENOMEM;
	}
	close(fd);
	return r;
}

static char *cut_line(char *text, size_t size)
{
	while (size && (text[size - 1] == '\n' || text[size - 1] == '\r'))
		size--;
	if (size > MAX_LINE) {
		/* not in the middle of a character */
		for (size = MAX_LINE; size && ((unsigned char)text[size] & 0xc0) == 0x80;)
			size--;
	}
	text[size] = '\0';
	return lk_xstrdup(text);
}

int lk_source_read(
	const char *file, unsigned line, double not_after_s, struct lk_source *ret_source)
{
	struct lk_source s = {.first = line > LK_SOURCE_AROUND ? line - LK_SOURCE_AROUND : 1};
	char *text = NULL;
	size_t room = 0;
	ssize_t size;
	FILE *in;
	int r;

	if (!line)
		return -ENODATA;
	r = open_plain(file, not_after_s, &in);
	if (r)
		return r;
	for (unsigned at = 1; at <= (uint64_t)line + LK_SOURCE_AROUND; at++) {
		size = getline(&text, &room, in);
		if (size < 0)
			break;
		if (at >= s.first)
			s.lines[s.nr_lines++] = cut_line(text, (size_t)size);
	}
	free(text);
	fclose(in);
	if (s.nr_lines <= line - s.first) {
		lk_source_done(&s);
		return -ENODATA;
	}
	*ret_source = s;
	return 0;
}
