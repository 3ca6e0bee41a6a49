#include "internal.h"

/* An object for the one call: what a client without COM gets is what one with COM gets. */
HRESULT myclass_flat_say_hello(BSTR *hellostr)
{
	struct Imyclass *hello;
	HRESULT hr = myclass_new(&hello);

	if (FAILED(hr))
		return hr;
	hr = hello->vtbl->SayHello(hello, hellostr);
	hello->vtbl->Release(hello);
	return hr;
}
