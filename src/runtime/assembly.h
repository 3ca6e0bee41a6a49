/*
 * An assembly: one PE file, its metadata, and the symbol file that belongs to it
 * (portable PDB inside it, beside it or in a folder of symbols, or Mono's .mdb), which is
 * looked for at the first question that needs it.  The file is read whole when opened, so that it
 * may change or vanish later; mscorlib, 4.5 MB, takes about a millisecond.  All of
 * it is untrusted.  One thread at a time.
 */
#ifndef LK_RUNTIME_ASSEMBLY_H
#define LK_RUNTIME_ASSEMBLY_H

#include "runtime/il_points.h"
#include "runtime/metadata.h"
#include "util/err.h"
#include "util/mem.h"

struct lk_assembly;

/* A method, as its metadata tells; the strings live in the lk_strings of _open. */
struct lk_method {
	uint32_t token;	      /* 0x06...... */
	const char *name;     /* "SayHello" */
	const char *klass;    /* "Outer/Inner" */
	const char *space;    /* "" where there is none */
	const char *type;     /* "Namespace.Outer/Inner" or "string": as Mono shows it */
	const char *generics; /* "<T, U>" or "" */
	const char *params;   /* "int,string&"; NULL where the signature is damaged */
};

/*
 * Opens the assembly at path.  -ENOENT and other errors of open and read;
 * -ENOEXEC: no managed assembly; -EBADMSG: damaged; -EOPNOTSUPP: has tables that
 * we do not know; -EFBIG: larger than any assembly is.
 */
int lk_assembly_open(const char *path, struct lk_strings *strings,
	struct lk_assembly **ret_assembly, struct lk_err *err);

/*
 * The same of what was copied from a process: metadata, and where debug is not NULL the
 * debug directory as struct lk_image_info has it.  Both are copied once more: the process
 * may still run, and nothing that was checked may change.  path: where the assembly was
 * loaded from; a folder, which ends in '/', where only that is known; symbols are looked for
 * there.
 */
int lk_assembly_open_copy(const char *path, const void *meta, size_t meta_size, const void *debug,
	size_t debug_size, struct lk_strings *strings, struct lk_assembly **ret_assembly,
	struct lk_err *err);
struct lk_assembly *lk_assembly_free(struct lk_assembly *assembly);

/* Its metadata, which lives as long as the assembly, and the 16 bytes of its MVID, or NULL. */
const struct lk_metadata *lk_assembly_metadata(const struct lk_assembly *assembly);
const uint8_t *lk_assembly_mvid(const struct lk_assembly *assembly);

/* The name of its file when it was built, without folders; "" where it tells none. */
const char *lk_assembly_module(const struct lk_assembly *assembly);

/* -ENODATA: no such method. */
int lk_assembly_method(struct lk_assembly *assembly, uint32_t token, struct lk_method *ret_method);

/*
 * The first method after token (0: from the start) that `name` means: "Method",
 * "Type:Method" or "Namespace.Outer/Inner:Method".  0 where there is none.
 */
uint32_t lk_assembly_find(struct lk_assembly *assembly, const char *name, uint32_t after);

/*
 * The IL of a method, without its header; lives as long as the assembly.
 * -ENODATA: no such method or no body (abstract, P/Invoke); -EBADMSG: damaged.
 */
int lk_assembly_il(
	struct lk_assembly *assembly, uint32_t token, const uint8_t **ret_il, size_t *ret_size);

/*
 * The method's sequence points, in order; live until the next call for another
 * method.  -ENODATA: none, or no symbol file; -EBADMSG: damaged.
 */
int lk_assembly_points(
	struct lk_assembly *assembly, uint32_t token, const struct lk_il_points **ret_points);

/* The source line of an IL offset: lk_il_points_find over the above.  -ENODATA: unknown. */
int lk_assembly_line(
	struct lk_assembly *assembly, uint32_t token, uint32_t il, struct lk_il_point *ret_point);

/* lk_pdb_kickoff of its portable PDB; 0 where there is none. */
uint32_t lk_assembly_kickoff(struct lk_assembly *assembly, uint32_t token);

/* "portable PDB", "embedded PDB", "mdb"; NULL where no symbols were found. */
const char *lk_assembly_symbols(struct lk_assembly *assembly);

#endif
