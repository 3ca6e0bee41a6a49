#include "symbol/symtab.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

void lk_symtab_done(struct lk_symtab *symtab)
{
	free(symtab->functions);
	lk_spans_done(&symtab->spans);
	*symtab = (struct lk_symtab){0};
}

static bool is_function(const GElf_Sym *symbol, const struct lk_spans *code)
{
	unsigned kind = GELF_ST_TYPE(symbol->st_info);

	if (symbol->st_shndx == SHN_UNDEF)
		return false;
	if (kind != STT_FUNC && kind != STT_GNU_IFUNC && kind != STT_NOTYPE)
		return false;
	return lk_spans_find(code, symbol->st_value, LK_SPANS_NONE) != LK_SPANS_NONE;
}

static void add_symbol(struct lk_symtab *symtab, const GElf_Sym *symbol, const char *name)
{
	unsigned kind = GELF_ST_TYPE(symbol->st_info);

	symtab->functions = lk_grow(
		symtab->functions, symtab->nr, &symtab->capacity, sizeof(*symtab->functions));
	symtab->functions[symtab->nr++] = (struct lk_function){
		.name = name,
		.addr = symbol->st_value,
		.size = symbol->st_size,
		.kind = kind == STT_GNU_IFUNC ? STT_FUNC : kind,
		.binding = GELF_ST_BIND(symbol->st_info),
	};
}

static size_t add_table(struct lk_symtab *symtab, struct lk_elffile *file, Elf_Scn *section,
	const GElf_Shdr *header)
{
	const struct lk_spans *code = lk_elffile_code(file);
	Elf_Data *data = elf_getdata(section, NULL);
	size_t nr_before = symtab->nr, nr;
	GElf_Sym symbol;

	if (!data || !header->sh_entsize)
		return 0;
	nr = data->d_size / header->sh_entsize;
	for (size_t i = 1; i < nr && i <= INT32_MAX; i++) {
		const char *name;

		if (!gelf_getsym(data, (int)i, &symbol))
			break;
		if (!is_function(&symbol, code))
			continue;
		name = elf_strptr(file->elf, header->sh_link, symbol.st_name);
		/* Mapping symbols ($x) and the assembler's own labels name no function. */
		if (name && *name && *name != '$' && strncmp(name, ".L", 2) != 0)
			add_symbol(symtab, &symbol, name);
	}
	return symtab->nr - nr_before;
}

size_t lk_symtab_add(struct lk_symtab *symtab, struct lk_elffile *file, unsigned type)
{
	size_t nr = 0;
	GElf_Shdr header;

	for (Elf_Scn *s = NULL; (s = elf_nextscn(file->elf, s));)
		if (gelf_getshdr(s, &header) && header.sh_type == type)
			nr += add_table(symtab, file, s, &header);
	return nr;
}

size_t lk_function_name_size(const struct lk_function *function)
{
	const char *name = function->name;
	const char *version = name[0] ? strchr(name + 1, '@') : NULL;

	/* PLT names end in @plt, which is no version. */
	if (!version || !strcmp(version, "@plt"))
		return strlen(name);
	return (size_t)(version - name);
}

bool lk_is_mangled(const char *name)
{
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
}

static size_t underscores(const char *name)
{
	return strspn(name, "_");
}

bool lk_function_is_known_as(const struct lk_function *function, const char *source_name)
{
	size_t size = lk_function_name_size(function);

	if (lk_is_mangled(function->name))
		return true;
	if (!function->size || function->binding == STB_LOCAL)
		return false;
	return underscores(function->name) < underscores(source_name) ||
	       !strncmp(function->name, source_name, size);
}

static bool is_compatibility(const struct lk_function *f)
{
	size_t size = lk_function_name_size(f);

	return f->name[size] == '@' && f->name[size + 1] != '@';
}

/* Below 0: a is the better name. */
static int by_niceness(const struct lk_function *a, const struct lk_function *b)
{
	size_t size_a, size_b;
	int d = (a->kind != STT_FUNC) - (b->kind != STT_FUNC);

	if (!d)
		d = (a->binding == STB_LOCAL) - (b->binding == STB_LOCAL);
	if (!d)
		d = is_compatibility(a) - is_compatibility(b);
	if (!d)
		d = (int)underscores(a->name) - (int)underscores(b->name);
	if (!d)
		d = (a->binding == STB_WEAK) - (b->binding == STB_WEAK);
	if (d)
		return d;
	size_a = lk_function_name_size(a);
	size_b = lk_function_name_size(b);
	if (size_a != size_b)
		return size_a < size_b ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int by_addr(const void *a, const void *b)
{
	const struct lk_function *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Leaves one function per address: the best name, the largest size. */
static void keep_best(struct lk_symtab *symtab)
{
	struct lk_function *to = symtab->functions;

	for (size_t i = 1; i < symtab->nr; i++) {
		struct lk_function f = symtab->functions[i];
		uint64_t size = f.size > to->size ? f.size : to->size;

		if (f.addr != to->addr) {
			*++to = f;
			continue;
		}
		if (by_niceness(&f, to) < 0)
			*to = f;
		to->size = size;
	}
	if (symtab->nr)
		symtab->nr = (size_t)(to - symtab->functions) + 1;
}

static uint64_t end_of(const struct lk_symtab *symtab, size_t i, const struct lk_spans *code)
{
	const struct lk_function *f = &symtab->functions[i];
	size_t section = lk_spans_find(code, f->addr, LK_SPANS_NONE);
	uint64_t end;

	if (f->size)
		return f->size <= UINT64_MAX - f->addr ? f->addr + f->size : f->addr;
	end = section == LK_SPANS_NONE ? f->addr : code->at[section].high;
	if (i + 1 < symtab->nr && symtab->functions[i + 1].addr < end)
		end = symtab->functions[i + 1].addr;
	return end;
}

void lk_symtab_sort(struct lk_symtab *symtab, const struct lk_spans *code)
{
	if (!symtab->nr)
		return;
	qsort(symtab->functions, symtab->nr, sizeof(*symtab->functions), by_addr);
	keep_best(symtab);
	for (size_t i = 0; i < symtab->nr && i < UINT32_MAX; i++)
		lk_spans_add(&symtab->spans, symtab->functions[i].addr, end_of(symtab, i, code),
			(uint32_t)i);
	lk_spans_sort(&symtab->spans);
}

const struct lk_function *lk_symtab_find(const struct lk_symtab *symtab, uint64_t addr)
{
	const struct lk_function *sizeless = NULL;
	size_t at = LK_SPANS_NONE;

	while ((at = lk_spans_find(&symtab->spans, addr, at)) != LK_SPANS_NONE) {
		const struct lk_function *f = &symtab->functions[symtab->spans.at[at].value];

		if (f->size)
			return f;
		if (!sizeless)
			sizeless = f;
	}
	return sizeless;
}
