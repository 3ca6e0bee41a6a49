/*
 * A parsed catalogue: what the pattern_*.c files make and patterns.c matches.  Used
 * by these only.
 */
#ifndef LK_LEAK_PATTERN_H
#define LK_LEAK_PATTERN_H

#include "leak/patterns.h"

#define LK_PATTERN_ID_MAX      15
#define LK_PATTERN_TEXT_MAX    2000 /* of a title, explanation, fix, piece of evidence */
#define LK_PATTERN_ELEMENTS    12   /* of a signature */
#define LK_PATTERN_EVIDENCE    4    /* sentences of the pattern's own */
#define LK_PATTERN_CHURN       95   /* percent freed beyond which nothing leaks */
#define LK_PATTERN_CONFIDENCE  80
#define LK_PATTERN_GLOBS_MAX   4096	/* different ones, of all patterns */
#define LK_PATTERN_SIGNATURES  8	/* of a pattern */
#define LK_PATTERN_FRAMES      128	/* innermost ones of a stack that are looked at */
#define LK_PATTERN_OBJECT      "object" /* a content that the engine itself tells */
#define LK_PATTERN_CHURN_NEVER 100

/* A list of globs, "A | B | !C": globs[first .. first + count) of the patterns. */
struct lk_glob_list {
	uint32_t first, count;
	bool positive; /* has a glob without '!' */
};

enum lk_element_kind { LK_ELEMENT_FRAME, LK_ELEMENT_MAYBE, LK_ELEMENT_GAP };

struct lk_element {
	enum lk_element_kind kind;
	/* of a gap */
	uint32_t longest;
	bool beyond; /* it may pass the responsible frame */
	/* of a frame */
	struct lk_glob_list names;
	uint8_t origins; /* bits of enum lk_origin; 0: any */
	bool framework, library, responsible;
	const char *module, *file; /* globs, or NULL */
	const char *as;		   /* what texts call it, or NULL */
};

struct lk_signature {
	struct lk_element elements[LK_PATTERN_ELEMENTS];
	uint32_t nr_elements;
};

struct lk_pattern {
	const char *id, *title, *runtime, *release, *explanation, *fix;
	const char *evidence[LK_PATTERN_EVIDENCE];
	uint32_t nr_evidence;
	struct lk_signature *signatures;
	size_t nr_signatures, signatures_capacity;
	struct lk_glob_list without, managers; /* count 0: no such condition */
	uint64_t size_least, size_most;	       /* 0, UINT64_MAX */
	const char *content;		       /* kind, or NULL */
	uint32_t churn, confidence;	       /* percent */
};

/* A use of a glob. */
struct lk_glob_use {
	uint32_t glob;
	bool negated;
};

struct lk_patterns {
	struct lk_strings *strings;
	struct lk_pattern *rows;
	size_t nr_rows, rows_capacity;
	const char **globs; /* the different ones, canonical */
	size_t nr_globs, globs_capacity;
	struct lk_glob_use *uses;
	size_t nr_uses, uses_capacity;
};

/*
 * How names are compared: ':', '::', '/', '+' and '.' between their parts are one,
 * since every runtime and every reader of it has its own.  Works in place.
 */
void lk_pattern_canonical(char *name);

#endif
