/*
 * Where a pc lies, and how to step out of it: modules of the loader, and code of
 * managed runtimes through their walkers.  The slow path of every capture.
 */
#include "agent/record.h"

#include "agent/agent.h"
#include "agent/got.h"
#include "agent/managed.h"
#include "base/syscall.h"
#include "unwind/cfi.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>

/* How often an unknown place is passed before it is looked up again: a runtime may
 * have started meanwhile, or told its table of the code. */
#define UNKNOWN_USES 256

static bool in_loader(uint64_t pc)
{
	struct dl_find_object o;

	return !_dl_find_object((void *)pc, &o) && (uint64_t)o.dlfo_map_start == _r_debug.r_ldbase;
}

void lk_code_row(uint64_t pc, bool exact, struct lk_row *ret_row, uint64_t *ret_start)
{
	uint64_t lookup_pc = exact ? pc : pc - 1;

	ret_row->flags = 0;
	ret_row->cfa_off = 0;
	ret_row->rbp_off = 0;
	ret_row->kind = LK_ROW_UNKNOWN;
	if (!lk_cfi_row(lookup_pc, ret_row))
		return;
	if (in_loader(lookup_pc)) { /* _dl_start_user, assembly: the process began here */
		ret_row->kind = LK_ROW_END;
		return;
	}
	if (lk_managed_row(lookup_pc, exact, ret_row, ret_start)) {
		ret_row->flags = LK_ROW_AGAIN;
		ret_row->cfa_off = UNKNOWN_USES;
	}
}

/* --- modules ---------------------------------------------------------------- */

static void copy_build_id(struct lk_module_info *m, const struct link_map *map)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)m->start;
	const Elf64_Phdr *ph;

	if (__builtin_memcmp(eh->e_ident, ELFMAG, SELFMAG) ||
		eh->e_phoff + eh->e_phnum * sizeof(*ph) > m->end - m->start)
		return;
	ph = (const Elf64_Phdr *)(m->start + eh->e_phoff);
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		const uint8_t *at, *end;

		if (ph[i].p_type != PT_NOTE)
			continue;
		at = (const uint8_t *)(map->l_addr + ph[i].p_vaddr);
		end = at + ph[i].p_memsz;
		if ((uint64_t)at < m->start || (uint64_t)end > m->end)
			continue;
		while (end - at > (long)sizeof(Elf64_Nhdr)) {
			const Elf64_Nhdr *n = (const Elf64_Nhdr *)at;
			const uint8_t *name = at + sizeof(*n);
			const uint8_t *desc = name + lk_align_up(n->n_namesz, 4);

			if (desc + n->n_descsz > end)
				break;
			if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4 &&
				!__builtin_memcmp(name, "GNU", 4)) {
				m->build_id_size = n->n_descsz < 32 ? n->n_descsz : 32;
				__builtin_memcpy(m->build_id, desc, m->build_id_size);
				return;
			}
			at = desc + lk_align_up(n->n_descsz, 4);
		}
	}
}

