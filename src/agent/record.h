/*
 * Records what a hook saw.  Called between lk_thread_enter and lk_thread_leave.
 */
#ifndef LK_AGENT_RECORD_H
#define LK_AGENT_RECORD_H

#include "agent/thread.h"
#include "walk/walk.h"

/* A block was allocated at addr. */
void lk_record_alloc(struct lk_agent_thread *t, uint64_t addr, uint64_t size, enum lk_entry entry,
	struct lk_caller from);

/* The block at addr is about to be given back; its words, first == 0 if unknown. */
struct lk_word lk_record_free(struct lk_agent_thread *t, uint64_t addr);

/* The block was not given back after all; old: what lk_record_free gave. */
void lk_record_undo_free(struct lk_agent_thread *t, uint64_t addr, struct lk_word old);

/* A mapping was made; kind: LK_MAP_*. */
void lk_record_map(struct lk_agent_thread *t, uint64_t addr, uint64_t size, uint32_t kind,
	enum lk_entry entry, struct lk_caller from);

/* Reserved address space was made usable. */
void lk_record_commit(struct lk_agent_thread *t, uint64_t addr, uint64_t size, uint32_t kind,
	struct lk_caller from);

/* Milliseconds since tracking started; looks at the clock now and then. */
uint64_t lk_now(struct lk_agent_thread *t);

/* Row and place of a pc, for capture and nodes: agent/code.c. */
void lk_code_row(uint64_t pc, bool exact, struct lk_row *ret_row, uint64_t *ret_start);
uint32_t lk_code_of(uint64_t pc, bool exact, const struct lk_walk_stack *stack);

/* How often modules were unloaded: part of the store's generation, which counts code of
 * runtimes too. */
extern uint32_t lk_modules_generation;

/* Code was unloaded: marks modules that are gone and starts a generation. */
void lk_code_unloaded(void);

#endif
