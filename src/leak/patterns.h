/*
 * Known ways to leak, recognised by the stack of a site: a catalogue that is read
 * from text (docs/PATTERNS.md is its grammar; data/leak.patterns the one that comes
 * with leakline) and the engine that holds it against an analysis.  Knows no file
 * and no terminal.
 *
 * Judging costs about a microsecond a site, and a few for one that matches; every
 * distinct name is compared with all globs once (about 5 us).  Takes any snapshot,
 * also a damaged one.  One thread at a time.
 */
#ifndef LK_LEAK_PATTERNS_H
#define LK_LEAK_PATTERNS_H

#include "leak/analysis.h"
#include "util/err.h"

#define LK_MATCH_EVIDENCE 8

/* What was recognised at a site.  All texts live in the analysis's strings. */
struct lk_match {
	const char *id; /* "N1" */
	const char *title;
	const char *explanation;
	const char *fix;
	const char *evidence[LK_MATCH_EVIDENCE]; /* sentences: what was seen here */
	uint32_t nr_evidence;
	uint32_t confidence; /* percent: that this is what happens, if the blocks are lost */
};

struct lk_patterns;
struct lk_patterns *lk_patterns_new(void);
struct lk_patterns *lk_patterns_free(struct lk_patterns *patterns);

/*
 * Adds the patterns of a text.  name stands for it in messages.  What was added
 * first is tried first, and an id that an earlier text has is left out: a user's
 * text, added before leakline's own, changes that.  -EBADMSG: the text is damaged;
 * err says where (line and column), what is wrong and what would be right, and
 * nothing was added.
 */
int lk_patterns_add(struct lk_patterns *patterns, const char *text, size_t size, const char *name,
	struct lk_err *err);

size_t lk_patterns_count(const struct lk_patterns *patterns);
const char *lk_patterns_id(const struct lk_patterns *patterns, size_t index);

/*
 * Is the content of a block of this kind ("bstr", "utf-16", "utf-8")?  Given by
 * whoever can decode; NULL where nobody can: then contents count as not read.
 */
struct lk_content_judge {
	bool (*is)(const struct lk_content *content, uint64_t block_size, const char *kind);
};

/*
 * Sets `match` of the first nr sites of the analysis (fewer where there are fewer).
 * Call it once for an analysis.  The patterns may be freed afterwards.
 */
void lk_patterns_judge(const struct lk_patterns *patterns, const struct lk_snapshot *snapshot,
	struct lk_analysis *analysis, size_t nr_sites, struct lk_content_judge content);

#endif
