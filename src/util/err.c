#include "util/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int lk_fail(struct lk_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	err->remedy[0] = 0;
	va_start(ap, fmt);
	vsnprintf(err->what, sizeof(err->what), fmt, ap);
	va_end(ap);
	return code;
}

int lk_fail_errno(struct lk_err *err, const char *fmt, ...)
{
	int code = -errno;
	va_list ap;
	size_t n;

	if (!err)
		return code;
	err->code = code;
	err->remedy[0] = 0;
	va_start(ap, fmt);
	vsnprintf(err->what, sizeof(err->what), fmt, ap);
	va_end(ap);
	n = strlen(err->what);
	snprintf(err->what + n, sizeof(err->what) - n, ": %s", strerror(-code));
	return code;
}

int lk_remedy(struct lk_err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -EINVAL;
	va_start(ap, fmt);
	vsnprintf(err->remedy, sizeof(err->remedy), fmt, ap);
	va_end(ap);
	return err->code;
}
