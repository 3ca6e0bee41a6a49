/*
 * What is known of other people's code, as tables: which functions allocate on
 * behalf of their caller, which modules are a runtime or the system, which
 * frames tell what kind of block an allocation is.  A new library or runtime is
 * a line in wrappers.c, places.c or managers.c and nothing else.
 *
 * Patterns are globs ('*', '?') over normalised names (naming.h).
 */
#ifndef LK_LEAK_RULES_H
#define LK_LEAK_RULES_H

#include "base/defs.h"

/* True for allocators and what passes on their memory: malloc, xmalloc, strdup, std::*. */
bool lk_is_wrapper(const char *normalised);

/* Whose code a module is. */
enum lk_place {
	LK_PLACE_USER,	  /* nobody else's: the program and its libraries */
	LK_PLACE_LIBRARY, /* a library of the distribution */
	LK_PLACE_RUNTIME, /* a managed runtime and the native half of its class library */
	LK_PLACE_SYSTEM,  /* libc, loader, C++ run-time, leakline's agent */
};

/* Judges a native module by its path. */
enum lk_place lk_place_of(const char *path);

/* True for assemblies and jars that come with a managed runtime, by path. */
bool lk_is_class_library(const char *path);

/* True for header code that a compiler inlined from a system folder, by source path. */
bool lk_is_system_source(const char *file);

/*
 * What kind of block an allocation is.  Stacks are searched from the allocation
 * outwards up to the responsible frame; in each frame the rules are tried in
 * order.  The first certain match ends the search; the first likely one counts
 * where no certain one follows, and a vague one where there is nothing better: it
 * may be all that is left of a frame that was inlined.
 */
enum lk_certainty { LK_VAGUE_MATCH, LK_LIKELY_MATCH, LK_CERTAIN_MATCH };
struct lk_manager_rule {
	const char *manager;
	const char *pattern; /* of a function above the allocation function */
	enum lk_certainty certainty;
	const char *
		entry; /* what lk_manager_of_entry must say of the allocation function; NULL: any */
	const char *inner; /* the next frame inwards must match; NULL: any */
	bool engine;	   /* the runtime's engine allocates such blocks for managed code */
};

/* The first rule whose pattern matches the normalised name, from rule `after` on, or -1. */
int lk_manager_match(const char *normalised, int after);
const struct lk_manager_rule *lk_manager_rule(int index);

/* The manager of a block that no rule knows, by its allocation function alone. */
const char *lk_manager_of_entry(const char *normalised_entry);

/*
 * The manager of what the code of a module allocates, by its path, where no certain
 * rule says better: an execution engine's memory is its own, a library's objects have
 * a release function of their own.  NULL for most modules.
 */
const char *lk_manager_of_module(const char *path);

/* True for what a runtime keeps for itself, whoever's line made it do so. */
bool lk_manager_is_internal(const char *manager);

#endif
