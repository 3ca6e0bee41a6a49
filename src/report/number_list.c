#include "report/number_list.h"

#include <errno.h>

static char *put_number(char *to, uint32_t number)
{
	char digits[10];
	unsigned n = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (n)
		*to++ = digits[--n];
	return to;
}

size_t lk_number_list_write(const uint32_t *numbers, uint32_t nr, char *to)
{
	char *at = to;

	*at++ = '[';
	for (uint32_t i = 0; i < nr; i++) {
		if (i)
			*at++ = ',';
		at = put_number(at, numbers[i]);
	}
	*at++ = ']';
	*at = 0;
	return (size_t)(at - to);
}

int lk_number_list_next(const char **at, const char *end, uint32_t *ret_number)
{
	const char *p = *at;
	bool first = p < end && *p == '[';
	uint64_t number = 0;
	const char *digits;

	if (p < end && *p == ']')
		return p + 1 == end ? 0 : -EBADMSG;
	if (!first && !(p < end && *p == ','))
		return -EBADMSG;
	p++;
	if (first && p < end && *p == ']')
		return p + 1 == end ? 0 : -EBADMSG;
	for (digits = p; p < end && *p >= '0' && *p <= '9' && number <= UINT32_MAX; p++)
		number = number * 10 + (unsigned)(*p - '0');
	if (p == digits || number > UINT32_MAX)
		return -EBADMSG;
	*at = p;
	*ret_number = (uint32_t)number;
	return 1;
}
