/* The server and the strings, called as a native client calls them.  TAP. */
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../server/myclass.h"

static int nr_tests, nr_failed;

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++nr_tests, name);
	nr_failed += !good;
}

static bool bstr_is(BSTR string, const OLECHAR *text, unsigned int length)
{
	return string && SysStringLen(string) == length && string[length] == 0 &&
	       memcmp(string, text, length * sizeof(OLECHAR)) == 0;
}

static void test_strings(void)
{
	BSTR s = SysAllocString(OLESTR("Hello World"));
	uint32_t prefix;

	ok(bstr_is(s, OLESTR("Hello World"), 11), "SysAllocString copies and terminates");
	memcpy(&prefix, (char *)s - 4, sizeof(prefix));
	ok(prefix == 22 && SysStringByteLen(s) == 22, "the four bytes before hold the byte length");
	ok(SysReAllocString(&s, s + 6) == 1 && bstr_is(s, OLESTR("World"), 5),
		"SysReAllocString takes a part of the old string");
	ok(SysReAllocStringLen(&s, NULL, 3) == 1 && bstr_is(s, OLESTR("Wor"), 3),
		"SysReAllocStringLen without a text keeps the old characters");
	ok(SysReAllocStringLen(&s, OLESTR("a\0b"), 3) == 1 && bstr_is(s, OLESTR("a\0b"), 3),
		"a zero may stand inside a string");
	ok(SysReAllocString(&s, NULL) == 1 && !s, "SysReAllocString to NULL frees the string");
	s = SysAllocStringByteLen("abc", 3);
	ok(s && SysStringByteLen(s) == 3 && SysStringLen(s) == 1 && memcmp(s, "abc\0\0", 5) == 0,
		"SysAllocStringByteLen takes an odd number of bytes");
	SysFreeString(s);
	s = SysAllocStringLen(NULL, 0);
	ok(bstr_is(s, OLESTR(""), 0), "an empty string is not NULL");
	SysFreeString(s);
	ok(!SysAllocString(NULL) && SysStringLen(NULL) == 0 && SysStringByteLen(NULL) == 0,
		"NULL stays NULL and has no length");
	ok(!SysAllocStringLen(NULL, UINT32_MAX), "a length that does not fit is refused");
	SysFreeString(NULL);
}

/* What a runtime's marshaller does with a string of ours: free, at its own distance. */
static void test_layout(enum oleaut_layout layout, size_t text_at, size_t size)
{
	BSTR s;
	char *block;

	oleaut_use_layout(layout);
	test_strings();
	s = SysAllocString(OLESTR("Hello World"));
	block = (char *)s - text_at;
	ok((uintptr_t)block % 16 == 0 && malloc_usable_size(block) >= size &&
			malloc_usable_size(block) < size + 16,
		"the block begins and ends where the runtime expects it");
	free(block);
}

static void test_references(void)
{
	struct Imyclass *hello;
	struct IUnknown *unknown;
	void *object, *other;

	ok(DllCanUnloadNow() == S_OK, "nothing holds an unused server");
	ok(myclass_create(&object) == S_OK, "myclass_create makes an object");
	unknown = object;
	ok(DllCanUnloadNow() == S_FALSE, "an object holds the server");
	ok(unknown->vtbl->AddRef(unknown) == 2 && unknown->vtbl->Release(unknown) == 1,
		"AddRef and Release count");
	ok(unknown->vtbl->QueryInterface(unknown, &IID_Imyclass, &object) == S_OK,
		"the object has Imyclass");
	hello = object;
	ok(unknown->vtbl->QueryInterface(unknown, &IID_IDispatch, &other) == S_OK &&
			other == object,
		"the interface is dual");
	hello->vtbl->Release(hello);
	ok(unknown->vtbl->QueryInterface(unknown, &IID_IClassFactory, &other) == E_NOINTERFACE &&
			!other,
		"an unknown interface gives E_NOINTERFACE and NULL");
	ok(hello->vtbl->Release(hello) == 1 && unknown->vtbl->Release(unknown) == 0,
		"the last reference frees the object");
	ok(DllCanUnloadNow() == S_OK, "a released object no longer holds the server");
}

