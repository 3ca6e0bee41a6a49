/* Stacks that are left and entered in unusual ways. */
#include "expect.h"

#include <alloca.h>
#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>

static jmp_buf env;
static ucontext_t main_context, co_context;

static NOINLINE void by_longjmp(int depth)
{
	volatile char pad[64];

	pad[0] = (char)depth;
	if (!depth) {
		lose(malloc(31));
		longjmp(env, 1);
	}
	by_longjmp(depth - 1);
	pad[1] = pad[0];
}

static NOINLINE void by_alloca(size_t n)
{
	char *p = alloca(n);

	memset(p, 1, n);
	lose(malloc(n));
	lose(p);
}

static NOINLINE void by_handler(void)
{
	lose(malloc(51));
}
static void handler(int sig)
{
	(void)sig;
	by_handler();
}

static NOINLINE void by_coroutine(void)
{
	lose(malloc(61));
}
static void coroutine(void)
{
	for (;;) {
		by_coroutine();
		swapcontext(&co_context, &main_context);
	}
}

static NOINLINE void by_realigned(int n)
{
	_Alignas(64) volatile char buf[64];

	buf[0] = (char)n;
	lose(malloc(71));
	lose((void *)buf);
}

static NOINLINE long deep(int n)
{
	volatile long v = n;

	if (!n) {
		lose(malloc(81));
		return 0;
	}
	v += deep(n - 1);
	return v;
}

int main(void)
{
	static char stack[64 << 10];

	for (volatile int i = 0; i < 50; i++)
		if (!setjmp(env))
			by_longjmp(i % 7);
	for (int i = 1; i <= 20; i++)
		by_alloca((size_t)i * 100);
	signal(SIGUSR1, handler);
	for (int i = 0; i < 20; i++)
		raise(SIGUSR1);
	getcontext(&co_context);
	co_context.uc_stack.ss_sp = stack;
	co_context.uc_stack.ss_size = sizeof(stack);
	makecontext(&co_context, coroutine, 0);
	for (int i = 0; i < 20; i++)
		swapcontext(&main_context, &co_context);
	for (int i = 0; i < 20; i++)
		by_realigned(i);
	for (int i = 0; i < 3; i++)
		deep(20000); /* deeper than what is kept: the middle is cut */
	expect("by_longjmp", 50, 50 * 31);
	expect("by_alloca", 20, 21000);
	expect("by_handler", 20, 20 * 51);
	expect("by_coroutine", 20, 20 * 61);
	expect("by_realigned", 20, 20 * 71);
	expect("deep", 3, 3 * 81);
	return 0;
}
