/*
 * Samples the figures of one tracked process while it runs: the process's own once a
 * second, and those of its managed heap where .NET runs there.  The loop that pushes the
 * clocks on calls lk_sampler_tick; between samples that costs a clock comparison
 * and, while a session runs, one read.  docs/RUNTIMES.md, "Counters", lists the figures.
 */
#ifndef LK_CLI_SAMPLER_H
#define LK_CLI_SAMPLER_H

#include "leak/counter.h"
#include "leak/snapshot.h"

struct lk_sampler;

/* The first sample is taken delay_ms after now_ms (ms since tracking started). */
struct lk_sampler *lk_sampler_new(uint32_t pid, uint64_t now_ms, uint64_t delay_ms);
struct lk_sampler *lk_sampler_free(struct lk_sampler *c);

void lk_sampler_tick(struct lk_sampler *c, uint64_t now_ms);

/* The last sample, while the process waits for us at its end; ends the session, too. */
void lk_sampler_end(struct lk_sampler *c, uint64_t now_ms);

/* Copies what was sampled into the snapshot, and what could not be, as a not_seen. */
void lk_sampler_put(const struct lk_sampler *c, struct lk_snapshot *snapshot);

#endif
