#include "elf/dynsym.h"

#include <elf.h>

/* No sane chain is longer; it bounds the walk over a damaged table. */
#define CHAIN_MAX 65536u

/* Nor any list of modules; it may be changed while it is gone through. */
#define MODULES_MAX 4096u

struct tables {
	const Elf64_Sym *syms;
	const char *strings;
	size_t strings_size;
	const uint32_t *gnu_hash;
	const uint32_t *sysv_hash;
};

/*
 * glibc rewrites the pointers of a dynamic section in place to run-time
 * addresses, but not those of the vDSO, which it can't write.
 */
static const void *dynamic_ptr(const struct link_map *m, uint64_t value)
{
	return (const void *)(value < m->l_addr ? value + m->l_addr : value);
}

static bool tables_find(const struct link_map *m, struct tables *t)
{
	*t = (struct tables){0};
	for (const Elf64_Dyn *d = m->l_ld; d && d->d_tag != DT_NULL; d++) {
		const void *at = dynamic_ptr(m, d->d_un.d_ptr);

		switch (d->d_tag) {
		case DT_SYMTAB:
			t->syms = at;
			break;
		case DT_STRTAB:
			t->strings = at;
			break;
		case DT_STRSZ:
			t->strings_size = d->d_un.d_val;
			break;
		case DT_GNU_HASH:
			t->gnu_hash = at;
			break;
		case DT_HASH:
			t->sysv_hash = at;
			break;
		default:
			break;
		}
	}
	return t->syms && t->strings && (t->gnu_hash || t->sysv_hash);
}

static bool name_is(const struct tables *t, const Elf64_Sym *sym, const char *name)
{
	size_t i = sym->st_name;

	for (; i < t->strings_size; i++, name++) {
		if (t->strings[i] != *name)
			return false;
		if (!*name)
			return true;
	}
	return false;
}

static bool is_match(const struct tables *t, const Elf64_Sym *sym, const char *name)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info);

	if (sym->st_shndx == SHN_UNDEF)
		return false;
	if (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE)
		return false;
	return name_is(t, sym, name);
}

/* header: nbuckets, symoffset, bloom_size, bloom_shift; then bloom, buckets, chain */
static const Elf64_Sym *gnu_find(const struct tables *t, const char *name)
{
	uint32_t nr_buckets = t->gnu_hash[0], first = t->gnu_hash[1];
	uint32_t nr_bloom = t->gnu_hash[2], shift = t->gnu_hash[3];
	const uint64_t *bloom = (const uint64_t *)(t->gnu_hash + 4);
	const uint32_t *buckets = (const uint32_t *)(bloom + nr_bloom);
	const uint32_t *chain = buckets + nr_buckets;
	uint32_t hash = 5381, i;
	uint64_t word;

	if (!nr_buckets || !nr_bloom)
		return NULL;
	for (const char *c = name; *c; c++)
		hash = hash * 33 + (uint8_t)*c;
	word = bloom[hash / 64 % nr_bloom];
	if (!(word >> (hash % 64) & word >> ((hash >> (shift & 31)) % 64) & 1))
		return NULL;
	i = buckets[hash % nr_buckets];
	for (uint32_t n = 0; i >= first && n < CHAIN_MAX; n++, i++) {
		uint32_t h = chain[i - first];

		if ((h | 1) == (hash | 1) && is_match(t, &t->syms[i], name))
			return &t->syms[i];
		if (h & 1)
			break;
	}
	return NULL;
}

/* header: nbucket, nchain; then buckets, chain */
static const Elf64_Sym *sysv_find(const struct tables *t, const char *name)
{
	uint32_t nr_buckets = t->sysv_hash[0], nr_chain = t->sysv_hash[1];
	const uint32_t *buckets = t->sysv_hash + 2, *chain = buckets + nr_buckets;
	uint32_t hash = 0, i;

	if (!nr_buckets)
		return NULL;
	for (const char *c = name; *c; c++) {
		hash = (hash << 4) + (uint8_t)*c;
		hash ^= hash >> 24 & 0xf0;
		hash &= 0x0fffffff;
	}
	i = buckets[hash % nr_buckets];
	for (uint32_t n = 0; i != STN_UNDEF && i < nr_chain && n < CHAIN_MAX; n++, i = chain[i])
		if (is_match(t, &t->syms[i], name))
			return &t->syms[i];
	return NULL;
}

const void *lk_elf_symbol(const struct link_map *m, const char *name)
{
	const Elf64_Sym *sym;
	struct tables t;

	if (!tables_find(m, &t))
		return NULL;
	sym = t.gnu_hash ? gnu_find(&t, name) : sysv_find(&t, name);
	if (!sym)
		return NULL;
	return (const void *)(sym->st_shndx == SHN_ABS ? sym->st_value : m->l_addr + sym->st_value);
}

const struct link_map *lk_elf_module_with(const char *name)
{
	const struct link_map *m = _r_debug.r_map;

	for (unsigned i = 0; m && i < MODULES_MAX; m = m->l_next, i++)
		if (m->l_ld && lk_elf_symbol(m, name))
			return m;
	return NULL;
}
