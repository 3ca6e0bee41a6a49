/*
 * What the first bytes of a block say to a reader: a BSTR's text, UTF-16, UTF-8,
 * else hex.  The bytes are somebody else's; nothing is assumed of them.
 */
#ifndef LK_REPORT_DECODE_H
#define LK_REPORT_DECODE_H

#include "leak/snapshot.h"

struct lk_decoded {
	const char *encoding; /* "bstr", "utf-16", "utf-8", "hex" */
	bool cut;	      /* there is more than is shown */
	char text[256];	      /* valid UTF-8 */
};

/* manager: as in struct lk_site.  -ENODATA where there is nothing to show. */
int lk_decode(const struct lk_content *content, uint64_t block_size, const char *manager,
	struct lk_decoded *ret_decoded);

/*
 * Reads one UTF-8 character of at most size bytes; *ret_size is how many it takes.
 * -EBADMSG where it is not well-formed.
 */
int lk_utf8_next(const uint8_t *at, size_t size, uint32_t *ret_char, size_t *ret_size);

/* True for what a terminal shows as text: no control, no private use, no hole. */
bool lk_is_printable(uint32_t c);

#endif
