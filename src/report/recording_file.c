#include "report/recording_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/recording_schema.h"
#include "util/mem.h"

/* SQLite's header: https://www.sqlite.org/fileformat.html section 1.3, big-endian. */
#define HEADER_SIZE	      100
#define HEADER_PAGE_SIZE      16
#define HEADER_PAGES	      28
#define HEADER_USER_VERSION   60
#define HEADER_APPLICATION_ID 68

/* Other processes may have left temporaries of our name; so many are tried. */
#define TEMP_TRIES 16

static uint32_t big_endian(const uint8_t *p, int size)
{
	uint32_t v = 0;

	while (size--)
		v = v << 8 | *p++;
	return v;
}

static enum lk_recording_kind judge(
	const uint8_t *header, size_t size, uint64_t file_size, uint32_t *ret_version)
{
	uint64_t page_size;

	if (!size)
		return LK_RECORDING_EMPTY;
	if (size < HEADER_SIZE || memcmp(header, "SQLite format 3", 16) ||
		big_endian(header + HEADER_APPLICATION_ID, 4) != LK_RECORDING_APPLICATION)
		return LK_RECORDING_FOREIGN;
	*ret_version = big_endian(header + HEADER_USER_VERSION, 4);
	if (*ret_version != LK_RECORDING_VERSION)
		return LK_RECORDING_OTHER;
	page_size = big_endian(header + HEADER_PAGE_SIZE, 2);
	page_size = page_size == 1 ? 65536 : page_size;
	if (page_size * big_endian(header + HEADER_PAGES, 4) > file_size)
		return LK_RECORDING_CUT;
	return LK_RECORDING_THIS;
}

int lk_recording_look(
	const char *path, bool follow, enum lk_recording_kind *ret_kind, uint32_t *ret_version)
{
	uint8_t header[HEADER_SIZE];
	struct stat st;
	ssize_t n;
	int fd;

	if (follow ? stat(path, &st) : lstat(path, &st)) {
		if (errno != ENOENT)
			return -errno;
		*ret_kind = LK_RECORDING_ABSENT;
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		*ret_kind = LK_RECORDING_FOREIGN;
		return 0;
	}
	/* O_NONBLOCK: a pipe may have taken the file's place; it must not hold us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
	if (fd < 0)
		return -errno;
	n = pread(fd, header, sizeof(header), 0);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	*ret_kind = judge(header, (size_t)n, (uint64_t)st.st_size, ret_version);
	return 0;
}

/* Says whether path may get a recording, and whether something is replaced by it. */
static int may_write(const char *path, bool *ret_replaces, struct lk_err *err)
{
	enum lk_recording_kind kind;
	uint32_t version;
	int r = lk_recording_look(path, false, &kind, &version);

	if (r < 0) {
		lk_fail(err, r, "cannot look at %s: %s", path, strerror(-r));
		return lk_remedy(err, "give another name with -o");
	}
	if (kind == LK_RECORDING_FOREIGN) {
		lk_fail(err, -EEXIST, "%s exists and is not a leakline recording", path);
		return lk_remedy(err, "give another name with -o, or move that file away");
	}
	*ret_replaces = kind != LK_RECORDING_ABSENT;
	return 0;
}

static int open_temp(struct lk_recording_file *f)
{
	for (int i = 0; i < TEMP_TRIES; i++) {
		f->temp = i ? lk_xasprintf("%s.tmp.%d.%d", f->path, (int)getpid(), i)
			    : lk_xasprintf("%s.tmp.%d", f->path, (int)getpid());
		f->fd = open(f->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (f->fd >= 0)
			return 0;
		f->temp = lk_free(f->temp);
		if (errno != EEXIST)
			break;
	}
	return -errno;
}

static int fail_folder(int r, const char *path, struct lk_err *err)
{
	lk_fail(err, r, "cannot make a file beside %s: %s", path, strerror(-r));
	if (r == -ENOENT || r == -ENOTDIR)
		return lk_remedy(err, "make that folder, or give another name with -o");
	if (r == -EACCES || r == -EPERM || r == -EROFS)
		return lk_remedy(err, "give a name in a folder that you may write to with -o");
	if (r == -ENOSPC || r == -EDQUOT)
		return lk_remedy(err, "free some space, or give a name on another disk with -o");
	return r;
}

int lk_recording_file_begin(const char *path, struct lk_recording_file *ret, struct lk_err *err)
{
	struct lk_recording_file f = {.fd = -1};
	int r;

	r = may_write(path, &f.replaces, err);
	if (r < 0)
		return r;
	f.path = lk_xstrdup(path);
	r = open_temp(&f);
	if (r < 0) {
		free(f.path);
		return fail_folder(r, path, err);
	}
	*ret = f;
	return 0;
}

/* The new name must be on disk too.  Some file systems cannot sync a folder. */
static void sync_folder(const char *path)
{
	char *copy = lk_xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(copy);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/*
 * Where nothing stood at path when we began, nothing that came since is replaced.
 * A file system without RENAME_NOREPLACE says EINVAL.
 */
static int give_name(const struct lk_recording_file *f)
{
	if (!f->replaces) {
		if (!renameat2(AT_FDCWD, f->temp, AT_FDCWD, f->path, RENAME_NOREPLACE))
			return 0;
		if (errno != EINVAL && errno != ENOSYS)
			return -errno;
	}
	return rename(f->temp, f->path) ? -errno : 0;
}

int lk_recording_file_commit(struct lk_recording_file *f, struct lk_err *err)
{
	int r;

	if (fsync(f->fd) && errno != EINVAL && errno != EROFS) {
		r = lk_fail_errno(err, "cannot bring %s to disk", f->path);
		return r == -ENOSPC || r == -EDQUOT
			       ? lk_remedy(err,
					 "free some space, or give a name on another disk with -o")
			       : r;
	}
	r = give_name(f);
	if (r < 0) {
		lk_fail(err, r, "cannot give the recording its name %s: %s", f->path, strerror(-r));
		return lk_remedy(err, "give another name with -o");
	}
	f->temp = lk_free(f->temp);
	sync_folder(f->path);
	return 0;
}

void lk_recording_file_done(struct lk_recording_file *f)
{
	if (f->temp)
		unlink(f->temp);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->temp = lk_free(f->temp);
	f->path = lk_free(f->path);
}
