#include "symbol/elffile.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/mem.h"

/* Beyond this, reading whole sections would cost more memory than safety is worth. */
#define READ_MAX (256ull << 20)

static bool table_fits(uint64_t offset, uint64_t nr, uint64_t entry_size, uint64_t file_size)
{
	return !nr ||
	       (offset <= file_size && nr <= (file_size - offset) / (entry_size ? entry_size : 1));
}

/* A file that was cut off keeps its header; everything the header points to is gone. */
static int check_headers(const struct lk_elffile *file, uint64_t size)
{
	GElf_Ehdr header;
	size_t nr_sections, nr_segments;

	if (elf_kind(file->elf) != ELF_K_ELF || !gelf_getehdr(file->elf, &header))
		return -EBADMSG;
	if (elf_getshdrnum(file->elf, &nr_sections) || elf_getphdrnum(file->elf, &nr_segments))
		return -EBADMSG;
	if (header.e_shoff && !nr_sections)
		return -EBADMSG;
	if (!table_fits(header.e_shoff, header.e_shnum, header.e_shentsize, size) ||
		!table_fits(header.e_shoff, nr_sections, header.e_shentsize, size) ||
		!table_fits(header.e_phoff, nr_segments, header.e_phentsize, size))
		return -EBADMSG;
	return 0;
}

static void find_build_id(struct lk_elffile *file)
{
	const void *id;
	ssize_t size = dwelf_elf_gnu_build_id(file->elf, &id);

	if (size > 0) {
		file->build_id = id;
		file->build_id_size = (size_t)size;
	}
}

static int open_elf(struct lk_elffile *file, uint64_t size)
{
	int r;

	elf_version(EV_CURRENT);
	if (file->image)
		file->elf = elf_memory(file->image, size);
	else
		file->elf =
			elf_begin(file->fd, size > READ_MAX ? ELF_C_READ_MMAP : ELF_C_READ, NULL);
	if (!file->elf)
		return -EBADMSG;
	r = check_headers(file, size);
	if (r)
		return r;
	find_build_id(file);
	return 0;
}

/* Devices are not opened at all: some act on it. */
static int open_regular(const char *path, struct stat *ret_status, struct lk_err *err)
{
	int fd, r;

	if (stat(path, ret_status))
		return lk_fail_errno(err, "cannot open %s", path);
	if (!S_ISREG(ret_status->st_mode))
		return lk_fail(err, -ENOEXEC, "%s is not a regular file", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return lk_fail_errno(err, "cannot open %s", path);
	if (!fstat(fd, ret_status))
		return fd;
	r = lk_fail_errno(err, "cannot open %s", path);
	close(fd);
	return r;
}

int lk_elffile_open(const char *path, struct lk_elffile *ret_file, struct lk_err *err)
{
	struct lk_elffile file = LK_ELFFILE_CLOSED;
	struct stat status;
	char magic[SELFMAG];
	int r;

	if (path[0] == '[' || !path[0])
		return lk_fail(err, -ENOENT, "%s is not a file", path[0] ? path : "an empty name");
	r = open_regular(path, &status, err);
	if (r < 0)
		return r;
	file.fd = r;
	if (!S_ISREG(status.st_mode) || pread(file.fd, magic, SELFMAG, 0) != SELFMAG ||
		memcmp(magic, ELFMAG, SELFMAG)) {
		lk_elffile_done(&file);
		return lk_fail(err, -ENOEXEC, "%s is not an ELF file", path);
	}
	r = open_elf(&file, (uint64_t)status.st_size);
	if (r) {
		lk_elffile_done(&file);
		return lk_fail(err, r, "%s is damaged or cut off", path);
	}
	file.path = lk_xstrdup(path);
	file.device = status.st_dev;
	file.inode = status.st_ino;
	*ret_file = file;
	return 0;
}

int lk_elffile_open_image(void *image, size_t size, struct lk_elffile *ret_file)
{
	struct lk_elffile file = LK_ELFFILE_CLOSED;
	int r = -ENOEXEC;

	file.image = image;
	if (size >= SELFMAG && !memcmp(image, ELFMAG, SELFMAG))
		r = open_elf(&file, size);
	if (r) {
		lk_elffile_done(&file);
		return r;
	}
	*ret_file = file;
	return 0;
}

void lk_elffile_done(struct lk_elffile *file)
{
	if (file->elf)
		elf_end(file->elf);
	if (file->fd >= 0)
		close(file->fd);
	lk_spans_done(&file->code);
	free(file->image);
	free(file->path);
	*file = LK_ELFFILE_CLOSED;
}

bool lk_elffile_has_build_id(const struct lk_elffile *file, const uint8_t *id, size_t size)
{
	return size && file->build_id_size == size && !memcmp(file->build_id, id, size);
}

Elf_Scn *lk_elffile_section(const struct lk_elffile *file, const char *name, GElf_Shdr *ret_header)
{
	size_t names;
	GElf_Shdr header;

	if (elf_getshdrstrndx(file->elf, &names))
		return NULL;
	for (Elf_Scn *s = NULL; (s = elf_nextscn(file->elf, s));) {
		const char *found;

		if (!gelf_getshdr(s, &header) || header.sh_type == SHT_NOBITS)
			continue;
		found = elf_strptr(file->elf, names, header.sh_name);
		if (found && !strcmp(found, name)) {
			*ret_header = header;
			return s;
		}
	}
	return NULL;
}

static void add_code(struct lk_spans *code, uint64_t addr, uint64_t size)
{
	if (size <= UINT64_MAX - addr)
		lk_spans_add(code, addr, addr + size, 0);
}

const struct lk_spans *lk_elffile_code(struct lk_elffile *file)
{
	size_t nr_segments = 0;
	GElf_Phdr segment;
	GElf_Shdr header;

	if (file->has_code)
		return &file->code;
	file->has_code = true;
	for (Elf_Scn *s = NULL; (s = elf_nextscn(file->elf, s));)
		if (gelf_getshdr(s, &header) && (header.sh_flags & SHF_EXECINSTR))
			add_code(&file->code, header.sh_addr, header.sh_size);
	if (!file->code.nr && !elf_getphdrnum(file->elf, &nr_segments))
		for (size_t i = 0; i < nr_segments; i++)
			if (gelf_getphdr(file->elf, (int)i, &segment) &&
				segment.p_type == PT_LOAD && (segment.p_flags & PF_X))
				add_code(&file->code, segment.p_vaddr, segment.p_memsz);
	lk_spans_sort(&file->code);
	return &file->code;
}
