#include <stdatomic.h>
#include <stddef.h>

#include "internal.h"

static atomic_uint nr_holds;

void server_hold(void)
{
	atomic_fetch_add_explicit(&nr_holds, 1, memory_order_relaxed);
}

void server_let_go(void)
{
	atomic_fetch_sub_explicit(&nr_holds, 1, memory_order_release);
}

bool server_is_held(void)
{
	return atomic_load_explicit(&nr_holds, memory_order_acquire) != 0;
}

/*
 * There is one factory and it lives as long as the library, so its references are
 * not an object's life: they only hold the library.
 */
static uint32_t factory_add_ref(struct IClassFactory *self)
{
	server_hold();
	return 2;
}

static uint32_t factory_release(struct IClassFactory *self)
{
	server_let_go();
	return 1;
}

static HRESULT factory_query_interface(struct IClassFactory *self, const GUID *iid, void **object)
{
	if (!object)
		return E_POINTER;
	*object = NULL;
	if (!guid_is(iid, &IID_IUnknown) && !guid_is(iid, &IID_IClassFactory))
		return E_NOINTERFACE;
	factory_add_ref(self);
	*object = self;
	return S_OK;
}

/* The reference of the new object goes to the interface that was asked for, or nowhere. */
static HRESULT factory_create_instance(
	struct IClassFactory *self, struct IUnknown *outer, const GUID *iid, void **object)
{
	struct Imyclass *fresh;
	HRESULT hr;

	if (!object)
		return E_POINTER;
	*object = NULL;
	if (outer)
		return CLASS_E_NOAGGREGATION;
	hr = myclass_new(&fresh);
	if (FAILED(hr))
		return hr;
	hr = fresh->vtbl->QueryInterface(fresh, iid, object);
	fresh->vtbl->Release(fresh);
	return hr;
}

static HRESULT factory_lock_server(struct IClassFactory *self, int32_t lock)
{
	if (lock)
		server_hold();
	else
		server_let_go();
	return S_OK;
}

static const struct IClassFactoryVtbl factory_vtbl = {
	.QueryInterface = factory_query_interface,
	.AddRef = factory_add_ref,
	.Release = factory_release,
	.CreateInstance = factory_create_instance,
	.LockServer = factory_lock_server,
};

static struct IClassFactory factory = {.vtbl = &factory_vtbl};

HRESULT DllGetClassObject(const GUID *clsid, const GUID *iid, void **object)
{
	if (!object)
		return E_POINTER;
	*object = NULL;
	if (!guid_is(clsid, &CLSID_myclass))
		return CLASS_E_CLASSNOTAVAILABLE;
	return factory_query_interface(&factory, iid, object);
}

HRESULT DllCanUnloadNow(void)
{
	return server_is_held() ? S_FALSE : S_OK;
}

HRESULT myclass_create(void **object)
{
	struct IClassFactory *class;
	void *found;
	HRESULT hr;

	if (!object)
		return E_POINTER;
	*object = NULL;
	hr = DllGetClassObject(&CLSID_myclass, &IID_IClassFactory, &found);
	if (FAILED(hr))
		return hr;
	class = found;
	hr = class->vtbl->CreateInstance(class, NULL, &IID_IUnknown, object);
	class->vtbl->Release(class);
	return hr;
}
