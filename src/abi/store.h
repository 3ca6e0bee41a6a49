/*
 * The store: what the agent writes while the program runs, and what everybody
 * else reads.  docs/STORE.md draws it.
 *
 * One sparse file, mapped shared.  A header of one page, then regions; a region
 * is an array of records of one size that only grows.  A record is complete
 * before `used` counts it (release; readers load `used` with acquire), so a
 * reader sees whole records at any moment, also after kill -9 of either side.
 *
 * Invariants, cited by number in code and tests:
 *
 *   S1  A region's bytes below `used` records are backed by pages of the file:
 *       the agent populates before it touches, so a full disk is a counted
 *       loss, never a SIGBUS.
 *   S2  A block is live exactly while its shadow word has tag LIVE or TINY.  The
 *       word is written after the allocation returned and cleared before the
 *       block is given back; between the two the thread owns the address, so no
 *       lock is needed.
 *   S3  For tag LIVE the word of the next granule holds CONT, written before.
 *       A CONT without a LIVE before it means nothing.
 *   S4  A node's parent has a smaller number than the node.  Node 0 is the root.
 *   S5  allocated(stack) = node.allocs + the sum of pending over all tallies;
 *       freed = allocated - live.  No free is counted on its own.
 *
 * All numbers little-endian.  A reader refuses another `version` and any
 * unknown bit of `must_know`; it ignores unknown bits of `may_ignore` and
 * reserved fields, which are written 0.
 */
#ifndef LK_ABI_STORE_H
#define LK_ABI_STORE_H

#include "base/defs.h"

#define LK_STORE_MAGIC	 0x656e696c6b61656cull /* "leakline" */
#define LK_STORE_VERSION 2u
#define LK_STORE_SUFFIX	 ".store"

enum lk_region_id {
	LK_REGION_SHADOW_KEYS, /* u64 per shadow page: LK_SHADOW_KEY */
	LK_REGION_SHADOW,      /* shadow pages, 4096 bytes each */
	LK_REGION_NODES,       /* struct lk_node */
	LK_REGION_THREADS,     /* struct lk_thread_info, by thread number */
	LK_REGION_TALLIES,     /* struct lk_tally, one page set per thread slot */
	LK_REGION_MODULES,     /* struct lk_module_info */
	LK_REGION_CODES,       /* struct lk_code_info: code of a managed runtime */
	LK_REGION_BYTES,       /* strings and blobs, bytes; offset 0 is unused */
	LK_REGION_MAPS,	       /* struct lk_map_info */
	LK_REGION_IMAGES,      /* struct lk_image_info: assemblies of a managed runtime */
	LK_NR_REGIONS,
};

struct lk_region {
	uint64_t offset;      /* in the file, page aligned */
	uint64_t reserved;    /* bytes of file and address space */
	uint64_t used;	      /* records; atomic, release */
	uint32_t record_size; /* bytes */
	uint32_t reserved0;
};
_Static_assert(sizeof(struct lk_region) == 32, "store format");

/* What could not be recorded.  Every report opens with those not zero. */
enum lk_lost {
	LK_LOST_STORE_FULL,    /* blocks: no space left for the store */
	LK_LOST_REENTRANT,     /* blocks: allocated inside the agent's own work (signal) */
	LK_LOST_ADDRESS,       /* blocks: address outside the 47 bits we index */
	LK_LOST_STACKS,	       /* blocks whose stack could not be stored: stack 0 */
	LK_LOST_TRUNCATED,     /* stacks that end before the thread's first frame */
	LK_LOST_CUT,	       /* stacks deeper than the limit: the middle is cut */
	LK_LOST_APPROXIMATE,   /* stacks with a frame that was guessed */
	LK_LOST_UNKNOWN_STACK, /* captures on a stack whose bounds are unknown */
	LK_LOST_MAPS,	       /* mappings: table full or busy */
	LK_LOST_NAMES,	       /* managed code without a name */
	LK_LOST_THREADS,       /* threads without a state of their own */
	LK_LOST_RUNTIMES,      /* managed runtimes of a version that is not understood */
	LK_NR_LOST = 32,
};

enum lk_state {
	LK_STATE_RUNNING = 0,
	LK_STATE_ENDING = 1, /* the program ends; where a host asked for it, it waits for
			      * LK_STATE_READ, 1 s at most */
	LK_STATE_READ = 2,   /* the host has read what dies with the process */
};

