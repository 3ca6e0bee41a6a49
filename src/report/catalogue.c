#include "report/catalogue.h"

#include "report/decode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (1 << 20)

int lk_catalogue_add_file(struct lk_patterns *patterns, const char *path, struct lk_err *err)
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t size;
	int r;

	if (!f) {
		r = lk_fail_errno(err, "cannot read the leak patterns in %s", path);
		lk_remedy(err, "LEAKLINE_PATTERNS names a file of patterns; without it "
			       "leakline's own are used");
		return r;
	}
	text = lk_xmalloc(FILE_MAX + 1);
	size = fread(text, 1, FILE_MAX + 1, f);
	if (ferror(f))
		r = lk_fail_errno(err, "cannot read the leak patterns in %s", path);
	else if (size > FILE_MAX)
		r = lk_fail(err, -EFBIG, "%s is too large for a file of leak patterns", path);
	else
		r = lk_patterns_add(patterns, text, size, path, err);
	fclose(f);
	free(text);
	return r;
}

/* -ENOENT where there is no such file. */
static int add_own_file(struct lk_patterns *patterns, struct lk_err *err)
{
	static const char *const places[] = {"", "../share/leakline/"};
	char self[3000], path[3100];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash && i < LK_ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%.*s/%sleak.patterns", (int)(slash - self), self,
			places[i]);
		if (!access(path, R_OK))
			return lk_catalogue_add_file(patterns, path, err);
	}
	return -ENOENT;
}

int lk_catalogue_load(struct lk_patterns **ret_patterns, struct lk_err *err)
{
	struct lk_patterns *patterns = lk_patterns_new();
	const char *users = getenv("LEAKLINE_PATTERNS");
	int r = 0;

	if (users && *users)
		r = lk_catalogue_add_file(patterns, users, err);
	if (!r) {
		r = add_own_file(patterns, err);
		if (r == -ENOENT)
			r = lk_patterns_add(patterns, (const char *)lk_catalogue_text,
				lk_catalogue_size, "leakline's own patterns", err);
	}
	if (r) {
		lk_patterns_free(patterns);
		return r;
	}
	*ret_patterns = patterns;
	return 0;
}

static bool content_is(const struct lk_content *content, uint64_t block_size, const char *kind)
{
	const char *manager = !strcmp(kind, "bstr") ? "BSTR" : "";
	struct lk_decoded decoded;

	return !lk_decode(content, block_size, manager, &decoded) &&
	       !strcmp(decoded.encoding, kind);
}

void lk_catalogue_judge(const struct lk_patterns *patterns, const struct lk_snapshot *snapshot,
	struct lk_analysis *analysis, size_t nr_sites)
{
	lk_patterns_judge(patterns, snapshot, analysis, nr_sites ? nr_sites : analysis->nr_sites,
		(struct lk_content_judge){content_is});
}
