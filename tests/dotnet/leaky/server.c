/*
 * The reference case without COM: the caller passes a BSTR by reference, the server
 * takes the parameter for an output and overwrites the pointer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int say_hello(uint16_t **text);

/* A BSTR as .NET on Linux frees it: the byte count stands at 4, the text at 8. */
static uint16_t *new_bstr(const char *ascii)
{
	size_t n = strlen(ascii);
	char *block = calloc(1, 8 + 2 * n + 2);
	uint32_t bytes = (uint32_t)(2 * n);

	memcpy(block + 4, &bytes, sizeof(bytes));
	for (size_t i = 0; i < n; i++)
		((uint16_t *)(block + 8))[i] = (uint16_t)ascii[i];
	return (uint16_t *)(block + 8);
}

int say_hello(uint16_t **text)
{
	*text = new_bstr("Hello from the server");
	return 0;
}
