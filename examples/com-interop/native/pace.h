/* How many calls to make, how fast and for how long; the command line of all clients. */
#ifndef PACE_H
#define PACE_H

#include <stdbool.h>
#include <stdint.h>

/* 0 is no limit on calls, full speed, no limit on time. */
struct pace {
	uint64_t nr_calls;
	double calls_per_s;
	double duration_s;
	double start_s;
	uint64_t nr_done;
};

/* Reads the command line and starts the clock.  False after a message about wrong usage. */
bool pace_parse(struct pace *pace, int argc, char **argv);

/* Waits until the next call is due; false when there is none. */
bool pace_next(struct pace *pace);

#endif