static void test_factory(void)
{
	struct IClassFactory *class;
	struct IUnknown outer = {0};
	void *object, *made;

	ok(DllGetClassObject(&IID_Imyclass, &IID_IClassFactory, &object) ==
			CLASS_E_CLASSNOTAVAILABLE,
		"an unknown class is refused");
	ok(DllGetClassObject(&CLSID_myclass, &IID_IClassFactory, &object) == S_OK,
		"the class has a factory");
	class = object;
	ok(class->vtbl->CreateInstance(class, &outer, &IID_IUnknown, &made) ==
			CLASS_E_NOAGGREGATION,
		"aggregation is refused");
	ok(class->vtbl->CreateInstance(class, NULL, &IID_IClassFactory, &made) == E_NOINTERFACE &&
			!made,
		"an object that lacks the interface is not handed out");
	class->vtbl->LockServer(class, 1);
	class->vtbl->Release(class);
	ok(DllCanUnloadNow() == S_FALSE, "a lock holds the server");
	class->vtbl->LockServer(class, 0);
	ok(DllCanUnloadNow() == S_OK, "the factory left nothing behind");
}

static HRESULT invoke(struct Imyclass *hello, VARIANT *args, uint32_t nr_args, VARIANT *result)
{
	DISPPARAMS params = {.rgvarg = args, .cArgs = nr_args};
	uint32_t bad_arg;

	return hello->vtbl->Invoke(
		hello, 1, &IID_IUnknown, 0, DISPATCH_METHOD, &params, result, NULL, &bad_arg);
}

static void test_late_bound(struct Imyclass *hello)
{
	OLECHAR name[] = u"sayHELLO", wrong[] = u"SayHell";
	OLECHAR *names[] = {name}, *wrong_names[] = {wrong};
	BSTR out = NULL;
	VARIANT arg = {.vt = VT_BYREF | VT_BSTR, .pbstrVal = &out}, result;
	DISPID id;

	ok(hello->vtbl->GetIDsOfNames(hello, &IID_IUnknown, names, 1, 0, &id) == S_OK && id == 1,
		"SayHello is found in any case");
	ok(hello->vtbl->GetIDsOfNames(hello, &IID_IUnknown, wrong_names, 1, 0, &id) ==
				DISP_E_UNKNOWNNAME &&
			id == DISPID_UNKNOWN,
		"a part of the name is not the name");
	ok(invoke(hello, &arg, 1, NULL) == S_OK && bstr_is(out, OLESTR("Hello World"), 11),
		"Invoke fills a BSTR by reference");
	SysFreeString(out);
	ok(invoke(hello, NULL, 0, &result) == S_OK && result.vt == VT_BSTR &&
			bstr_is(result.bstrVal, OLESTR("Hello World"), 11),
		"Invoke without an argument gives the string as the result");
	SysFreeString(result.bstrVal);
	arg.vt = VT_BSTR;
	ok(invoke(hello, &arg, 1, NULL) == DISP_E_TYPEMISMATCH, "a BSTR by value is refused");
	ok(invoke(hello, &arg, 0, NULL) == DISP_E_BADPARAMCOUNT, "a missing argument is refused");
}

static void test_say_hello(struct Imyclass *hello)
{
	uint32_t nr_infos = 1;
	void *info;
	BSTR out = NULL;

	ok(hello->vtbl->SayHello(hello, &out) == S_OK && bstr_is(out, OLESTR("Hello World"), 11),
		"SayHello says hello");
	SysFreeString(out);
	ok(myclass_flat_say_hello(&out) == S_OK && bstr_is(out, OLESTR("Hello World"), 11),
		"so does the plain function");
	SysFreeString(out);
	ok(hello->vtbl->SayHello(hello, NULL) == E_POINTER, "SayHello needs a place to write to");
	ok(hello->vtbl->GetTypeInfoCount(hello, &nr_infos) == S_OK && nr_infos == 0 &&
			hello->vtbl->GetTypeInfo(hello, 0, 0, &info) == E_NOTIMPL,
		"there is no type information");
}

int main(void)
{
	struct Imyclass *hello;
	void *object;

	test_layout(OLEAUT_MONO, 4, 28);
	test_layout(OLEAUT_DOTNET, 8, 32);
	oleaut_use_layout(OLEAUT_MONO);
	test_references();
	test_factory();
	if (FAILED(myclass_create(&object)))
		return 1;
	hello = object;
	test_late_bound(hello);
	test_say_hello(hello);
	hello->vtbl->Release(hello);
	printf("1..%d\n", nr_tests);
	return nr_failed != 0;
}
