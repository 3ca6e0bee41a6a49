/* fork, vfork, posix_spawn: the parent's own blocks are not disturbed by children. */
#include "expect.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static NOINLINE void in_parent(void)
{
	lose(malloc(100));
}
static NOINLINE void in_child(void)
{
	lose(malloc(1000));
}

int main(void)
{
	char *args[] = {"true", NULL};
	void *kept = malloc(77);
	pid_t pid;
	int status;

	for (int i = 0; i < 10; i++) {
		in_parent();
		pid = fork();
		if (!pid) {
			for (int n = 0; n < 100; n++)
				in_child();
			free(kept); /* the child's copy */
			_exit(i);
		}
		if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != i)
			abort();
	}
	pid = vfork();
	if (!pid) {
		execv("/bin/true", args);
		_exit(1);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		abort();
	if (posix_spawnp(&pid, "true", NULL, NULL, args, environ) ||
		waitpid(pid, &status, 0) != pid || status)
		abort();
	free(kept);
	expect("in_parent", 10, 1000);
	expect("in_child", 0, 0);
	return 0;
}
