#include "walk/peek.h"

#include "base/syscall.h"

#include <errno.h>
#include <sys/uio.h>

#define PAGE 4096u

size_t lk_peek_some(uint64_t addr, void *to, size_t size)
{
	struct iovec here = {.iov_base = to, .iov_len = size};
	struct iovec there = {.iov_base = (void *)addr, .iov_len = size};
	/* Asked each time: the number changes with fork, and a cached one would read the parent. */
	long pid = lk_syscall0(SYS_getpid);
	long n = lk_syscall6(SYS_process_vm_readv, pid, (long)&here, 1, (long)&there, 1, 0);

	return n > 0 ? (size_t)n : 0;
}

int lk_peek(uint64_t addr, void *to, size_t size)
{
	return lk_peek_some(addr, to, size) == size ? 0 : -EFAULT;
}

int lk_peek_string(uint64_t addr, char *to, size_t size)
{
	size_t n = 0;

	to[0] = 0;
	while (n + 1 < size) {
		/* Not across pages: what follows the string may be unmapped. */
		size_t step = PAGE - (addr + n) % PAGE;

		if (step > size - 1 - n)
			step = size - 1 - n;
		if (step > 64)
			step = 64;
		if (lk_peek(addr + n, to + n, step)) {
			to[0] = 0;
			return -EFAULT;
		}
		for (size_t end = n + step; n < end; n++)
			if (!to[n])
				return (int)n;
	}
	to[n] = 0;
	return (int)n;
}

int lk_peek_probe(void)
{
	uint64_t from = 0x6b6e696c6b61656cull, to = 0;

	if (lk_peek_u64((uint64_t)&from, &to) || to != from)
		return -EPERM;
	return 0;
}
