/* The smallest TAP producer: names are sentences; a program ends with tap_done(). */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int tap_nr, tap_failed;

__attribute__((format(printf, 2, 3))) static inline int tap_ok(int ok, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", ok ? "" : "not ", ++tap_nr);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	tap_failed += !ok;
	return ok;
}

/* For a test that cannot run here; `missing` names what is missing. */
static inline void tap_skip(const char *name, const char *missing)
{
	printf("ok %d - %s # SKIP %s\n", ++tap_nr, name, missing);
}

static inline int tap_done(void)
{
	printf("1..%d\n", tap_nr);
	return tap_failed != 0;
}

#endif
