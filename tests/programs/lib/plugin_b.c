#include <stdlib.h>
/* Two plugins of the same layout, loaded at the same address one after the other. */
void plugin_work(void);
__attribute__((noinline)) static void lost_in_b(void)
{
	void *volatile p = malloc(120);
	(void)p;
}
void plugin_work(void)
{
	lost_in_b();
}
