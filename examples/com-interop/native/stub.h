/*
 * What a runtime generates for a call into COM, written by hand.  The caller's
 * strings are not BSTRs, so somebody has to make one before the call and take one
 * apart behind it.
 */
#ifndef STUB_H
#define STUB_H

#include <stdbool.h>

#include "../server/myclass.h"

/* The caller's own kind of string.  It may be null, as a C# string may be. */
struct text {
	bool is_null;
	unsigned int length;
	OLECHAR chars[64];
};

#define TEXT_NULL ((struct text){.is_null = true})

/*
 * Calls SayHello with `text` passed by reference: its value goes in as a BSTR, and
 * what comes out replaces it.  A string that is too long for `text` is cut.
 */
HRESULT stub_SayHello(struct Imyclass *hello, struct text *text);

#endif
