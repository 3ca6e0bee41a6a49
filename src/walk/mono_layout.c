#include "base/cursor.h"
#include "elf/dynsym.h"
#include "walk/mono.h"
#include "walk/peek.h"

#include <elf.h>
#include <errno.h>

#define MAX_STEPS  8
#define FIELDS_END 4096u /* no field lies further into its structure */

/* Offsets in MonoJitInfo that the accessors must confirm; the rest hangs on them. */
#define INFO_CODE_START 16
#define INFO_CODE_SIZE	28

/*
 * An accessor is a function of a few loads and a return.  It is followed with
 * its argument taken as 0, so that the address of its last load is either the
 * offset of a field of the argument, or the place of a global variable.
 */
struct follow {
	uint64_t pc;
	uint64_t rax;
	uint64_t last; /* address of the last load */
	bool done;
};

static int32_t disp32(const uint8_t *at)
{
	int32_t v;

	__builtin_memcpy(&v, at, sizeof(v));
	return v;
}

/*
 * The address that a ModRM byte with register rax and base rip, rax or rdi makes.
 * at is the byte's place in code, which was read from f->pc.  Gives the
 * instruction's size, or -EOPNOTSUPP.
 */
static int operand(const struct follow *f, const uint8_t *code, int at, uint64_t *ret_addr)
{
	unsigned mod = code[at] >> 6, reg = code[at] >> 3 & 7, rm = code[at] & 7;
	uint64_t base = rm == 0 ? f->rax : 0;
	int32_t disp = 0;

	if (reg != 0)
		return -EOPNOTSUPP;
	at++;
	if (mod == 0 && rm == 5) {
		base = f->pc + (uint64_t)at + 4;
		mod = 2;
	} else if (mod == 3 || (rm != 0 && rm != 7)) {
		return -EOPNOTSUPP;
	}
	if (mod == 1)
		disp = (int8_t)code[at++];
	if (mod == 2) {
		disp = disp32(code + at);
		at += 4;
	}
	*ret_addr = base + (uint64_t)(int64_t)disp;
	return at;
}

/* mov rax or eax, [operand]; lea rax, [operand] */
static int follow_move(struct follow *f, const uint8_t *code)
{
	bool wide = code[0] == 0x48;
	uint8_t op = code[wide];
	uint64_t addr;
	int size;

	if (op != 0x8b && !(wide && op == 0x8d))
		return -EOPNOTSUPP;
	size = operand(f, code, wide + 1, &addr);
	if (size < 0)
		return size;
	f->pc += (uint64_t)size;
	f->rax = addr;
	if (op == 0x8d)
		return 0;
	f->last = addr;
	f->rax = 0;
	/* A field of the argument can't be read now; then only the return may follow. */
	return addr >= FIELDS_END ? lk_peek(addr, &f->rax, wide ? 8 : 4) : 0;
}

static int follow_step(struct follow *f)
{
	static const uint8_t endbr[4] = {0xf3, 0x0f, 0x1e, 0xfa};
	uint8_t code[16] = {0};

	/* The last function of a segment may end before 16 bytes do. */
	if (!lk_peek_some(f->pc, code, sizeof(code)))
		return -EFAULT;
	if (!__builtin_memcmp(code, endbr, sizeof(endbr))) {
		f->pc += sizeof(endbr);
		return 0;
	}
	if (code[0] == 0xc3) { /* ret */
		f->done = true;
		return 0;
	}
	if (code[0] == 0xe9) { /* jmp d32 */
		f->pc += 5 + (uint64_t)(int64_t)disp32(code + 1);
		return 0;
	}
	return follow_move(f, code);
}

static int follow(const struct link_map *m, const char *name, uint64_t *ret_last)
{
	struct follow f = {.pc = (uint64_t)lk_elf_symbol(m, name)};

	if (!f.pc)
		return -EOPNOTSUPP;
	for (unsigned i = 0; i < MAX_STEPS && !f.done; i++)
		if (follow_step(&f))
			return -EOPNOTSUPP;
	if (!f.done || !f.last)
		return -EOPNOTSUPP;
	*ret_last = f.last;
	return 0;
}

static int field(const struct link_map *m, const char *name, uint32_t *ret_offset)
{
	uint64_t last;
	int r = follow(m, name, &last);

	if (r)
		return r;
	if (last >= FIELDS_END)
		return -EOPNOTSUPP;
	*ret_offset = (uint32_t)last;
	return 0;
}

