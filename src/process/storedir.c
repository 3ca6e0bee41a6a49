#include "process/storedir.h"

#include "abi/store.h"
#include "process/storefile.h"
#include "util/mem.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RUN_PREFIX "run-"
#define DAY_US	   (24ull * 3600 * 1000000)

static int check_folder(const char *path, struct lk_err *err)
{
	struct stat st;

	if (lstat(path, &st))
		return lk_fail_errno(err, "cannot use %s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077)) {
		lk_fail(err, -EPERM, "%s is not a folder of ours alone", path);
		return lk_remedy(err,
			"remove it, or set LEAKLINE_DIR to a folder of your own with mode 0700");
	}
	if (access(path, W_OK)) {
		lk_fail_errno(err, "cannot write in %s", path);
		return lk_remedy(err, "set LEAKLINE_DIR to a folder that can be written");
	}
	return 0;
}

int lk_storedir(bool make, char *ret_path, size_t size, struct lk_err *err)
{
	const char *wanted = getenv("LEAKLINE_DIR");

	if (wanted && *wanted)
		snprintf(ret_path, size, "%s", wanted);
	else
		snprintf(ret_path, size, "%s/leakline-%u",
			access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", (unsigned)geteuid());
	if (strlen(ret_path) + 64 > sizeof(((struct lk_store_name *)0)->path))
		return lk_fail(
			err, -ENAMETOOLONG, "the store folder's name is too long: %s", ret_path);
	if (make && mkdir(ret_path, 0700) && errno != EEXIST) {
		lk_fail_errno(err, "cannot make the store folder %s", ret_path);
		return lk_remedy(err, "set LEAKLINE_DIR to a folder that can be written");
	}
	return check_folder(ret_path, err);
}

static int by_age(const void *a, const void *b)
{
	const struct lk_store_name *x = a, *y = b;

	return x->made_us < y->made_us ? -1 : x->made_us > y->made_us;
}

struct names {
	struct lk_store_name *list;
	size_t nr, capacity;
};

static int list_folder(const char *dir, bool deeper, struct names *names)
{
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		struct lk_store_name n;
		int end = 0, fits;

		fits = snprintf(n.path, sizeof(n.path), "%s/%s", dir, e->d_name);
		if (fits >= (int)sizeof(n.path))
			continue;
		if (deeper && !strncmp(e->d_name, RUN_PREFIX, strlen(RUN_PREFIX)))
			list_folder(n.path, false, names);
		if (sscanf(e->d_name, "%" SCNu32 "-%" SCNu64 LK_STORE_SUFFIX "%n", &n.pid,
			    &n.made_us, &end) != 2 ||
			!end || e->d_name[end])
			continue;
		names->list = lk_grow(names->list, names->nr, &names->capacity, sizeof(n));
		names->list[names->nr++] = n;
	}
	closedir(d);
	return 0;
}

int lk_storedir_list(
	const char *dir, struct lk_store_name **ret_names, size_t *ret_nr, struct lk_err *err)
{
	struct names names = {0};

	if (list_folder(dir, true, &names))
		return lk_fail_errno(err, "cannot read the store folder %s", dir);
	if (names.nr)
		qsort(names.list, names.nr, sizeof(*names.list), by_age);
	*ret_names = names.list;
	*ret_nr = names.nr;
	return 0;
}

int lk_storedir_make_run(const char *dir, char *ret_path, size_t size, struct lk_err *err)
{
	snprintf(ret_path, size, "%s/" RUN_PREFIX "%d-XXXXXX", dir, (int)getpid());
	if (mkdtemp(ret_path))
		return 0;
	lk_fail_errno(err, "cannot make a folder in %s", dir);
	return lk_remedy(err, "set LEAKLINE_DIR to a folder that can be written");
}

static bool environ_has(const char *pid, const char *setting)
{
	size_t want = strlen(setting), nr = 0, capacity = 0;
	char path[300], *text = NULL;
	bool has = false;
	FILE *f;
	int c;

	snprintf(path, sizeof(path), "/proc/%s/environ", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	do {
		c = getc(f);
		text = lk_grow(text, nr, &capacity, 1);
		text[nr++] = c > 0 ? (char)c : 0;
		if (c <= 0) {
			has |= nr - 1 == want && !memcmp(text, setting, want);
			nr = 0;
		}
	} while (c != EOF && !has);
	fclose(f);
	free(text);
	return has;
}

bool lk_storedir_used(const char *run_dir)
{
	char *setting = lk_xasprintf("LEAKLINE_STORE_DIR=%s", run_dir);
	bool used = false;
	struct dirent *e;
	DIR *d = opendir("/proc");

	while (d && !used && (e = readdir(d)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			used = environ_has(e->d_name, setting);
	if (d)
		closedir(d);
	free(setting);
	return used;
}

void lk_storedir_remove(const char *run_dir)
{
	struct names names = {0};

	list_folder(run_dir, false, &names);
	for (size_t i = 0; i < names.nr; i++)
		unlink(names.list[i].path);
	free(names.list);
	rmdir(run_dir);
}

int lk_storedir_find(uint32_t pid, struct lk_store_name *ret, struct lk_err *err)
{
	struct lk_store_name *names;
	char dir[512];
	size_t nr;
	int r = lk_storedir(false, dir, sizeof(dir), NULL);

	if (!r)
		r = lk_storedir_list(dir, &names, &nr, NULL);
	if (!r) {
		r = -ESRCH;
		for (size_t i = 0; i < nr; i++)
			if (names[i].pid == pid) {
				*ret = names[i];
				r = 0;
			}
		free(names);
	}
	if (!r)
		return 0;
	lk_fail(err, -ESRCH, "process %u is not tracked%s", pid,
		lk_process_exists(pid) ? "" : ", and there is no such process");
	return lk_remedy(err, "start the program with: leakline run -- PROGRAM");
}

size_t lk_storedir_sweep(const char *dir)
{
	struct lk_store_name *names;
	struct timespec ts;
	uint64_t now_us;
	size_t nr, swept = 0;

	if (lk_storedir_list(dir, &names, &nr, NULL))
		return 0;
	clock_gettime(CLOCK_REALTIME, &ts);
	now_us = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	for (size_t i = 0; i < nr; i++) {
		if (names[i].made_us + DAY_US > now_us ||
			lk_storefile_last_us(names[i].path) + DAY_US > now_us)
			continue;
		if (!unlink(names[i].path)) {
			char *slash = strrchr(names[i].path, '/');

			swept++;
			*slash = 0;
			rmdir(names[i].path); /* the run's folder, when this was its last */
		}
	}
	free(names);
	return swept;
}
