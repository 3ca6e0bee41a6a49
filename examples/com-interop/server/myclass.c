#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "internal.h"

#define DISPID_SAYHELLO 1

struct myclass {
	struct Imyclass base;
	atomic_uint nr_refs;
};

_Static_assert(offsetof(struct myclass, base) == 0, "the object starts with its table");

static struct myclass *myclass_of(struct Imyclass *self)
{
	return (struct myclass *)self;
}

static uint32_t myclass_add_ref(struct Imyclass *self)
{
	return atomic_fetch_add_explicit(&myclass_of(self)->nr_refs, 1, memory_order_relaxed) + 1;
}

/* The last release sees everything that other threads did while they held a reference. */
static uint32_t myclass_release(struct Imyclass *self)
{
	struct myclass *object = myclass_of(self);
	unsigned int before;

	before = atomic_fetch_sub_explicit(&object->nr_refs, 1, memory_order_acq_rel);
	if (before == 1) {
		free(object);
		server_let_go();
	}
	return before - 1;
}

/* The interface is dual: one table serves as IUnknown, IDispatch and Imyclass. */
static HRESULT myclass_query_interface(struct Imyclass *self, const GUID *iid, void **object)
{
	if (!object)
		return E_POINTER;
	*object = NULL;
	if (!guid_is(iid, &IID_IUnknown) && !guid_is(iid, &IID_IDispatch) &&
		!guid_is(iid, &IID_Imyclass))
		return E_NOINTERFACE;
	myclass_add_ref(self);
	*object = self;
	return S_OK;
}

static HRESULT myclass_get_type_info_count(struct Imyclass *self, uint32_t *count)
{
	if (!count)
		return E_POINTER;
	*count = 0;
	return S_OK;
}

static HRESULT myclass_get_type_info(
	struct Imyclass *self, uint32_t index, uint32_t lcid, void **info)
{
	if (info)
		*info = NULL;
	return E_NOTIMPL;
}

static OLECHAR ascii_lower(OLECHAR c)
{
	return c >= u'A' && c <= u'Z' ? (OLECHAR)(c - u'A' + u'a') : c;
}

static bool name_is(const OLECHAR *name, const OLECHAR *expected)
{
	while (*name && ascii_lower(*name) == ascii_lower(*expected)) {
		name++;
		expected++;
	}
	return ascii_lower(*name) == ascii_lower(*expected);
}

/* The first name is the method, the others its arguments; those have no names here. */
static HRESULT myclass_get_ids_of_names(struct Imyclass *self, const GUID *iid, OLECHAR **names,
	uint32_t nr_names, uint32_t lcid, DISPID *ids)
{
	HRESULT hr = S_OK;

	if (!names || !ids || nr_names == 0)
		return E_INVALIDARG;
	for (uint32_t i = 0; i < nr_names; i++) {
		bool known = i == 0 && name_is(names[i], OLESTR("SayHello"));

		ids[i] = known ? DISPID_SAYHELLO : DISPID_UNKNOWN;
		if (!known)
			hr = DISP_E_UNKNOWNNAME;
	}
	return hr;
}

static HRESULT myclass_say_hello(struct Imyclass *self, BSTR *hellostr)
{
	if (!hellostr)
		return E_POINTER;
	*hellostr = SysAllocString(OLESTR("Hello World"));
	return *hellostr ? S_OK : E_OUTOFMEMORY;
}

static HRESULT say_hello_as_result(struct Imyclass *self, VARIANT *result)
{
	BSTR hello;
	HRESULT hr = myclass_say_hello(self, &hello);

	if (FAILED(hr))
		return hr;
	*result = (VARIANT){.vt = VT_BSTR, .bstrVal = hello};
	return S_OK;
}

static HRESULT say_hello_to_argument(struct Imyclass *self, VARIANT *arg, uint32_t *bad_arg)
{
	if (arg->vt == (VT_BYREF | VT_BSTR))
		return myclass_say_hello(self, arg->pbstrVal);
	if (bad_arg)
		*bad_arg = 0;
	return DISP_E_TYPEMISMATCH;
}

/*
 * The late-bound call, for clients that know only the name.  The string goes to
 * the one argument, a BSTR by reference; a client that passes no argument gets it
 * as the result.
 */
static HRESULT myclass_invoke(struct Imyclass *self, DISPID id, const GUID *iid, uint32_t lcid,
	uint16_t flags, DISPPARAMS *params, VARIANT *result, void *excepinfo, uint32_t *bad_arg)
{
	if (id != DISPID_SAYHELLO || !(flags & DISPATCH_METHOD))
		return DISP_E_MEMBERNOTFOUND;
	if (!params)
		return E_INVALIDARG;
	if (params->cNamedArgs)
		return DISP_E_NONAMEDARGS;
	if (params->cArgs == 0 && result)
		return say_hello_as_result(self, result);
	if (params->cArgs != 1 || !params->rgvarg)
		return DISP_E_BADPARAMCOUNT;
	if (result)
		*result = (VARIANT){.vt = VT_EMPTY};
	return say_hello_to_argument(self, &params->rgvarg[0], bad_arg);
}

static const struct ImyclassVtbl vtbl = {
	.QueryInterface = myclass_query_interface,
	.AddRef = myclass_add_ref,
	.Release = myclass_release,
	.GetTypeInfoCount = myclass_get_type_info_count,
	.GetTypeInfo = myclass_get_type_info,
	.GetIDsOfNames = myclass_get_ids_of_names,
	.Invoke = myclass_invoke,
	.SayHello = myclass_say_hello,
};

HRESULT myclass_new(struct Imyclass **ret_object)
{
	struct myclass *object = malloc(sizeof(*object));

	if (!object)
		return E_OUTOFMEMORY;
	object->base.vtbl = &vtbl;
	atomic_init(&object->nr_refs, 1);
	server_hold();
	*ret_object = &object->base;
	return S_OK;
}
