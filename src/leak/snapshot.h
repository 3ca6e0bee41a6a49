/*
 * A snapshot is everything known of a process at one moment, named and
 * self-contained: what a store or a recording gives, and what analysis, reports
 * and recordings take.  It knows no ELF, no ptrace and no terminal.
 *
 * Ownership: lk_snapshot_free frees all; strings live in `strings`.
 */
#ifndef LK_LEAK_SNAPSHOT_H
#define LK_LEAK_SNAPSHOT_H

#include "base/defs.h"
#include "leak/counter.h"
#include "util/mem.h"

enum lk_origin {
	LK_ORIGIN_NATIVE,
	LK_ORIGIN_MANAGED,   /* somebody's source code, run by a managed runtime */
	LK_ORIGIN_GENERATED, /* wrappers and stubs that a runtime made up */
};

#define LK_NO_IL 0xffffffffu

struct lk_frame {
	uint64_t address;     /* return address; of an inlined frame: of its host */
	const char *module;   /* path or assembly; NULL unknown */
	const char *function; /* NULL unknown */
	const char *file;     /* NULL unknown */
	uint32_t line;	      /* 0 unknown */
	uint32_t il_offset;   /* LK_NO_IL */
	uint8_t origin;	      /* enum lk_origin */
	bool inlined;
	bool framework; /* of a runtime or its class library */
};

/* frames[first .. first + count) of the snapshot, allocation function first. */
struct lk_stack {
	uint32_t first;
	uint32_t count;
	uint64_t allocated_blocks; /* since tracking started, freed ones included */
	uint64_t allocated_bytes;
};

struct lk_block {
	uint64_t address;
	uint64_t size;	  /* bytes asked for */
	uint64_t time_ms; /* since tracking started */
	uint32_t stack;	  /* index into stacks */
	uint32_t thread;  /* index into threads; UINT32_MAX unknown */
};

struct lk_thread {
	uint32_t tid;
	const char *name;
};

/* First bytes of a block, for the samples. */
#define LK_CONTENT_MAX 64
struct lk_content {
	uint64_t address;
	uint32_t size;
	uint8_t bytes[LK_CONTENT_MAX];
};

enum lk_ended { LK_ENDED_RUNNING, LK_ENDED_EXITED, LK_ENDED_KILLED };

/* A count that is not zero of what could not be recorded or named. */
struct lk_not_seen {
	const char *key;  /* "lost_events", "truncated_stacks", ...: JSON key */
	const char *text; /* a sentence for the reader, without the count */
	uint64_t count;
};

struct lk_module_fact {
	const char *path;
	const char *build_id; /* hex; NULL none */
	uint64_t start, end, bias;
	const char *lacks; /* NULL, or "no debug information", "stripped", "file is gone", .. */
};

struct lk_snapshot {
	struct lk_strings *strings;
	uint32_t pid;
	const char **command; /* argv */
	size_t nr_command;
	const char **runtimes; /* "mono", .. */
	size_t nr_runtimes;
	double started_s;    /* seconds since the epoch */
	uint64_t tracked_ms; /* from the first event to this snapshot or the end */
	enum lk_ended ended;
	int exit_status; /* as waitpid gives it; -1 unknown */

	struct lk_frame *frames;
	size_t nr_frames, frames_capacity;
	struct lk_stack *stacks;
	size_t nr_stacks, stacks_capacity;
	struct lk_block *blocks;
	size_t nr_blocks, blocks_capacity;
	struct lk_thread *threads;
	size_t nr_threads, threads_capacity;
	struct lk_content *contents; /* sorted by address */
	size_t nr_contents, contents_capacity;
	struct lk_module_fact *modules;
	size_t nr_modules, modules_capacity;
	struct lk_not_seen *not_seen;
	size_t nr_not_seen, not_seen_capacity;
	struct lk_counter_set counters; /* figures of the process over time */
};

struct lk_snapshot *lk_snapshot_new(void);
struct lk_snapshot *lk_snapshot_free(struct lk_snapshot *snapshot);

/* Adds what was not seen; key and text are not copied. */
void lk_snapshot_not_seen(struct lk_snapshot *s, const char *key, const char *text, uint64_t count);

/* NULL where the content of the block at address was not read. */
const struct lk_content *lk_snapshot_content(const struct lk_snapshot *s, uint64_t address);

#endif
