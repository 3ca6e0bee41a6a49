/*
 * The part of COM that this example needs, with the binary layout that every COM
 * client expects: an object starts with a pointer to a table of functions, the
 * first three are IUnknown's, the next four IDispatch's.  The names are COM's own.
 * On Linux the functions use the ordinary calling convention.
 */
#ifndef COM_H
#define COM_H

#include <stdint.h>

#include "oleaut.h"

typedef int32_t HRESULT;
typedef int32_t DISPID;

typedef struct {
	uint32_t Data1;
	uint16_t Data2;
	uint16_t Data3;
	uint8_t Data4[8];
} GUID;

#define S_OK			  ((HRESULT)0)
#define S_FALSE			  ((HRESULT)1)
#define E_NOTIMPL		  ((HRESULT)0x80004001)
#define E_NOINTERFACE		  ((HRESULT)0x80004002)
#define E_POINTER		  ((HRESULT)0x80004003)
#define E_OUTOFMEMORY		  ((HRESULT)0x8007000E)
#define E_INVALIDARG		  ((HRESULT)0x80070057)
#define CLASS_E_NOAGGREGATION	  ((HRESULT)0x80040110)
#define CLASS_E_CLASSNOTAVAILABLE ((HRESULT)0x80040111)
#define DISP_E_MEMBERNOTFOUND	  ((HRESULT)0x80020003)
#define DISP_E_TYPEMISMATCH	  ((HRESULT)0x80020005)
#define DISP_E_UNKNOWNNAME	  ((HRESULT)0x80020006)
#define DISP_E_NONAMEDARGS	  ((HRESULT)0x80020007)
#define DISP_E_BADPARAMCOUNT	  ((HRESULT)0x8002000E)

#define SUCCEEDED(hr) ((hr) >= 0)
#define FAILED(hr)    ((hr) < 0)

enum { VT_EMPTY = 0, VT_BSTR = 8, VT_BYREF = 0x4000 };
enum { DISPATCH_METHOD = 1 };
enum { DISPID_UNKNOWN = -1, DISPID_PROPERTYPUT = -3 };

typedef struct {
	uint16_t vt;
	uint16_t reserved[3];
	union {
		BSTR bstrVal;
		BSTR *pbstrVal;
		struct {
			void *record;
			void *record_info;
		} brecVal;
	};
} VARIANT;

typedef struct {
	VARIANT *rgvarg;
	DISPID *rgdispidNamedArgs;
	uint32_t cArgs;
	uint32_t cNamedArgs;
} DISPPARAMS;

_Static_assert(sizeof(GUID) == 16, "a GUID has 16 bytes");
_Static_assert(sizeof(VARIANT) == 24, "a VARIANT of a 64-bit process has 24 bytes");

/* The slots that every interface starts with; `this_type` is the interface's struct. */
#define IUNKNOWN_SLOTS(this_type)                                                                  \
	HRESULT (*QueryInterface)(this_type * self, const GUID *iid, void **object);               \
	uint32_t (*AddRef)(this_type * self);                                                      \
	uint32_t (*Release)(this_type * self)

struct IUnknown;
struct IUnknownVtbl {
	IUNKNOWN_SLOTS(struct IUnknown);
};
struct IUnknown {
	const struct IUnknownVtbl *vtbl;
};

struct IClassFactory;
struct IClassFactoryVtbl {
	IUNKNOWN_SLOTS(struct IClassFactory);
	HRESULT(*CreateInstance)
	(struct IClassFactory *self, struct IUnknown *outer, const GUID *iid, void **object);
	HRESULT (*LockServer)(struct IClassFactory *self, int32_t lock);
};
struct IClassFactory {
	const struct IClassFactoryVtbl *vtbl;
};

#endif
