/*
 * What elfutils says about unwinding at a pc, put as a row: the other half of
 * test_cfi's comparison.  Files are mapped by their PT_LOADs, so that tables
 * stand at the distances from each other that they have in a process.
 */
#ifndef LK_TESTS_CFI_ORACLE_H
#define LK_TESTS_CFI_ORACLE_H

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unwind/row.h"

#define DW_RBP 6
#define DW_RSP 7
#define DW_RA  16
#define PAGE   4096ul

/* A file mapped by its PT_LOADs, as the loader would, but readable only. */
struct image {
	int fd;
	Elf *elf;
	uint8_t *base;
	size_t size;
	uint64_t bias; /* mapped = file's address + bias */
	const uint8_t *hdr;
};

static void image_close(struct image *m)
{
	if (m->elf)
		elf_end(m->elf);
	if (m->base)
		munmap(m->base, m->size);
	if (m->fd >= 0)
		close(m->fd);
}

/* The span of all PT_LOADs, and the address of .eh_frame_hdr (0: none). */
static uint64_t image_span(Elf *elf, uint64_t *ret_low, uint64_t *ret_hdr)
{
	uint64_t low = UINT64_MAX, high = 0;
	size_t nr = 0;
	GElf_Phdr ph;

	*ret_hdr = 0;
	elf_getphdrnum(elf, &nr);
	for (size_t i = 0; i < nr && gelf_getphdr(elf, (int)i, &ph); i++) {
		if (ph.p_type == PT_GNU_EH_FRAME)
			*ret_hdr = ph.p_vaddr;
		if (ph.p_type != PT_LOAD)
			continue;
		low = ph.p_vaddr < low ? ph.p_vaddr : low;
		high = ph.p_vaddr + ph.p_memsz > high ? ph.p_vaddr + ph.p_memsz : high;
	}
	*ret_low = low & ~(PAGE - 1);
	return lk_align_up(high, PAGE) - *ret_low;
}

static int image_map(struct image *m, uint64_t low)
{
	size_t nr = 0;
	GElf_Phdr ph;

	elf_getphdrnum(m->elf, &nr);
	for (size_t i = 0; i < nr && gelf_getphdr(m->elf, (int)i, &ph); i++) {
		uint64_t skew = ph.p_vaddr & (PAGE - 1);

		if (ph.p_type != PT_LOAD || !ph.p_filesz)
			continue;
		if (mmap(m->base + (ph.p_vaddr - skew - low), ph.p_filesz + skew, PROT_READ,
			    MAP_PRIVATE | MAP_FIXED, m->fd,
			    (off_t)(ph.p_offset - skew)) == MAP_FAILED)
			return -errno;
	}
	return 0;
}

static int image_open(const char *path, struct image *m)
{
	uint64_t low, hdr;

	*m = (struct image){.fd = open(path, O_RDONLY | O_CLOEXEC)};
	if (m->fd < 0)
		return -errno;
	elf_version(EV_CURRENT);
	m->elf = elf_begin(m->fd, ELF_C_READ_MMAP, NULL);
	if (!m->elf || elf_kind(m->elf) != ELF_K_ELF)
		return -ENOEXEC;
	m->size = image_span(m->elf, &low, &hdr);
	m->base = mmap(NULL, m->size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m->base == MAP_FAILED) {
		m->base = NULL;
		return -ENOMEM;
	}
	m->bias = (uint64_t)(uintptr_t)m->base - low;
	m->hdr = hdr ? m->base + (hdr - low) : NULL;
	return m->hdr ? image_map(m, low) : -ENODATA;
}

static bool is_breg(const Dwarf_Op *op, unsigned reg)
{
	return op->atom == DW_OP_breg0 + reg || (op->atom == DW_OP_bregx && op->number == reg);
}

static int64_t breg_off(const Dwarf_Op *op)
{
	return (int64_t)(op->atom == DW_OP_bregx ? op->number2 : op->number);
}