/*
 * mono_image_get_table_rows checks its argument, so it is no row of loads: the
 * load of tables[rsi].rows is looked for, mov eax, [rsi + rdi + d32] either way
 * round.  Without it, names of ahead-of-time methods are judged by the module's counts.
 */
static uint32_t table_rows_offset(const struct link_map *m)
{
	uint64_t at = (uint64_t)lk_elf_symbol(m, "mono_image_get_table_rows");
	uint8_t code[48];
	size_t n = at ? lk_peek_some(at, code, sizeof(code)) : 0;
	uint32_t disp;

	for (size_t i = 0; i + 7 <= n; i++) {
		if (code[i] != 0x8b || code[i + 1] != 0x84 ||
			(code[i + 2] != 0x3e && code[i + 2] != 0x37))
			continue;
		__builtin_memcpy(&disp, code + i + 3, sizeof(disp));
		return disp < FIELDS_END ? disp : 0;
	}
	return 0;
}

static int segments_read(const struct link_map *m)
{
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)m->l_addr;
	unsigned nr = 0;
	Elf64_Phdr phdr;
	Elf64_Ehdr head;

	/* Not every module has its header mapped at its bias; those of Mono have. */
	if (lk_peek((uint64_t)ehdr, &head, sizeof(head)) ||
		__builtin_memcmp(head.e_ident, ELFMAG, SELFMAG))
		return -EOPNOTSUPP;
	for (unsigned i = 0; i < head.e_phnum && nr < LK_MONO_NR_SEGMENTS; i++) {
		if (lk_peek(m->l_addr + head.e_phoff + i * sizeof(phdr), &phdr, sizeof(phdr)))
			return -EOPNOTSUPP;
		if (phdr.p_type != PT_LOAD || !(phdr.p_flags & PF_W))
			continue;
		lk_mono.data[nr].start = lk_align_up(m->l_addr + phdr.p_vaddr, 8);
		lk_mono.data[nr++].end = m->l_addr + phdr.p_vaddr + phdr.p_memsz;
	}
	return nr ? 0 : -EOPNOTSUPP;
}

int lk_mono_layout_read(const struct link_map *m)
{
	uint32_t code_start, code_size;
	int r = segments_read(m);

	r = r ?: follow(m, "mono_get_root_domain", &lk_mono.root_domain_var);
	r = r ?: follow(m, "mono_get_object_class", &lk_mono.object_class_var);
	r = r ?: field(m, "mono_jit_info_get_code_start", &code_start);
	r = r ?: field(m, "mono_jit_info_get_code_size", &code_size);
	r = r ?: field(m, "mono_domain_get_id", &lk_mono.domain_id);
	r = r ?: field(m, "mono_method_get_token", &lk_mono.method_token);
	r = r ?: field(m, "mono_method_get_class", &lk_mono.method_class);
	r = r ?: field(m, "mono_method_get_name", &lk_mono.method_name);
	r = r ?: field(m, "mono_class_get_image", &lk_mono.class_image);
	r = r ?: field(m, "mono_class_get_nesting_type", &lk_mono.class_nested);
	r = r ?: field(m, "mono_image_get_filename", &lk_mono.image_path);
	if (r)
		return r;
	if (code_start != INFO_CODE_START || code_size != INFO_CODE_SIZE)
		return -EOPNOTSUPP;
	/* image, name, name_space follow each other; lk_mono_names_check proves it. */
	lk_mono.class_name = lk_mono.class_image + 8;
	lk_mono.class_space = lk_mono.class_image + 16;
	lk_mono.image_table_rows = table_rows_offset(m);
	return 0;
}

static bool string_is(uint64_t at, const char *expected)
{
	char text[16];
	uint64_t addr;

	return !lk_peek_u64(at, &addr) && lk_peek_string(addr, text, sizeof(text)) > 0 &&
	       !__builtin_strcmp(text, expected);
}

int lk_mono_names_check(void)
{
	uint32_t known = lk_load(&lk_mono.names_ok);
	uint64_t klass;

	if (known)
		return known == 1 ? 0 : -EOPNOTSUPP;
	if (lk_peek_u64(lk_mono.object_class_var, &klass) || !klass)
		return -EAGAIN;
	known = string_is(klass + lk_mono.class_name, "Object") &&
				string_is(klass + lk_mono.class_space, "System")
			? 1
			: 2;
	lk_store(&lk_mono.names_ok, known);
	return known == 1 ? 0 : -EOPNOTSUPP;
}
