#include "oleaut.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX_SIZE sizeof(uint32_t)

/* The largest text whose block size still fits into 32 bits, as on Windows. */
#define MAX_BYTES (UINT32_MAX - PREFIX_SIZE - sizeof(OLECHAR))

static void *block_of(BSTR string)
{
	return (char *)string - PREFIX_SIZE;
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
	memcpy(block, &bytes, PREFIX_SIZE);
	memset(block + PREFIX_SIZE + bytes, 0, sizeof(OLECHAR));
	return (BSTR)(void *)(block + PREFIX_SIZE);
}

static BSTR string_new(const void *text, uint64_t bytes)
{
	char *block;

	if (bytes > MAX_BYTES)
		return NULL;
	block = malloc(PREFIX_SIZE + bytes + sizeof(OLECHAR));
	if (!block)
		return NULL;
	if (text)
		memcpy(block + PREFIX_SIZE, text, bytes);
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
	if (bytes > MAX_BYTES)
		return 0;
	block = realloc(block_of(*string), PREFIX_SIZE + bytes + sizeof(OLECHAR));
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
		memcpy(&bytes, block_of(string), PREFIX_SIZE);
	return bytes;
}

unsigned int SysStringLen(BSTR string)
{
	return SysStringByteLen(string) / sizeof(OLECHAR);
}
