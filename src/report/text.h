/* The parts of the text report; used by text.c only. */
#ifndef LK_REPORT_TEXT_H
#define LK_REPORT_TEXT_H

#include "report/report.h"
#include "report/say.h"

struct lk_text {
	struct lk_say say;
	const struct lk_snapshot *s;
	const struct lk_analysis *a;
	const struct lk_report_options *options;
};

/* What is outstanding by manager, module, function and size, by bytes and by blocks. */
void lk_text_breakdown(const struct lk_text *t);

/* One site with all that is known of it; number counts from 1. */
void lk_text_site(const struct lk_text *t, size_t number, const struct lk_site *site);

/* "Program.cs:22 in Program:Main", as much as is known of the frame. */
void lk_text_place(const struct lk_text *t, const struct lk_frame *frame);

#endif
