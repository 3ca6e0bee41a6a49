#include "agent/got.h"

#include "agent/agent.h"
#include "agent/record.h"
#include "base/syscall.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>

typedef uint64_t any_fn(uint64_t, uint64_t, uint64_t, uint64_t);

/* One line per name: its number, the symbol, what it does. */
#define NAMES(N, F, R)                                                                             \
	N(0, "_Znwm", a, LK_ENTRY_NEW)                                                             \
	N(1, "_ZnwmRKSt9nothrow_t", a, LK_ENTRY_NEW)                                               \
	N(2, "_ZnwmSt11align_val_t", a, LK_ENTRY_NEW)                                              \
	N(3, "_ZnwmSt11align_val_tRKSt9nothrow_t", a, LK_ENTRY_NEW)                                \
	N(4, "_Znam", a, LK_ENTRY_NEW_ARRAY)                                                       \
	N(5, "_ZnamRKSt9nothrow_t", a, LK_ENTRY_NEW_ARRAY)                                         \
	N(6, "_ZnamSt11align_val_t", a, LK_ENTRY_NEW_ARRAY)                                        \
	N(7, "_ZnamSt11align_val_tRKSt9nothrow_t", a, LK_ENTRY_NEW_ARRAY)                          \
	F(8, "_ZdlPv")                                                                             \
	F(9, "_ZdlPvm")                                                                            \
	F(10, "_ZdlPvRKSt9nothrow_t")                                                              \
	F(11, "_ZdlPvSt11align_val_t")                                                             \
	F(12, "_ZdlPvmSt11align_val_t")                                                            \
	F(13, "_ZdlPvSt11align_val_tRKSt9nothrow_t")                                               \
	F(14, "_ZdaPv")                                                                            \
	F(15, "_ZdaPvm")                                                                           \
	F(16, "_ZdaPvRKSt9nothrow_t")                                                              \
	F(17, "_ZdaPvSt11align_val_t")                                                             \
	F(18, "_ZdaPvmSt11align_val_t")                                                            \
	F(19, "_ZdaPvSt11align_val_tRKSt9nothrow_t")                                               \
	N(20, "mallocx", a, LK_ENTRY_MALLOC)                                                       \
	F(21, "dallocx")                                                                           \
	F(22, "sdallocx")                                                                          \
	R(23, "rallocx")                                                                           \
	N(24, "mi_malloc", a, LK_ENTRY_MALLOC)                                                     \
	N(25, "mi_zalloc", a, LK_ENTRY_CALLOC)                                                     \
	N(26, "mi_calloc", a *b, LK_ENTRY_CALLOC)                                                  \
	N(27, "mi_malloc_aligned", a, LK_ENTRY_ALIGNED_ALLOC)                                      \
	R(28, "mi_realloc")                                                                        \
	F(29, "mi_free")                                                                           \
	N(30, "tc_malloc", a, LK_ENTRY_MALLOC)                                                     \
	N(31, "tc_calloc", a *b, LK_ENTRY_CALLOC)                                                  \
	N(32, "tc_memalign", b, LK_ENTRY_MEMALIGN)                                                 \
	R(33, "tc_realloc")                                                                        \
	F(34, "tc_free")                                                                           \
	F(35, "tc_free_sized")

#define NR_NAMES 36
static any_fn *real[NR_NAMES];

/* A thrown bad_alloc leaves the gate INSIDE; the next hook higher up mends that. */
#define HOOK_NEW(i, symbol, size, entry)                                                           \
	static uint64_t hook_##i(uint64_t a, uint64_t b, uint64_t c, uint64_t d)                   \
	{                                                                                          \
		struct lk_caller from = LK_CALLER();                                               \
		struct lk_agent_thread *t = lk_thread_enter(lk_caller_sp(from));                   \
		uint64_t p = real[i](a, b, c, d);                                                  \
		if (t) {                                                                           \
			if (p)                                                                     \
				lk_record_alloc(t, p, size, entry, from);                          \
			lk_thread_leave(t);                                                        \
		}                                                                                  \
		return p;                                                                          \
	}
#define HOOK_FREE(i, symbol)                                                                       \
	static uint64_t hook_##i(uint64_t a, uint64_t b, uint64_t c, uint64_t d)                   \
	{                                                                                          \
		struct lk_agent_thread *t = lk_thread_enter((uint64_t)__builtin_frame_address(0)); \
		uint64_t r;                                                                        \
		if (t && a)                                                                        \
			lk_record_free(t, a);                                                      \
		r = real[i](a, b, c, d);                                                           \
		if (t)                                                                             \
			lk_thread_leave(t);                                                        \
		return r;                                                                          \
	}
#define HOOK_REALLOC(i, symbol)                                                                    \
	static uint64_t hook_##i(uint64_t a, uint64_t b, uint64_t c, uint64_t d)                   \
	{                                                                                          \
		struct lk_caller from = LK_CALLER();                                               \
		struct lk_agent_thread *t = lk_thread_enter(lk_caller_sp(from));                   \
		struct lk_word old = {0};                                                          \
		uint64_t p;                                                                        \
		if (t && a)                                                                        \
			old = lk_record_free(t, a);                                                \
		p = real[i](a, b, c, d);                                                           \
		if (t) {                                                                           \
			if (p)                                                                     \
				lk_record_alloc(t, p, b, LK_ENTRY_REALLOC, from);                  \
			else if (old.first && b)                                                   \
				lk_record_undo_free(t, a, old);                                    \
			lk_thread_leave(t);                                                        \
		}                                                                                  \
		return p;                                                                          \
	}
