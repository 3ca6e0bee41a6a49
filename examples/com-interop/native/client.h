/* What both native clients need around their one call. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdint.h>

#include "stub.h"

/* A new object of the server, released with client_close, or NULL after a message. */
struct Imyclass *client_open(void);
void client_close(struct Imyclass *hello);

/* The last line of a client.  Returns what main returns. */
int client_say(uint64_t nr_calls, HRESULT hr, const struct text *text);

#endif
