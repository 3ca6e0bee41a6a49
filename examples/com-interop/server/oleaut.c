#include "oleaut.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_SIZE sizeof(uint32_t)

struct layout {
	size_t text;  /* from the start of the block; the length ends where the text starts */
	size_t round; /* what the block's size is a multiple of */
};

static const struct layout layouts[] = {
	[OLEAUT_MONO] = {.text = 4, .round = 1},
	[OLEAUT_DOTNET] = {.text = 8, .round = 16},
};

static const struct layout *layout = &layouts[OLEAUT_MONO];

void oleaut_use_layout(enum oleaut_layout wanted)
{
	layout = &layouts[wanted];
}

/* The largest text whose block size still fits into 32 bits, as on Windows. */
static uint64_t max_bytes(void)
{
	return UINT32_MAX - layout->text - sizeof(OLECHAR) - layout->round;
}

static size_t block_size(uint64_t bytes)
{
	size_t size = layout->text + bytes + sizeof(OLECHAR) + layout->round - 1;

	return size - size % layout->round;
}

static void *block_of(BSTR string)
{
	return (char *)string - layout->text;
}

static size_t length_of(const OLECHAR *text)
{
	const OLECHAR *end = text;

	while (*end)
		end++;
	return (size_t)(end - text);
}

/* Writes the length and the terminator; the text between them is the caller's. */
static BSTR block_finish(char *block, uint32_t bytes)
{
	char *text = block + layout->text;

	memcpy(text - LENGTH_SIZE, &bytes, LENGTH_SIZE);
	memset(text + bytes, 0, sizeof(OLECHAR));
	return (BSTR)(void *)text;
}

static BSTR string_new(const void *text, uint64_t bytes)
{
	char *block;

	if (bytes > max_bytes())
		return NULL;
	block = malloc(block_size(bytes));
	if (!block)
		return NULL;
	if (text)
		memcpy(block + layout->text, text, bytes);
	return block_finish(block, (uint32_t)bytes);
}

BSTR SysAllocString(const OLECHAR *text)
{
	return text ? string_new(text, length_of(text) * sizeof(OLECHAR)) : NULL;
}

BSTR SysAllocStringLen(const OLECHAR *text, unsigned int length)
{
	return string_new(text, (uint64_t)length * sizeof(OLECHAR));
}

BSTR SysAllocStringByteLen(const char *bytes, unsigned int size)
{
	return string_new(bytes, size);
}

/* The new string is made before the old one goes: the text may be a part of it. */
static int replace(BSTR *string, BSTR fresh)
{
	if (!fresh)
		return 0;
	SysFreeString(*string);
	*string = fresh;
	return 1;
}

int SysReAllocString(BSTR *string, const OLECHAR *text)
{
	if (text)
		return replace(string, SysAllocString(text));
	SysFreeString(*string);
	*string = NULL;
	return 1;
}

int SysReAllocStringLen(BSTR *string, const OLECHAR *text, unsigned int length)
{
	uint64_t bytes = (uint64_t)length * sizeof(OLECHAR);
	char *block;

	if (text || !*string)
		return replace(string, SysAllocStringLen(text, length));
	if (bytes > max_bytes())
		return 0;
	block = realloc(block_of(*string), block_size(bytes));
	if (!block)
		return 0;
	*string = block_finish(block, (uint32_t)bytes);
	return 1;
}

void SysFreeString(BSTR string)
{
	if (string)
		free(block_of(string));
}

unsigned int SysStringByteLen(BSTR string)
{
	uint32_t bytes = 0;

	if (string)
		memcpy(&bytes, (char *)string - LENGTH_SIZE, LENGTH_SIZE);
	return bytes;
}

unsigned int SysStringLen(BSTR string)
{
	return SysStringByteLen(string) / sizeof(OLECHAR);
}