struct lk_store_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size; /* 4096 */
	uint32_t may_ignore;
	uint32_t must_know;
	uint32_t pid;		  /* in the target's pid namespace */
	uint32_t ppid;		  /* likewise */
	uint64_t started_real_ns; /* CLOCK_REALTIME at the first event */
	uint64_t started_mono_ns; /* CLOCK_MONOTONIC at the first event: the origin of time */
	uint64_t pid_start_ticks; /* /proc/PID/stat field 22: tells a reused pid */
	uint32_t state;		  /* enum lk_state, atomic; a futex */
	uint32_t forked;	  /* 1: image made by fork, 0: by exec */
	uint64_t tick_ms;	  /* ms since started_mono_ns, atomic; host and agent push it on */
	uint64_t host_beat_ms;	  /* tick at which a host last looked; 0: never */
	uint64_t exe_at;	  /* bytes region: path of the executable */
	uint64_t command_at;	  /* bytes region: argv, NUL-separated as in /proc/PID/cmdline */
	uint32_t command_size;
	uint32_t reserved1;
	uint64_t freed_unknown;	 /* frees of blocks we did not know; atomic, slow path only */
	uint32_t host_reads_end; /* 1: a host asked to be waited for when the program ends */
	uint32_t generation;	 /* counts unloads of code; atomic */
	uint64_t reserved0[16];
	struct lk_region regions[LK_NR_REGIONS];
	uint64_t lost[LK_NR_LOST]; /* atomic */
};
_Static_assert(sizeof(struct lk_store_header) <= 4096, "the header is one page");

/*
 * The shadow.  Address space is cut into granules of 16 bytes; each has one
 * word of 8 bytes, and 512 words, a shadow page, cover 8 KiB.  Addresses with
 * bit 3 set (allocators with 8-byte classes) live in a second plane.
 *
 *   63          46 45       30 29            2 1 0
 *  +--------------+-----------+---------------+---+
 *  | size, 18 bit | time      | stack         | 1 | LIVE: size > 16, then CONT follows
 *  +--------------+-----------+---------------+---+
 *  | thread 13|5  | time      | stack         | 3 | TINY: size <= 16 in the low 5 bits
 *  +--------------+---+-------+---------------+---+
 *  | size, 46 bit     | thread, 16 bit        | 2 | CONT
 *  +------------------+-----------------------+---+
 *
 * size18 is LK_SIZE18_MORE where the size does not fit: CONT has it always.
 */
#define LK_SHADOW_PAGE	     4096u
#define LK_SHADOW_PAGE_SHIFT 13 /* address bits one shadow page covers */
#define LK_SHADOW_WORDS	     512u
#define LK_ADDRESS_BITS	     47
/* key of a shadow page: address >> 13, plane in bit 62 */
#define LK_SHADOW_KEY(addr)                                                                        \
	(((addr) >> LK_SHADOW_PAGE_SHIFT) | ((uint64_t)(((addr) >> 3) & 1) << 62))

#define LK_TAG_EMPTY   0u
#define LK_TAG_LIVE    1u
#define LK_TAG_CONT    2u
#define LK_TAG_TINY    3u
#define LK_TINY_MAX    16u
#define LK_SIZE18_MORE 0x3ffffu
#define LK_STACK_BITS  28
#define LK_STACK_MAX   ((1u << LK_STACK_BITS) - 1)

/*
 * Time in a word: milliseconds since the start as 16-bit floating point, 11 bits
 * of mantissa.  Exact below 4.096 s, then within 1/2048 of the time itself.
 */
LK_INLINE uint32_t lk_time_pack(uint64_t ms)
{
	uint32_t e;

	if (ms < 4096)
		return (uint32_t)ms;
	e = 63 - (uint32_t)__builtin_clzll(ms) - 11;
	return e > 30 ? 0xffff : e * 2048 + (uint32_t)(ms >> e);
}

LK_INLINE uint64_t lk_time_unpack_ms(uint32_t packed)
{
	uint32_t e = packed < 4096 ? 0 : packed / 2048 - 1;

	return (uint64_t)(packed - e * 2048) << e;
}

/* A block as a shadow word and its continuation say it. */
struct lk_word {
	uint64_t first;
	uint64_t cont; /* meaningful for tag LIVE only */
};

LK_INLINE struct lk_word lk_word_pack(uint64_t size, uint32_t stack, uint32_t time, uint32_t thread)
{
	uint64_t low = (uint64_t)(stack & LK_STACK_MAX) << 2 | (uint64_t)(time & 0xffff) << 30;

	if (size <= LK_TINY_MAX) {
		uint64_t t = thread > 0x1fff ? 0x1fff : thread;
		return (struct lk_word){.first = low | LK_TAG_TINY | (t << 5 | size) << 46};
	}
	return (struct lk_word){
		.first = low | LK_TAG_LIVE |
			 (size < LK_SIZE18_MORE ? size : (uint64_t)LK_SIZE18_MORE) << 46,
		.cont = size << 18 | (uint64_t)(thread & 0xffff) << 2 | LK_TAG_CONT,
	};
}

