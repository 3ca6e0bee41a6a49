/*
 * The BSTR functions of OLE Automation under their real names, so that a native
 * stack reads as it does on Windows.  A BSTR is a pointer to UTF-16 text; the
 * four bytes before the text hold its length in bytes, and a 16-bit zero that
 * the length does not count stands behind it.  What else its block holds is the
 * business of whoever frees it, and here that is a runtime's marshaller:
 *
 *	block            block + 4
 *	| uint32 bytes   | text ...            | 0 0 |                  OLEAUT_MONO
 *	                 ^ the BSTR
 *
 *	block            block + 4        block + 8
 *	| not used       | uint32 bytes   | text ...   | 0 0 | fill |   OLEAUT_DOTNET
 *	                                  ^ the BSTR
 *
 * .NET rounds the size of its blocks up to a multiple of 16.  All sides get their
 * blocks from malloc, so a BSTR may be allocated here and freed by the runtime's
 * marshaller, or the other way round.  Every function may be called from any
 * thread.  Functions that allocate return NULL when there is no memory or when
 * the text is longer than the length field can say.
 */
#ifndef OLEAUT_H
#define OLEAUT_H

#include <stdint.h>
#include <uchar.h>

/* wchar_t has 32 bits on Linux, so L"" would be the wrong text: use OLESTR(""). */
typedef char16_t OLECHAR;
typedef OLECHAR *BSTR;
#define OLESTR(text) u##text

#define OLEAUT_API __attribute__((visibility("default")))

/*
 * Whose blocks this library makes and expects.  The first is the default.  A client
 * on .NET chooses once, before the first string: a string of one layout must not
 * reach a function that expects the other.
 */
enum oleaut_layout { OLEAUT_MONO, OLEAUT_DOTNET };
OLEAUT_API void oleaut_use_layout(enum oleaut_layout layout);

/* A copy of the text up to its first zero; NULL gives NULL. */
OLEAUT_API BSTR SysAllocString(const OLECHAR *text);

/* A copy of `length` characters, zeros included; a NULL text leaves them unset. */
OLEAUT_API BSTR SysAllocStringLen(const OLECHAR *text, unsigned int length);

/* A copy of `size` bytes of any kind; NULL leaves them unset. */
OLEAUT_API BSTR SysAllocStringByteLen(const char *bytes, unsigned int size);

/*
 * Puts a copy of the text into *string and frees what was there.  The text may
 * be a part of the old string.  Returns 1, or 0 with *string as it was.
 */
OLEAUT_API int SysReAllocString(BSTR *string, const OLECHAR *text);

/* The same for `length` characters; a NULL text keeps the old ones as far as they go. */
OLEAUT_API int SysReAllocStringLen(BSTR *string, const OLECHAR *text, unsigned int length);

/* Frees a BSTR; NULL is allowed. */
OLEAUT_API void SysFreeString(BSTR string);

/* The length in characters, and in bytes; 0 for NULL. */
OLEAUT_API unsigned int SysStringLen(BSTR string);
OLEAUT_API unsigned int SysStringByteLen(BSTR string);

#endif
