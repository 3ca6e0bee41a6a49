/* The fix on the caller's side: nothing goes in, so nothing can be lost. */
#include "client.h"
#include "pace.h"

int main(int argc, char **argv)
{
	struct text sout = TEXT_NULL;
	struct Imyclass *hello;
	struct pace pace;
	HRESULT hr = S_OK;

	if (!pace_parse(&pace, argc, argv))
		return 2;
	hello = client_open();
	if (!hello)
		return 1;
	while (SUCCEEDED(hr) && pace_next(&pace)) {
		sout = TEXT_NULL;
		hr = stub_SayHello(hello, &sout);
	}
	client_close(hello);
	return client_say(pace.nr_done, hr, &sout);
}
