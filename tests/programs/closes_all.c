/* A program that closes every descriptor, as daemons do, and then looks at its numbers. */
#include "expect.h"

#include <fcntl.h>
#include <unistd.h>

static NOINLINE void drop(void)
{
	lose(malloc(44));
}

int main(void)
{
	drop();
	for (int i = 3; i < 1024; i++)
		close(i);
	if (open("/dev/null", O_RDONLY) != 3)
		abort();
	for (int i = 0; i < 100000; i++)
		drop();
	expect("drop", 100001, 100001L * 44);
	return 0;
}
