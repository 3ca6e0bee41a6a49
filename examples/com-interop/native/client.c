#include "client.h"

#include <stdio.h>

struct Imyclass *client_open(void)
{
	struct IUnknown *unknown;
	void *object;
	HRESULT hr = myclass_create(&object);

	if (FAILED(hr)) {
		fprintf(stderr, "cannot create a myclass object: 0x%08x\n", (unsigned int)hr);
		return NULL;
	}
	unknown = object;
	hr = unknown->vtbl->QueryInterface(unknown, &IID_Imyclass, &object);
	unknown->vtbl->Release(unknown);
	if (FAILED(hr)) {
		fprintf(stderr, "myclass has no Imyclass: 0x%08x\n", (unsigned int)hr);
		return NULL;
	}
	return object;
}

void client_close(struct Imyclass *hello)
{
	hello->vtbl->Release(hello);
}

/* The server says plain ASCII; anything else is shown as a question mark. */
int client_say(uint64_t nr_calls, HRESULT hr, const struct text *text)
{
	if (FAILED(hr)) {
		fprintf(stderr, "SayHello failed in call %llu: 0x%08x\n",
			(unsigned long long)nr_calls, (unsigned int)hr);
		return 1;
	}
	printf("SayHello was called %llu times: ", (unsigned long long)nr_calls);
	for (unsigned int i = 0; i < text->length; i++)
		putchar(text->chars[i] < 0x80 ? (char)text->chars[i] : '?');
	putchar('\n');
	return 0;
}
