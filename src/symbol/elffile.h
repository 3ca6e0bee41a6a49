/*
 * An ELF file as the host reads it: libelf's handle, its build-id and where its
 * code lies.  Headers are read at once, sections when they are asked for.  Files
 * are read rather than mapped up to some size, so that one that is overwritten in
 * place while we look at it gives an error and not SIGBUS.  One thread at a time.
 */
#ifndef LK_SYMBOL_ELFFILE_H
#define LK_SYMBOL_ELFFILE_H

#include <gelf.h>
#include <libelf.h>

#include "symbol/spans.h"
#include "util/err.h"

struct lk_elffile {
	char *path;
	int fd;			 /* -1: an image in memory */
	void *image;		 /* owned; NULL for a file */
	Elf *elf;		 /* NULL: nothing is open */
	const uint8_t *build_id; /* in the file's data; NULL: it has none */
	size_t build_id_size;
	uint64_t device, inode;
	struct lk_spans code; /* executable sections, else segments; lk_elffile_code fills it */
	bool has_code;
};

/*
 * -ENOENT no such file (or not a name of one: "[vdso]"), -ENOEXEC not ELF or not
 * a regular file, -EBADMSG damaged or cut off, else what open says.
 */
int lk_elffile_open(const char *path, struct lk_elffile *ret_file, struct lk_err *err);

/* Takes over the image (malloc), also when it fails: -ENOEXEC, -EBADMSG. */
int lk_elffile_open_image(void *image, size_t size, struct lk_elffile *ret_file);

/* One that was never opened is LK_ELFFILE_CLOSED, and is again after _done. */
#define LK_ELFFILE_CLOSED ((struct lk_elffile){.fd = -1})
void lk_elffile_done(struct lk_elffile *file);

bool lk_elffile_has_build_id(const struct lk_elffile *file, const uint8_t *id, size_t size);

/* The first section of that name that has bytes in this file, or NULL. */
Elf_Scn *lk_elffile_section(const struct lk_elffile *file, const char *name, GElf_Shdr *ret_header);

/* Where code lies, by value 0; sections that separate debug files hold empty count too. */
const struct lk_spans *lk_elffile_code(struct lk_elffile *file);

#endif