NAMES(HOOK_NEW, HOOK_FREE, HOOK_REALLOC)

#define ROW_NEW(i, symbol, size, entry) [i] = {symbol, hook_##i},
#define ROW_FREE(i, symbol)		[i] = {symbol, hook_##i},
static const struct {
	const char *symbol;
	any_fn *hook;
} names[NR_NAMES] = {NAMES(ROW_NEW, ROW_FREE, ROW_FREE)};

static bool wanted; /* the allocator has at least one of them */
static const struct link_map *allocator;
static uint64_t nr_patched; /* modules seen, by the loader's list */

static bool same_text(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static int name_number(const char *symbol)
{
	for (int i = 0; i < NR_NAMES; i++)
		if (real[i] && same_text(names[i].symbol, symbol))
			return i;
	return -1;
}

struct dynamic {
	const Elf64_Sym *symbols;
	const char *strings;
	const Elf64_Rela *rela[2];
	uint64_t rela_size[2];
};

/* glibc relocates the pointers of the dynamic section where it can write to it. */
static uint64_t dyn_pointer(const struct link_map *m, uint64_t v)
{
	return v < m->l_addr ? v + m->l_addr : v;
}

static bool read_dynamic(const struct link_map *m, struct dynamic *ret)
{
	*ret = (struct dynamic){0};
	for (const Elf64_Dyn *d = m->l_ld; d && d->d_tag != DT_NULL; d++) {
		switch (d->d_tag) {
		case DT_SYMTAB:
			ret->symbols = (const Elf64_Sym *)dyn_pointer(m, d->d_un.d_ptr);
			break;
		case DT_STRTAB:
			ret->strings = (const char *)dyn_pointer(m, d->d_un.d_ptr);
			break;
		case DT_RELA:
			ret->rela[0] = (const Elf64_Rela *)dyn_pointer(m, d->d_un.d_ptr);
			break;
		case DT_RELASZ:
			ret->rela_size[0] = d->d_un.d_val;
			break;
		case DT_JMPREL:
			ret->rela[1] = (const Elf64_Rela *)dyn_pointer(m, d->d_un.d_ptr);
			break;
		case DT_PLTRELSZ:
			ret->rela_size[1] = d->d_un.d_val;
			break;
		default:
			break;
		}
	}
	return ret->symbols && ret->strings;
}

/*
 * Writes one slot.  It may lie in memory that was made read-only after
 * relocation (RELRO): a page is opened for the one store and closed again.
 */
static void write_slot(uint64_t *slot, any_fn *hook)
{
	uint64_t page = (uint64_t)slot & ~4095ull, was = *slot;
	/* Does the kernel let us write there?  Reading into it tells without a fault. */
	struct {
		void *base;
		size_t size;
	} from = {&was, 8}, to = {slot, 8};
	long wrote = lk_syscall6(
		SYS_process_vm_writev, lk_syscall0(SYS_getpid), (long)&from, 1, (long)&to, 1, 0);

	if (wrote != 8 && lk_syscall3(SYS_mprotect, page, 4096, PROT_READ | PROT_WRITE))
		return;
	__atomic_store_n(slot, (uint64_t)hook, __ATOMIC_RELEASE);
	if (wrote != 8)
		lk_syscall3(SYS_mprotect, page, 4096, PROT_READ);
}

static void patch_module(const struct link_map *m)
{
	struct dynamic d;

	if (m == allocator || !read_dynamic(m, &d))
		return;
	for (unsigned table = 0; table < 2; table++) {
		uint64_t nr = d.rela[table] ? d.rela_size[table] / sizeof(Elf64_Rela) : 0;

		for (uint64_t i = 0; i < nr; i++) {
			const Elf64_Rela *r = &d.rela[table][i];
			uint32_t type = (uint32_t)ELF64_R_TYPE(r->r_info);
			uint64_t *slot = (uint64_t *)(m->l_addr + r->r_offset);
			int n;

			if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT &&
				type != R_X86_64_64)
				continue;
			n = name_number(d.strings + d.symbols[ELF64_R_SYM(r->r_info)].st_name);
			/* Bound to another definition than the allocator's: leave it alone. */
			if (n < 0 || (*slot != (uint64_t)real[n] && type != R_X86_64_JUMP_SLOT))
				continue;
			if (*slot != (uint64_t)names[n].hook)
				write_slot(slot, names[n].hook);
		}
	}
}

static void patch_all(void)
{
	struct dl_find_object own;
	uint64_t nr = 0;

	_dl_find_object((void *)lk_got_start, &own);
	for (const struct link_map *m = _r_debug.r_map; m; m = m->l_next, nr++)
		if (nr >= nr_patched && m != own.dlfo_link_map)
			patch_module(m);
	nr_patched = nr;
}

void lk_got_start(void)
{
	struct dl_find_object malloc_at, at;

	if (_dl_find_object((void *)lk_real.malloc, &malloc_at))
		return;
	allocator = malloc_at.dlfo_link_map;
	for (int i = 0; i < NR_NAMES; i++) {
		void *f = dlsym(RTLD_NEXT, names[i].symbol);

		if (!f || _dl_find_object(f, &at) || at.dlfo_link_map != allocator)
			continue;
		__builtin_memcpy(&real[i], &f, sizeof(f));
		wanted = true;
	}
	if (wanted)
		patch_all();
}

void lk_got_update(void)
{
	if (wanted)
		patch_all();
}
