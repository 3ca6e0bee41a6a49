/* What the files of the server share and its clients do not see. */
#ifndef INTERNAL_H
#define INTERNAL_H

#include <stdbool.h>

#include "myclass.h"

bool guid_is(const GUID *a, const GUID *b);

/* What keeps the library from being unloaded: living objects and locks. */
void server_hold(void);
void server_let_go(void);
bool server_is_held(void);

/* A new object with one reference, which is the caller's.  E_OUTOFMEMORY. */
HRESULT myclass_new(struct Imyclass **ret_object);

#endif
