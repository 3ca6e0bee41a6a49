/* dlopen, dlclose, and other code at the same address. */
#include "expect.h"

#include <dlfcn.h>
#include <libgen.h>
#include <unistd.h>

static void use(const char *folder, const char *name)
{
	char path[4200];
	void *h;

	snprintf(path, sizeof(path), "%s/lib/%s", folder, name);
	h = dlopen(path, RTLD_NOW);
	if (!h)
		abort();
	((void (*)(void))dlsym(h, "plugin_work"))();
	dlclose(h);
}

int main(int argc, char **argv)
{
	char path[4096] = {0};

	(void)argc, (void)argv;
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		abort();
	dirname(path);
	for (int i = 0; i < 25; i++) {
		use(path, "plugin_a.so");
		use(path, "plugin_b.so");
	}
	expect("lost_in_a", 25, 25 * 110);
	expect("lost_in_b", 25, 25 * 120);
	return 0;
}
