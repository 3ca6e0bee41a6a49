/*
 * Reads of memory that may be gone: a runtime's own structures, which other
 * threads change and free while we look.  The kernel does the copy
 * (process_vm_readv on ourselves), so a bad address is an answer, not a fault.
 * About 0.3 us each.  errno is left alone.  Any thread, any moment.
 */
#ifndef LK_WALK_PEEK_H
#define LK_WALK_PEEK_H

#include "base/defs.h"

/* Copies size bytes.  -EFAULT: not all of them are readable; to is then undefined. */
int lk_peek(uint64_t addr, void *to, size_t size);

/* Copies what is readable of size bytes, from addr on; gives the number of bytes. */
size_t lk_peek_some(uint64_t addr, void *to, size_t size);

/*
 * Copies a NUL-terminated string, cut to size - 1 bytes, always terminated.
 * Gives its length in `to`.  -EFAULT: not readable; `to` is then empty.
 */
int lk_peek_string(uint64_t addr, char *to, size_t size);

/* Whether reads work at all: a sandbox may forbid the system call.  -EPERM: it does. */
int lk_peek_probe(void);

LK_INLINE int lk_peek_u64(uint64_t addr, uint64_t *ret_value)
{
	return lk_peek(addr, ret_value, sizeof(*ret_value));
}

LK_INLINE int lk_peek_u32(uint64_t addr, uint32_t *ret_value)
{
	return lk_peek(addr, ret_value, sizeof(*ret_value));
}

#endif
