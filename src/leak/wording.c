#include "leak/wording.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

const char *lk_word_bytes(char *out, double bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	double v = fabs(bytes);
	size_t unit = 0;

	if (v < 999.5) {
		snprintf(out, LK_WORDING_MAX, "%.0f byte%s", bytes, fabs(v - 1) < 0.5 ? "" : "s");
		return out;
	}
	for (v /= 1000; v >= 999.5 && unit + 1 < LK_ARRAY_SIZE(units); v /= 1000)
		unit++;
	snprintf(out, LK_WORDING_MAX, "%s%.*f %s", bytes < 0 ? "-" : "", v < 9.95 ? 1 : 0, v,
		units[unit]);
	return out;
}

const char *lk_word_count(char *out, uint64_t n)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, n), at = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

const char *lk_word_seconds(char *out, double seconds)
{
	uint64_t s = seconds < 0 ? 0 : seconds > 1e15 ? (uint64_t)1e15 : (uint64_t)(seconds + 0.5);

	if (seconds < 9.995)
		snprintf(out, LK_WORDING_MAX, "%.2f s", seconds < 0 ? 0 : seconds);
	else if (s < 60)
		snprintf(out, LK_WORDING_MAX, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(out, LK_WORDING_MAX, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, LK_WORDING_MAX, "%" PRIu64 " h %" PRIu64 " min", s / 3600,
			s / 60 % 60);
	else
		snprintf(out, LK_WORDING_MAX, "%" PRIu64 " d %" PRIu64 " h", s / 86400,
			s / 3600 % 24);
	return out;
}

const char *lk_word_percent(char *out, double percent)
{
	/* Rounding must not make nothing of something, nor all of what is not all. */
	if (percent > 0 && percent < 0.05)
		snprintf(out, LK_WORDING_MAX, "<0.1 %%");
	else
		snprintf(out, LK_WORDING_MAX, "%.*f %%",
			percent > 0 && percent<0.95, percent> 99 && percent < 100 ? 99 : percent);
	return out;
}
