/*
 * Judges the frames of one snapshot: whose code each is, what its allocation
 * makes, what identifies it from run to run.  Every distinct name, module and
 * file is judged once and remembered by its pointer (equal strings of a snapshot
 * are one pointer; if they are not, only time is lost).  One thread at a time.
 */
#ifndef LK_LEAK_FRAMES_H
#define LK_LEAK_FRAMES_H

#include "leak/snapshot.h"

struct lk_frames;

/* Borrows the snapshot; names of managers and functions live in strings. */
struct lk_frames *lk_frames_new(const struct lk_snapshot *snapshot, struct lk_strings *strings);
struct lk_frames *lk_frames_free(struct lk_frames *frames);

struct lk_stack_facts {
	const char *manager;
	uint32_t responsible; /* index of the frame, or LK_NO_FRAME */
	bool users;	      /* the responsible frame is the user's own code */
	uint64_t key;	      /* of the site: equal for stacks of one site */
	uint64_t place_key;   /* the same without the manager; 0: not code that is compiled anew */
	bool vague;	      /* with a place_key: inlining may have hidden the manager */
};

void lk_frames_judge(struct lk_frames *f, const struct lk_frame *stack, uint32_t count,
	struct lk_stack_facts *ret);

#endif