LK_INLINE uint32_t lk_word_tag(uint64_t first)
{
	return first & 3;
}

LK_INLINE bool lk_word_is_block(uint64_t first)
{
	return first & 1; /* LIVE and TINY are the odd tags */
}

LK_INLINE uint32_t lk_word_stack(uint64_t first)
{
	return (uint32_t)(first >> 2) & LK_STACK_MAX;
}

LK_INLINE uint32_t lk_word_time(uint64_t first)
{
	return (uint32_t)(first >> 30) & 0xffff;
}

LK_INLINE uint64_t lk_word_size(struct lk_word w)
{
	uint64_t top = w.first >> 46;

	if (lk_word_tag(w.first) == LK_TAG_TINY)
		return top & 31;
	return top != LK_SIZE18_MORE ? top : w.cont >> 18;
}

LK_INLINE uint32_t lk_word_thread(struct lk_word w)
{
	if (lk_word_tag(w.first) == LK_TAG_TINY)
		return (uint32_t)(w.first >> 51);
	return (uint32_t)(w.cont >> 2) & 0xffff;
}

/*
 * A node is one frame of one distinct call path; its chain of parents is the
 * stack, innermost first, up to node 0.  The innermost node of a stack is the
 * allocation function itself: its pc is an enum lk_entry.
 */
struct lk_node {
	uint64_t pc;	 /* return address, or enum lk_entry */
	uint32_t parent; /* node number, smaller than this one's (S4) */
	uint32_t code;	 /* where pc lies: LK_CODE_* */
	uint64_t allocs; /* blocks allocated with this whole stack; atomic (S5) */
	uint64_t bytes;	 /* their bytes; atomic */
};
_Static_assert(sizeof(struct lk_node) == 32, "store format");

#define LK_CODE_NONE	0xffffffffu /* unknown memory */
#define LK_CODE_MANAGED 0x80000000u /* set: low bits number a record of CODES, else of MODULES */
#define LK_CODE_EXACT	0x40000000u /* set: pc is where execution was, not a return address */
#define LK_CODE_INDEX	0x3fffffffu

/* What the program called.  pc of the innermost node. */
enum lk_entry {
	LK_ENTRY_NONE,
	LK_ENTRY_MALLOC,
	LK_ENTRY_CALLOC,
	LK_ENTRY_REALLOC,
	LK_ENTRY_REALLOCARRAY,
	LK_ENTRY_MEMALIGN,
	LK_ENTRY_POSIX_MEMALIGN,
	LK_ENTRY_ALIGNED_ALLOC,
	LK_ENTRY_VALLOC,
	LK_ENTRY_PVALLOC,
	LK_ENTRY_NEW,
	LK_ENTRY_NEW_ARRAY,
	LK_ENTRY_MMAP,
	LK_ENTRY_MREMAP,
	LK_ENTRY_MPROTECT, /* made reserved address space usable */
	LK_NR_ENTRIES,
};

/* Two pcs that are no code: they say what a stack lacks. */
#define LK_PC_TRUNCATED 64u /* outermost: the frames beyond could not be found */
#define LK_PC_CUT	65u /* frames were left out here: the stack was too deep */

/* Blocks counted by one thread for one stack and not yet added to the node. */
struct lk_tally {
	uint64_t hash; /* of the whole stack; the agent's lookup key */
	uint32_t stack;
	uint32_t pending_allocs;
	uint64_t pending_bytes;
	uint64_t reserved0;
};
_Static_assert(sizeof(struct lk_tally) == 32, "store format");
#define LK_TALLIES_PER_THREAD 1024u

struct lk_thread_info {
	uint32_t tid;
	uint32_t started_ms;
	char comm[16];
	uint64_t reserved0;
};
_Static_assert(sizeof(struct lk_thread_info) == 32, "store format");

struct lk_module_info {
	uint64_t start; /* mapped range that holds the module's code and data */
	uint64_t end;
	uint64_t bias;	  /* run-time address - address in the file's symbols */
	uint64_t path_at; /* bytes region */
	uint32_t path_size;
	uint32_t build_id_size;
	uint8_t build_id[32];
	uint32_t loaded_ms;
	uint32_t unloaded_ms; /* atomic; 0: still there.  Told by pc alone no more after that */
	uint64_t reserved0;
};
_Static_assert(sizeof(struct lk_module_info) == 88, "store format");

