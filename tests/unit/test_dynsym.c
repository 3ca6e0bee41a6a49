#include "elf/dynsym.h"

#include "tap.h"

#include <dlfcn.h>
#include <elf.h>
#include <string.h>

static const struct link_map *module(const char *part)
{
	for (const struct link_map *m = _r_debug.r_map; m; m = m->l_next)
		if (strstr(m->l_name, part))
			return m;
	return NULL;
}

/* Every exported function or object of libc must be found where the loader finds it. */
static void test_all_of_libc(void)
{
	const struct link_map *libc = module("libc.so");
	void *handle = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	static const char *const names[] = {"malloc", "free", "printf", "stdout", "environ",
		"qsort", "pthread_create", "getpid", "mmap", "dlopen", "abort"};
	unsigned nr_same = 0;

	for (size_t i = 0; i < LK_ARRAY_SIZE(names); i++)
		nr_same += lk_elf_symbol(libc, names[i]) == dlsym(handle, names[i]);
	tap_ok(nr_same == LK_ARRAY_SIZE(names), "what libc exports is found as dlsym finds it");
	tap_ok(!lk_elf_symbol(libc, "no_such_symbol_here"), "what it does not have is not");
	tap_ok(!lk_elf_symbol(libc, ""), "nor is the empty name");
	tap_ok(!lk_elf_symbol(libc, "strlen"), "an indirect function is not an address");
	tap_ok(!lk_elf_symbol(libc, "errno"), "nor is a thread-local variable");
}

static void test_other_modules(void)
{
	const struct link_map *main = _r_debug.r_map;
	const struct link_map *vdso = module("linux-vdso");

	tap_ok(!lk_elf_symbol(main, "printf"), "an import is not a definition");
	tap_ok(lk_elf_module_with("printf") == module("libc.so") &&
			!lk_elf_module_with("no_such_symbol_here"),
		"a module is found by what it exports");
	if (!vdso)
		tap_skip("the vDSO's unrelocated tables are read", "vDSO");
	else
		tap_ok(lk_elf_symbol(vdso, "__vdso_clock_gettime") != NULL,
			"the vDSO's unrelocated tables are read");
}

static uint32_t sysv_hash(const char *name)
{
	uint32_t h = 0;

	for (; *name; name++) {
		h = (h << 4) + (uint8_t)*name;
		h = (h ^ (h & 0xf0000000) >> 24) & 0x0fffffff;
	}
	return h;
}

/* A module with a System V table of two names in one bucket, made by hand. */
static void test_sysv_hash(void)
{
	static const char strings[] = "\0alpha\0beta";
	Elf64_Sym syms[3] = {{0},
		{.st_name = 1, .st_info = STT_FUNC, .st_shndx = 1, .st_value = 0x10},
		{.st_name = 7, .st_info = STT_OBJECT, .st_shndx = 1, .st_value = 0x20}};
	uint32_t hash[] = {1, 3, 1, 0, 2, 0};
	uint32_t looped[] = {1, 3, 1, 0, 2, 1};
	Elf64_Dyn dyn[] = {{DT_SYMTAB, {(uintptr_t)syms}}, {DT_STRTAB, {(uintptr_t)strings}},
		{DT_STRSZ, {sizeof(strings)}}, {DT_HASH, {(uintptr_t)hash}}, {DT_NULL, {0}}};
	struct link_map m = {.l_addr = 0x1000, .l_ld = dyn};

	tap_ok(sysv_hash("alpha") != sysv_hash("beta") &&
			lk_elf_symbol(&m, "alpha") == (void *)0x1010 &&
			lk_elf_symbol(&m, "beta") == (void *)0x1020 && !lk_elf_symbol(&m, "gamma"),
		"a System V hash table is read");
	dyn[3].d_un.d_ptr = (uintptr_t)looped;
	tap_ok(!lk_elf_symbol(&m, "gamma"), "a chain that loops ends");
	dyn[2].d_un.d_val = 9;
	tap_ok(!lk_elf_symbol(&m, "beta"), "a name beyond the string table is none");
	dyn[3].d_tag = DT_DEBUG;
	tap_ok(!lk_elf_symbol(&m, "alpha"), "a module without a hash table has no symbols");
}

int main(void)
{
	test_all_of_libc();
	test_other_modules();
	test_sysv_hash();
	return tap_done();
}
