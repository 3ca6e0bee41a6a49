#include "cli/cli.h"

#include "process/storedir.h"
#include "process/storefile.h"
#include "report/recording.h"
#include "report/take.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int load_store(const char *path, struct lk_snapshot **ret_snapshot, struct lk_err *err)
{
	struct lk_take_options options = {.exit_status = -1};
	struct lk_content *contents = NULL;
	struct lk_storefile store;
	size_t nr = 0;
	int r = lk_storefile_open(path, false, &store, err);

	if (r)
		return r;
	options.ended = LK_ENDED_RUNNING;
	if (!lk_storefile_process_alive(&store))
		options.ended = lk_load(&store.header->state) ? LK_ENDED_EXITED : LK_ENDED_KILLED;
	else if (!lk_take_contents(&store, &contents, &nr, NULL)) {
		options.contents = contents;
		options.nr_contents = nr;
	}
	r = lk_take_snapshot(&store, &options, ret_snapshot, err);
	free(contents);
	lk_storefile_close(&store);
	return r;
}

static bool is_store(const char *path)
{
	uint64_t magic = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, &magic, sizeof(magic)) != sizeof(magic))
			magic = 0;
		close(fd);
	}
	return magic == LK_STORE_MAGIC;
}

int lk_cli_load_pid(unsigned pid, struct lk_snapshot **ret_snapshot, struct lk_err *err)
{
	struct lk_store_name name;
	int r = lk_storedir_find(pid, &name, err);

	return r ? r : load_store(name.path, ret_snapshot, err);
}

int lk_cli_load(const char *what, struct lk_snapshot **ret_snapshot, struct lk_err *err)
{
	char *end;
	unsigned long pid = strtoul(what, &end, 10);

	if (*what && !*end && access(what, F_OK)) {
		if (!pid || pid > 0x7fffffff)
			return lk_fail(
				err, -EINVAL, "%s is neither a recording nor a process", what);
		return lk_cli_load_pid((unsigned)pid, ret_snapshot, err);
	}
	if (is_store(what))
		return load_store(what, ret_snapshot, err);
	return lk_recording_read(what, ret_snapshot, err);
}