enum lk_runtime_id {
	LK_RUNTIME_NONE,
	LK_RUNTIME_MONO,
	LK_RUNTIME_CLR,
	LK_RUNTIME_JVM,
	LK_RUNTIME_PYTHON,
	LK_RUNTIME_NODE,
};

/*
 * One compiled method (or wrapper, stub, trampoline) of a managed runtime,
 * copied by the agent when its code was first met, so that it can be named when
 * the process is long gone.  One record per method body; nodes refer to it and
 * carry the pc.
 */
struct lk_code_info {
	uint64_t start; /* code range */
	uint64_t size;
	uint64_t handle;   /* the runtime's own: MonoMethod *, MethodDesc * */
	uint32_t runtime;  /* enum lk_runtime_id */
	uint32_t kind;	   /* the runtime's own: Mono's wrapper type, 0 = user's method */
	uint32_t token;	   /* metadata token (0x06......), 0 where there is none */
	uint32_t flags;	   /* LK_CODE_FLAG_* */
	uint64_t name_at;  /* bytes region, each 0 where unknown; NUL-terminated strings */
	uint64_t class_at; /* "Outer/Inner" */
	uint64_t space_at; /* namespace */
	uint64_t image_at; /* path of the assembly */
	uint64_t map_at;   /* blob: native offset -> IL offset, in the runtime's own encoding */
	uint32_t map_size;
	uint32_t unloaded_ms; /* atomic */
	uint32_t image;	      /* record of IMAGES + 1; 0: image_at alone tells */
	uint32_t entry_off;   /* the map counts from start - entry_off: a funclet lies behind its
				 method */
};
_Static_assert(sizeof(struct lk_code_info) == 96, "store format");
#define LK_CODE_FLAG_AOT	1u /* compiled ahead of time */
#define LK_CODE_FLAG_TRAMPOLINE 2u /* a stub of the runtime, no method */

/* kind of a record of LK_RUNTIME_CLR */
enum lk_clr_kind {
	LK_CLR_METHOD, /* somebody's code: token and image, or names where it has no token */
	LK_CLR_STUB,   /* marshalling stub (IL_STUB_*): token and image of the P/Invoke or interface
			* method that it serves, where that is known; name: "IL_STUB_PInvoke", .. */
	LK_CLR_DYNAMIC, /* DynamicMethod: name alone */
	LK_CLR_HELPER,	/* a helper that the runtime made up: name, or nothing */
};

/*
 * map of a record of LK_RUNTIME_CLR: one byte LK_CLR_MAP_*, then what the runtime
 * keeps: two nibble-coded sizes (of bounds, of variables), padding to a byte, bounds.
 */
#define LK_CLR_MAP_JIT 1u
#define LK_CLR_MAP_R2R 2u

/*
 * A managed assembly that records of CODES belong to, as the runtime has it in
 * memory.  What no file can tell later - it lies in a bundle, or never was a
 * file - is copied.
 */
struct lk_image_info {
	uint64_t handle;   /* the runtime's own: Module * */
	uint64_t path_at;  /* bytes region; 0: it has no path */
	uint64_t meta_at;  /* CLI metadata, whole; 0: the file at the path has it */
	uint64_t debug_at; /* with meta_at: the debug directory, per entry u32 type, u32 stamp,
			    * u32 size and size bytes of data; 0: none */
	uint32_t meta_size;
	uint32_t debug_size;
	uint8_t mvid[16]; /* of the module; zeros: unknown */
	uint32_t loaded_ms;
	uint32_t unloaded_ms; /* atomic; 0: still there */
};
_Static_assert(sizeof(struct lk_image_info) == 64, "store format");

/* One mapping made by the program through mmap; split and cut as it unmaps. */
struct lk_map_info {
	uint64_t start; /* 0: slot unused; atomic, written last */
	uint64_t size;
	uint32_t stack;
	uint32_t time_ms;
	uint32_t thread;
	uint32_t kind; /* LK_MAP_* */
};
_Static_assert(sizeof(struct lk_map_info) == 32, "store format");
#define LK_MAP_FILE   1u
#define LK_MAP_SHARED 2u
#define LK_MAP_EXEC   4u
#define LK_MAP_NONE   8u
#define LK_MAP_HEAP   16u /* with NONE: of a reservation as large as only heaps of runtimes are */

#endif
