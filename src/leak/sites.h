/*
 * The passes of the analysis over stacks and blocks: groups stacks into sites and
 * fills everything of a site that is counted.  Used by analysis.c only.
 */
#ifndef LK_LEAK_SITES_H
#define LK_LEAK_SITES_H

#include "leak/analysis.h"

/*
 * Fills analysis->sites (in no order, those without live blocks left out), its
 * totals, nr_dropped and the rows of `sizes`.
 */
void lk_sites_collect(const struct lk_snapshot *snapshot, struct lk_analysis *analysis);

#endif
