/*
 * A list of numbers as a JSON array, "[3,17,4]": how a recording keeps the frames of a
 * stack in one value that SQL can still take apart (json_each).  Pure text.
 */
#ifndef LK_REPORT_NUMBER_LIST_H
#define LK_REPORT_NUMBER_LIST_H

#include "base/defs.h"

/* Room that the text of nr numbers takes at most, its NUL included. */
#define LK_NUMBER_LIST_ROOM(nr) (11 * (size_t)(nr) + 3)

/* Writes the text; gives its length. */
size_t lk_number_list_write(const uint32_t *numbers, uint32_t nr, char *to);

/*
 * Reads the next number; at: where the list stands, first its '[', moved on.  1: a
 * number; 0: the list has ended, and so has the text; -EBADMSG: it is no such list.
 */
int lk_number_list_next(const char **at, const char *end, uint32_t *ret_number);

#endif
