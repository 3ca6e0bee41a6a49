#include "pace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool number_parse(const char *text, double *ret_value)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0 && value <= 1e15))
		return false;
	*ret_value = value;
	return true;
}

static bool option_set(struct pace *pace, const char *option, double value)
{
	if (strcmp(option, "--calls") == 0)
		pace->nr_calls = (uint64_t)value;
	else if (strcmp(option, "--pace") == 0)
		pace->calls_per_s = value;
	else if (strcmp(option, "--duration") == 0)
		pace->duration_s = value;
	else
		return false;
	return true;
}

bool pace_parse(struct pace *pace, int argc, char **argv)
{
	*pace = (struct pace){.nr_calls = 10000, .start_s = now_s()};
	for (int i = 1; i < argc; i += 2) {
		double value;

		if (i + 1 < argc && number_parse(argv[i + 1], &value) &&
			option_set(pace, argv[i], value))
			continue;
		fprintf(stderr,
			"usage: %s [--calls N] [--pace CALLS-PER-SECOND] [--duration SECONDS]\n"
			"0 means: no limit on calls, full speed, no limit on time.  "
			"Default: --calls 10000.\n",
			argv[0]);
		return false;
	}
	return true;
}

static void wait_until(double when_s)
{
	double left;

	while ((left = when_s - now_s()) > 0) {
		struct timespec t = {.tv_sec = (time_t)left};

		t.tv_nsec = (long)((left - (double)t.tv_sec) * 1e9);
		nanosleep(&t, NULL);
	}
}

bool pace_next(struct pace *pace)
{
	double end_s = pace->duration_s > 0 ? pace->start_s + pace->duration_s : INFINITY;

	if (pace->nr_calls && pace->nr_done >= pace->nr_calls)
		return false;
	if (pace->calls_per_s > 0) {
		double due_s = pace->start_s + (double)pace->nr_done / pace->calls_per_s;

		wait_until(fmin(due_s, end_s));
	}
	if (now_s() >= end_s)
		return false;
	pace->nr_done++;
	return true;
}
