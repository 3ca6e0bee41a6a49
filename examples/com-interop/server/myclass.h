/*
 * The server: one class, `myclass`, with one interface, `Imyclass`, whose only
 * method gives the caller a new BSTR.  myclass.idl is the same in COM's own words.
 */
#ifndef MYCLASS_H
#define MYCLASS_H

#include "com.h"

#define MYCLASS_API __attribute__((visibility("default")))

struct Imyclass;
struct ImyclassVtbl {
	IUNKNOWN_SLOTS(struct Imyclass);
	/* IDispatch, for clients that find the method by its name. */
	HRESULT (*GetTypeInfoCount)(struct Imyclass *self, uint32_t *count);
	HRESULT(*GetTypeInfo)
	(struct Imyclass *self, uint32_t index, uint32_t lcid, void **info);
	HRESULT(*GetIDsOfNames)
	(struct Imyclass *self, const GUID *iid, OLECHAR **names, uint32_t nr_names, uint32_t lcid,
		DISPID *ids);
	HRESULT(*Invoke)
	(struct Imyclass *self, DISPID id, const GUID *iid, uint32_t lcid, uint16_t flags,
		DISPPARAMS *params, VARIANT *result, void *excepinfo, uint32_t *bad_arg);
	/*
	 * [out]: what *hellostr holds before the call is nobody's concern and is
	 * overwritten.  The caller frees the new string with SysFreeString.
	 */
	HRESULT (*SayHello)(struct Imyclass *self, BSTR *hellostr);
};
struct Imyclass {
	const struct ImyclassVtbl *vtbl;
};

extern MYCLASS_API const GUID IID_IUnknown;
extern MYCLASS_API const GUID IID_IDispatch;
extern MYCLASS_API const GUID IID_IClassFactory;
extern MYCLASS_API const GUID IID_Imyclass;
extern MYCLASS_API const GUID CLSID_myclass;

/* The two entries that COM asks of every in-process server. */
MYCLASS_API HRESULT DllGetClassObject(const GUID *clsid, const GUID *iid, void **object);
MYCLASS_API HRESULT DllCanUnloadNow(void);

/*
 * What CoCreateInstance does on Windows, without a registry: asks the class
 * factory for a new object.  The caller owns one reference to *object, which is
 * an IUnknown.
 */
MYCLASS_API HRESULT myclass_create(void **object);

/* SayHello without an object, for clients that call plain functions and no interface. */
MYCLASS_API HRESULT myclass_flat_say_hello(BSTR *hellostr);

#endif