static uint64_t own_path(uint32_t *ret_size)
{
	char buf[1024];
	long n = lk_syscall4(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", buf, sizeof(buf) - 1);

	if (n <= 0)
		return 0;
	buf[n] = 0;
	*ret_size = (uint32_t)n;
	return lk_string_add(buf);
}

static uint32_t add_module(const struct dl_find_object *o)
{
	uint64_t number = lk_region_alloc(LK_REGION_MODULES, 1);
	const char *name = o->dlfo_link_map->l_name;
	struct lk_module_info *m;
	uint32_t size = 0;

	if (number == UINT64_MAX)
		return LK_CODE_NONE;
	m = lk_region_at(LK_REGION_MODULES, number);
	m->start = (uint64_t)o->dlfo_map_start;
	m->end = (uint64_t)o->dlfo_map_end;
	m->bias = o->dlfo_link_map->l_addr;
	if (name && *name) {
		m->path_at = lk_string_add(name);
		while (name[size])
			size++;
	} else {
		m->path_at = own_path(&size);
	}
	m->path_size = size;
	m->loaded_ms = lk_tick32(lk_writer->header);
	copy_build_id(m, o->dlfo_link_map);
	lk_got_update(); /* it may have been loaded just now */
	lk_region_publish(LK_REGION_MODULES, number, 1);
	return (uint32_t)number;
}

static uint32_t module_of(uint64_t pc)
{
	uint64_t nr = lk_writer->header->regions[LK_REGION_MODULES].used;
	struct dl_find_object o;

	for (uint64_t i = nr; i-- > 0;) {
		const struct lk_module_info *m = lk_region_at(LK_REGION_MODULES, i);

		if (pc >= m->start && pc < m->end && !m->unloaded_ms)
			return (uint32_t)i;
	}
	if (_dl_find_object((void *)pc, &o))
		return LK_CODE_NONE;
	return add_module(&o);
}

uint32_t lk_modules_generation;

void lk_code_unloaded(void)
{
	struct lk_store_header *h = lk_writer->header;
	uint64_t nr;

	lk_store_lock();
	nr = h->regions[LK_REGION_MODULES].used;
	for (uint64_t i = 0; i < nr; i++) {
		struct lk_module_info *m = lk_region_at(LK_REGION_MODULES, i);
		struct dl_find_object o;

		if (!m->unloaded_ms && (_dl_find_object((void *)m->start, &o) ||
					       o.dlfo_link_map->l_addr != m->bias))
			lk_store(&m->unloaded_ms, lk_tick32(h));
	}
	lk_store_unlock();
	/* Every thread drops its rows and its memo before its next capture (C5). */
	lk_add(&lk_modules_generation, 1);
	lk_add(&h->generation, 1);
}

/*
 * A new node is mostly a pc that was met on another path: what it is was asked
 * before.  In memory that is wiped in a forked child, whose store is another.  Not
 * kept for stubs, which are another method's on another path.
 */
struct asked {
	uint64_t pc;
	uint32_t generation, code;
};
static struct asked *asked;
#define NR_ASKED 8192u

static uint32_t code_at(uint64_t lookup_pc, const struct lk_walk_stack *stack)
{
	uint32_t module = module_of(lookup_pc), code;

	/* A runtime's precompiled code lies in a module, and is its code all the same. */
	if (module != LK_CODE_NONE) {
		struct dl_find_object o;

		if (_dl_find_object((void *)lookup_pc, &o) || o.dlfo_eh_frame)
			return module;
	}
	code = lk_managed_code(lookup_pc, stack);
	if (code != LK_CODE_NONE)
		return code | LK_CODE_MANAGED;
	if (module == LK_CODE_NONE)
		lk_count_lost(LK_LOST_NAMES);
	return module;
}

static struct asked *asked_at(uint64_t lookup_pc)
{
	if (!asked)
		asked = lk_private_alloc(NR_ASKED * sizeof(*asked));
	return asked ? &asked[(lookup_pc ^ lookup_pc >> 13) & (NR_ASKED - 1)] : NULL;
}

/* Called with the store lock held, once per new node. */
uint32_t lk_code_of(uint64_t pc, bool exact, const struct lk_walk_stack *stack)
{
	uint64_t lookup_pc = exact ? pc : pc - 1;
	uint32_t generation = lk_load(&lk_writer->header->generation), code;
	struct asked *known;

	if (pc < 4096)
		return LK_CODE_NONE;
	known = asked_at(lookup_pc);
	if (known && known->pc == lookup_pc && known->generation == generation)
		return known->code;
	code = code_at(lookup_pc, stack);
	if (known && code != LK_CODE_NONE && !lk_managed_by_path(code))
		*known = (struct asked){lookup_pc, generation, code};
	return code;
}
