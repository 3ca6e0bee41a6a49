#include "stub.h"

#include <string.h>

static HRESULT bstr_from_text(const struct text *text, BSTR *ret_string)
{
	BSTR string = NULL;

	if (!text->is_null) {
		string = SysAllocStringLen(text->chars, text->length);
		if (!string)
			return E_OUTOFMEMORY;
	}
	*ret_string = string;
	return S_OK;
}

static void text_from_bstr(BSTR string, struct text *ret_text)
{
	unsigned int length = SysStringLen(string);
	unsigned int room = sizeof(ret_text->chars) / sizeof(ret_text->chars[0]);

	*ret_text = TEXT_NULL;
	if (!string)
		return;
	ret_text->is_null = false;
	ret_text->length = length < room ? length : room;
	memcpy(ret_text->chars, string, ret_text->length * sizeof(OLECHAR));
}

/*
 * The slot goes in with the caller's BSTR and is freed with whatever it holds
 * afterwards.  That is right for [in, out], where the server frees what it
 * replaces, and loses the caller's BSTR when the server takes the slot as [out].
 */
HRESULT stub_SayHello(struct Imyclass *hello, struct text *text)
{
	BSTR slot;
	HRESULT hr = bstr_from_text(text, &slot);

	if (FAILED(hr))
		return hr;
	hr = hello->vtbl->SayHello(hello, &slot);
	text_from_bstr(slot, text);
	SysFreeString(slot);
	return hr;
}
