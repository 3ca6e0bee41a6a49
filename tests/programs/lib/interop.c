/* What tests/programs/interop.cs calls: callees that take parameters for results. */
#include <stdlib.h>
#include <string.h>

char *give_string(void);
void overwrite(char **s);
void overwrite_bstr(char **s);
void read_bstr(char *s);

char *give_string(void)
{
	return strdup("a result");
}

void overwrite(char **s)
{
	*s = strdup("another");
}

void overwrite_bstr(char **s)
{
	*s = NULL;
}

void read_bstr(char *s)
{
}
