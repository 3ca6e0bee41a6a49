/*
 * The verdict of an analysis whose sites are judged and ranked: native where
 * sites grow, none where nothing does, unknown where it is too early.
 * docs/LEAK-PROBABILITY.md says how the confidence is made.
 */
#ifndef LK_LEAK_VERDICT_H
#define LK_LEAK_VERDICT_H

#include "leak/analysis.h"

/* Fills analysis->verdict; its text lives in analysis->strings. */
void lk_verdict_make(const struct lk_snapshot *snapshot, struct lk_analysis *analysis);

#endif
