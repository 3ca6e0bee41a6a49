/*
 * The rundown of a .NET runtime: which method's code lies where, told by the runtime
 * itself through the diagnostics socket without a stop.  Names every JIT'd body,
 * precompiled code that was used, stubs and dynamic methods; IL maps exist for
 * JIT'd code only.  It serves runtimes whose structures cannot be read in
 * memory (.NET 8).  Seen: 26,000 methods in 12 MB, 0.1 to 0.5 s, no pause of the program.
 *
 * All texts live in the rundown.  One thread at a time.
 */
#ifndef LK_RUNTIME_RUNDOWN_H
#define LK_RUNTIME_RUNDOWN_H

#include "runtime/diag_ipc.h"
#include "runtime/nettrace.h"

/* JIT'd code and its IL maps (0x10, 0x20000), modules (0x8); precompiled code comes with 0x10. */
#define LK_RUNDOWN_KEYWORDS 0x20018ull

enum lk_rundown_flag {
	LK_RUNDOWN_DYNAMIC = 1,
	LK_RUNDOWN_GENERIC = 2,
	LK_RUNDOWN_SHARED = 4,
	LK_RUNDOWN_JITTED = 8, /* not set: precompiled (ReadyToRun) */
};

/* Bits 7 to 9 of the flags of JIT'd code. */
enum lk_rundown_tier {
	LK_TIER_UNKNOWN,
	LK_TIER_MIN_OPT,
	LK_TIER_OPTIMIZED,
	LK_TIER_QUICK,
	LK_TIER_1,
	LK_TIER_OSR,
	LK_TIER_QUICK_INSTRUMENTED,
	LK_TIER_1_INSTRUMENTED,
};
#define LK_RUNDOWN_TIER(flags) ((flags) >> 7 & 7)

/* One body of code; a method has one per tier. */
struct lk_rundown_method {
	uint64_t start_addr;
	uint32_t size;
	uint32_t token;	    /* 0x06000000 for stubs and dynamic methods */
	uint64_t method_id; /* the runtime's MethodDesc */
	uint64_t rejit_id;  /* with method_id: this body */
	uint64_t module_id;
	uint32_t flags;	  /* enum lk_rundown_flag, tier */
	const char *type; /* namespace and type */
	const char *name, *signature;
};

struct lk_rundown_module {
	uint64_t module_id;
	const char *path;     /* of the assembly */
	const char *pdb_path; /* where it was built; "" none */
	uint8_t pdb_guid[16]; /* the first 16 bytes of a portable PDB's id */
	uint32_t pdb_age;
};

struct lk_rundown;
struct lk_rundown *lk_rundown_new(void);
struct lk_rundown *lk_rundown_free(struct lk_rundown *r);

/* Takes an event of a stream; lk_nettrace_fn with the rundown as its arg. */
void lk_rundown_event(void *rundown, const struct lk_nettrace_event *event);

/*
 * Ends the collecting; lookups work from now on.  -ENODATA: the event that closes a
 * rundown is missing: the runtime was starting or ended, or its buffer was too small,
 * which a stream does not show otherwise.  -E2BIG: beyond a million methods.
 */
int lk_rundown_finish(struct lk_rundown *r);

size_t lk_rundown_nr_methods(const struct lk_rundown *r);
size_t lk_rundown_nr_maps(const struct lk_rundown *r);
size_t lk_rundown_nr_modules(const struct lk_rundown *r);
uint64_t lk_rundown_nr_damaged(const struct lk_rundown *r); /* events that could not be read */

/* The body that pc lies in, or NULL.  nth body by address, for tests and listings. */
const struct lk_rundown_method *lk_rundown_at(const struct lk_rundown *r, uint64_t pc);
const struct lk_rundown_method *lk_rundown_nth(const struct lk_rundown *r, size_t n);
const struct lk_rundown_module *lk_rundown_module(const struct lk_rundown *r, uint64_t module_id);

/*
 * The IL offset of the code at `native` bytes from the body's start.  -ENODATA: no map, or
 * the code is of no IL.
 */
int lk_rundown_il(const struct lk_rundown *r, const struct lk_rundown_method *method,
	uint32_t native, uint32_t *ret_il);

/*
 * Asks a running process for it.  Fails as lk_diag_begin_session and lk_rundown_finish do,
 * and with -ETIMEDOUT.
 */
int lk_rundown_take(const struct lk_diag_address *address, const struct lk_diag_info *info,
	unsigned timeout_ms, struct lk_rundown **ret, struct lk_err *err);

#endif
