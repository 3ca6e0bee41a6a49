#include "symbol/plt.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "symbol/symbol.h"

#define STUB_SIZE     16
#define GOT_STUB_SIZE 8

static bool is_plt(struct lk_elffile *file, const GElf_Shdr *header)
{
	size_t names;
	const char *name;

	if (elf_getshdrstrndx(file->elf, &names))
		return false;
	name = elf_strptr(file->elf, names, header->sh_name);
	return name && !strncmp(name, ".plt", 4) && (name[4] == '.' || !name[4]);
}

static Elf_Scn *find_plt(struct lk_elffile *file, uint64_t addr, GElf_Shdr *ret_header)
{
	for (Elf_Scn *s = NULL; (s = elf_nextscn(file->elf, s));)
		if (gelf_getshdr(s, ret_header) && ret_header->sh_type == SHT_PROGBITS &&
			addr >= ret_header->sh_addr &&
			addr - ret_header->sh_addr < ret_header->sh_size &&
			is_plt(file, ret_header))
			return s;
	return NULL;
}

/* The address that `jmp *rel32(%rip)` inside the stub reads, or 0. */
static uint64_t slot_in(const uint8_t *stub, size_t size, uint64_t stub_addr)
{
	for (size_t i = 0; i + 6 <= size; i++) {
		struct lk_cursor c = lk_cursor_over(stub + i, size - i);

		if (lk_cursor_u8(&c) == 0xff && lk_cursor_u8(&c) == 0x25)
			return stub_addr + i + 6 + (uint64_t)(int64_t)lk_cursor_s32(&c);
	}
	return 0;
}

/* .plt.got holds stubs of 8 bytes, or of 16 with IBT, which begin with endbr64. */
static size_t stub_size(const Elf_Data *data, const GElf_Shdr *header)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

	if (header->sh_entsize == GOT_STUB_SIZE && data->d_size >= sizeof(endbr64) &&
		memcmp(data->d_buf, endbr64, sizeof(endbr64)) != 0)
		return GOT_STUB_SIZE;
	return STUB_SIZE;
}

static uint64_t slot_of(struct lk_elffile *file, uint64_t addr)
{
	GElf_Shdr header;
	Elf_Scn *section = find_plt(file, addr, &header);
	Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
	size_t at, size;

	if (!data || !data->d_buf)
		return 0;
	size = stub_size(data, &header);
	at = (addr - header.sh_addr) / size * size;
	if (at >= data->d_size)
		return 0;
	if (size > data->d_size - at)
		size = data->d_size - at;
	return slot_in((const uint8_t *)data->d_buf + at, size, header.sh_addr + at);
}

static const char *symbol_name(struct lk_elffile *file, size_t table, size_t index)
{
	Elf_Scn *section = elf_getscn(file->elf, table);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	GElf_Shdr header;
	GElf_Sym symbol;

	if (!data || !gelf_getshdr(section, &header) || index > INT32_MAX ||
		!gelf_getsym(data, (int)index, &symbol))
		return NULL;
	return elf_strptr(file->elf, header.sh_link, symbol.st_name);
}

/* The symbol that the relocation table puts into the slot, or NULL. */
static const char *symbol_in(
	struct lk_elffile *file, Elf_Scn *section, const GElf_Shdr *header, uint64_t slot)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t nr = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
	GElf_Rela relocation;

	for (size_t i = 0; i < nr && i <= INT32_MAX; i++) {
		if (!gelf_getrela(data, (int)i, &relocation))
			return NULL;
		if (relocation.r_offset == slot && GELF_R_SYM(relocation.r_info))
			return symbol_name(file, header->sh_link, GELF_R_SYM(relocation.r_info));
	}
	return NULL;
}

const char *lk_plt_name(struct lk_elffile *file, uint64_t addr, struct lk_strings *strings)
{
	uint64_t slot = slot_of(file, addr);
	const char *name = NULL, *text;
	GElf_Shdr header;
	char *full;

	if (!slot)
		return NULL;
	for (Elf_Scn *s = NULL; !name && (s = elf_nextscn(file->elf, s));)
		if (gelf_getshdr(s, &header) && header.sh_type == SHT_RELA)
			name = symbol_in(file, s, &header, slot);
	if (!name || !*name)
		return NULL;
	full = lk_xasprintf("%s@plt", lk_demangle(strings, name));
	text = lk_strings_add(strings, full);
	free(full);
	return text;
}
