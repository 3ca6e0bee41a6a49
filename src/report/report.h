/*
 * Reports of an analysed snapshot: text for people, JSON for programs.  Both only
 * read; text also opens the source files that the responsible frames name.
 * Nothing of a report depends on the machine it is made on, but for those files.
 *
 * Both return 0, or -errno of the write that failed, with err filled.  docs/JSON.md
 * describes the JSON, docs/report.schema.json is its schema.
 */
#ifndef LK_REPORT_REPORT_H
#define LK_REPORT_REPORT_H

#include "leak/analysis.h"
#include "util/err.h"

#include <stdio.h>

struct lk_report_options {
	bool colour;	     /* text: terminal colours */
	unsigned max_sites;  /* at most so many sites; 0: all.  Tables are not affected */
	unsigned nr_samples; /* per site; at most LK_SITE_SAMPLES are known */
	bool all_frames;     /* text: whole stacks, however deep */
};

int lk_report_text(const struct lk_snapshot *snapshot, const struct lk_analysis *analysis,
	const struct lk_report_options *options, FILE *out, struct lk_err *err);

int lk_report_json(const struct lk_snapshot *snapshot, const struct lk_analysis *analysis,
	const struct lk_report_options *options, FILE *out, struct lk_err *err);

#endif
