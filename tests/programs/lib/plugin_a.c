#include <stdlib.h>
/* Two plugins of the same layout, loaded at the same address one after the other. */
void plugin_work(void);
__attribute__((noinline)) static void lost_in_a(void)
{
	void *volatile p = malloc(110);
	(void)p;
}
void plugin_work(void)
{
	lost_in_a();
}
