/*
 * The agent: libleakline-agent.so, loaded into the program.  Silent, and counts.
 */
#ifndef LK_AGENT_AGENT_H
#define LK_AGENT_AGENT_H

#include "base/defs.h"

enum lk_agent_state {
	LK_AGENT_UNKNOWN, /* nobody asked yet */
	LK_AGENT_STARTING,
	LK_AGENT_OFF, /* nobody wants us here, or there can be no store: pass calls on */
	LK_AGENT_ON,
};
extern uint32_t lk_agent_state;

/* The variable that says where stores go; without it the agent stays off. */
#define LK_AGENT_VARIABLE "LEAKLINE_STORE_DIR"

/* Makes the store where it is wanted; true: on. */
bool lk_agent_start(void);

/* The same in a forked child, whose store is its own. */
bool lk_agent_restart(void);

/* The allocator that the program would have without us. */
struct lk_real {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
	void *(*memalign)(size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
	void (*free_sized)(void *, size_t);
	void (*free_aligned_sized)(void *, size_t, size_t);
	void *(*mmap)(void *, size_t, int, int, int, long);
	int (*munmap)(void *, size_t);
	void *(*mremap)(void *, size_t, size_t, int, ...);
	int (*mprotect)(void *, size_t, int);
	int (*dlclose)(void *);
	void (*exit_now)(int) __attribute__((noreturn));
};
extern struct lk_real lk_real;

/* Finds the functions above; called by the first hook of all. */
void lk_real_resolve(void);

/* Memory for calls that come while the functions above are being looked for. */
void *lk_boot_alloc(size_t size, size_t align);
bool lk_boot_owns(const void *p);
size_t lk_boot_size(const void *p);

/* The program is about to end: gives the host, if one waits, time to read. */
void lk_agent_ending(void);

#endif
