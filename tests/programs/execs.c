/* exec: what the old image lost is gone with it; only the new one is reported. */
#include "expect.h"

#include <unistd.h>

static NOINLINE void before_exec(void)
{
	lose(malloc(5000));
}
static NOINLINE void after_exec(void)
{
	lose(malloc(60));
}

int main(int argc, char **argv)
{
	if (argc == 1) {
		before_exec();
		execl(argv[0], argv[0], "again", NULL);
		return 1;
	}
	after_exec();
	expect("before_exec", 0, 0);
	expect("after_exec", 1, 60);
	return 0;
}
