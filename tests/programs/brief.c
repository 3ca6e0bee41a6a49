/* Over before anybody had time to look. */
#include "expect.h"

static NOINLINE void drop(void)
{
	lose(malloc(28));
}

int main(void)
{
	for (int i = 0; i < 100; i++)
		drop();
	expect("drop", 100, 2800);
	return 0;
}
