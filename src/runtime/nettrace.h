/*
 * A streaming reader of nettrace, the format in which a .NET runtime sends events:
 * "Nettrace" with blocks of FastSerialization, as .NET 3.0 to 10 write it (versions 4
 * and 5 of the format; 6 has another framing).  Format: microsoft/perfview,
 * src/TraceEvent/EventPipe/NetTraceFormat_v5.md.
 *
 * Bytes are fed as they come, cut anywhere.  Memory is bounded: one block, at most
 * LK_NETTRACE_BLOCK_MAX, and LK_NETTRACE_METADATA_MAX kinds of events.  The
 * stream is foreign: what is damaged is -EBADMSG, and the reader then stays failed.
 * One thread at a time.
 */
#ifndef LK_RUNTIME_NETTRACE_H
#define LK_RUNTIME_NETTRACE_H

#include "base/defs.h"

#define LK_NETTRACE_BLOCK_MAX	 (4u << 20)
#define LK_NETTRACE_METADATA_MAX 4096u

/* Valid until the function that gets it returns. */
struct lk_nettrace_event {
	const char *provider; /* UTF-8, cut at 255 bytes; never NULL */
	const char *name;     /* "" for events of the native runtime: see id */
	uint32_t id, version;
	uint64_t thread;
	uint64_t time; /* ticks of the runtime's clock: lk_nettrace_ms */
	const uint8_t *payload;
	size_t size;
};

typedef void lk_nettrace_fn(void *arg, const struct lk_nettrace_event *event);

struct lk_nettrace;
struct lk_nettrace *lk_nettrace_new(lk_nettrace_fn *fn, void *arg);
struct lk_nettrace *lk_nettrace_free(struct lk_nettrace *n);

/*
 * Takes the next bytes and calls fn for each event that they complete.  -EBADMSG damaged,
 * -EOPNOTSUPP a version that we do not read.  Bytes after the stream's end are ignored.
 */
int lk_nettrace_feed(struct lk_nettrace *n, const void *bytes, size_t size);

/* Did the stream end as it should?  One that is cut off did not. */
bool lk_nettrace_ended(const struct lk_nettrace *n);

/* Milliseconds since the stream began; 0 where the stream has not told its clock. */
uint64_t lk_nettrace_ms(const struct lk_nettrace *n, uint64_t time);

/* Events whose kind the stream never described; they are passed over. */
uint64_t lk_nettrace_nr_unknown(const struct lk_nettrace *n);

#endif
