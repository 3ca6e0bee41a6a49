/*
 * The native half of the busy program: calls back into managed code, with and
 * without memory of its own in between.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int (*busy_callback)(int);

int busy_touch(int size);
int busy_call(busy_callback f, int arg);
int busy_call_between(busy_callback f, int arg, int depth);
int busy_sort(int *items, int nr, int (*compare)(const void *, const void *));
int busy_read_bstr(uint16_t **text);
int busy_read_text(const char *text);
char *busy_make_text(int length);
int busy_many(int a, double b, int c, double d, int e, double f, int g, double h, int i, long j);

int busy_touch(int size)
{
	char *volatile p = malloc((size_t)size);

	p[0] = 1;
	size = p[0];
	free(p);
	return size;
}

int busy_call(busy_callback f, int arg)
{
	return f(arg) + 1;
}

int busy_call_between(busy_callback f, int arg, int depth)
{
	char *volatile p = malloc(64 + (size_t)depth);
	int r;

	if (depth)
		r = busy_call_between(f, arg, depth - 1) + 1;
	else
		r = f(arg);
	free(p);
	return r;
}

int busy_sort(int *items, int nr, int (*compare)(const void *, const void *))
{
	qsort(items, (size_t)nr, sizeof(*items), compare);
	return items[0];
}

int busy_read_bstr(uint16_t **text)
{
	return *text ? (*text)[0] + busy_touch(24) : 0;
}

int busy_read_text(const char *text)
{
	return (int)strlen(text) + busy_touch(40);
}

char *busy_make_text(int length)
{
	char *p = malloc((size_t)length + 1);

	memset(p, 'x', (size_t)length);
	p[length] = 0;
	return p;
}

int busy_many(int a, double b, int c, double d, int e, double f, int g, double h, int i, long j)
{
	return a + (int)b + c + (int)d + e + (int)f + g + (int)h + i + (int)j + busy_touch(56);
}
