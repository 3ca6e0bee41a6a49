/* Ends by a signal: what was recorded before is there. */
#include "expect.h"

#include <signal.h>

static NOINLINE void drop(void)
{
	lose(malloc(90));
}

int main(void)
{
	for (int i = 0; i < 1000; i++)
		drop();
	expect("drop", 1000, 90000);
	raise(SIGKILL);
	return 0;
}
