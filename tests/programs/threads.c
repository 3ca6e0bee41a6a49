/* Threads that come and go, free each other's blocks, and lose some. */
#include "expect.h"

#include <pthread.h>

#define THREADS 64
#define EACH	500

static void *_Atomic handed[THREADS];

static NOINLINE void drop(void)
{
	lose(malloc(48));
}

static void *worker(void *arg)
{
	int n = (int)(long)arg;

	for (int i = 0; i < EACH; i++) {
		void *p = malloc(20 + i % 50);
		void *q = __atomic_exchange_n(&handed[(n + i) % THREADS], p, __ATOMIC_ACQ_REL);

		free(q);
		if (i % 10 == 0)
			drop();
	}
	return NULL;
}

int main(void)
{
	for (int round = 0; round < 4; round++) {
		pthread_t t[THREADS / 4];

		for (int i = 0; i < THREADS / 4; i++)
			pthread_create(&t[i], NULL, worker, (void *)(long)(round * 16 + i));
		for (int i = 0; i < THREADS / 4; i++)
			pthread_join(t[i], NULL);
	}
	for (int i = 0; i < THREADS; i++)
		free(handed[i]);
	expect("drop", THREADS * EACH / 10, 48 * THREADS * EACH / 10);
	expect("worker_only", 0, 0);
	return 7; /* the status is the program's own */
}