static bool is_plt(const Dwarf_Op *op, size_t nr)
{
	static const uint8_t atoms[] = {DW_OP_breg7, DW_OP_breg16, DW_OP_lit15, DW_OP_and, 0,
		DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus};

	if (nr != sizeof(atoms) || op[0].number != 8 || op[1].number != 0)
		return false;
	for (size_t i = 0; i < nr; i++)
		if (atoms[i] && op[i].atom != atoms[i])
			return false;
	return op[4].atom >= DW_OP_lit0 && op[4].atom <= DW_OP_lit15;
}

/* The CFA's part of the row that libdw's expression amounts to. */
static void expect_cfa(const Dwarf_Op *op, size_t nr, struct lk_row *row)
{
	int64_t off = nr ? breg_off(op) : 0;
	bool rsp = nr && is_breg(op, DW_RSP);
	bool rbp = nr && is_breg(op, DW_RBP);

	row->kind = LK_ROW_UNKNOWN;
	if (is_plt(op, nr)) {
		row->kind = LK_ROW_PLT;
		row->cfa_off = op[4].atom - DW_OP_lit0;
		return;
	}
	if (nr == 1 && (rsp || rbp))
		row->kind = rsp ? LK_ROW_RSP : LK_ROW_RBP;
	if (nr == 2 && (rsp || rbp) && op[1].atom == DW_OP_deref)
		row->kind = rsp ? LK_ROW_RSP_DEREF : LK_ROW_RBP_DEREF;
	row->cfa_off = row->kind == LK_ROW_UNKNOWN ? 0 : (int32_t)off;
}

/* "Saved at CFA + off", the only form that libdw gives for DW_CFA_offset. */
static bool at_cfa(const Dwarf_Op *op, size_t nr, int64_t *ret_off)
{
	if (nr < 1 || nr > 2 || op[0].atom != DW_OP_call_frame_cfa)
		return false;
	*ret_off = nr == 2 ? (int64_t)op[1].number : 0;
	return nr == 1 || op[1].atom == DW_OP_plus_uconst;
}

/*
 * "Saved at rbp or rsp + off": libdw shows that the CFA stands on the stack when
 * such an expression starts.
 */
static bool at_breg(const Dwarf_Op *op, size_t nr, unsigned reg)
{
	return nr == 2 && op[0].atom == DW_OP_call_frame_cfa && is_breg(&op[1], reg);
}

static bool expect_rbp(Dwarf_Frame *frame, struct lk_row *row)
{
	Dwarf_Op mem[3], *op;
	size_t nr;
	int64_t off;

	if (dwarf_frame_register(frame, DW_RBP, mem, &op, &nr))
		return false;
	if (!nr)
		return !op; /* same value; otherwise undefined */
	if (at_cfa(op, nr, &off)) {
		row->flags = LK_ROW_RBP_SAVED;
	} else if (at_breg(op, nr, DW_RBP)) {
		off = breg_off(&op[1]);
		row->flags = LK_ROW_RBP_SAVED | LK_ROW_RBP_AT_RBP;
	} else {
		return false;
	}
	row->rbp_off = (int16_t)(off / 8);
	return off % 8 == 0 && off / 8 == row->rbp_off;
}

static struct lk_row expect_row(Dwarf_Frame *frame, bool signal)
{
	struct lk_row row = {0};
	struct lk_row none = {.kind = LK_ROW_UNKNOWN};
	Dwarf_Op mem[3], *op;
	size_t nr;
	int64_t off;

	if (dwarf_frame_cfa(frame, &op, &nr))
		return none;
	expect_cfa(op, nr, &row);
	if (dwarf_frame_register(frame, DW_RA, mem, &op, &nr))
		return none;
	if (!nr)
		return (struct lk_row){.kind = op ? LK_ROW_END : LK_ROW_UNKNOWN};
	if (signal && row.kind == LK_ROW_RSP_DEREF && at_breg(op, nr, DW_RSP))
		return (struct lk_row){.kind = LK_ROW_SIGFRAME};
	if (!at_cfa(op, nr, &off) || off != -8 || row.kind == LK_ROW_UNKNOWN)
		return none;
	return expect_rbp(frame, &row) ? row : none;
}

#endif
