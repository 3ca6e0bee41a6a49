/*
 * What a runtime from the future would export: a contract descriptor whose contracts
 * have versions that nobody knows yet.
 */
#include <stdint.h>

static const char json[] =
	"{\"version\":0,\"baseline\":\"empty\",\"types\":{\"RangeSection\":{\"RangeBegin\":0}},"
	"\"globals\":{},\"contracts\":{\"ExecutionManager\":99,\"RuntimeTypeSystem\":99,\"Loader\":99}}";

struct {
	char magic[8];
	uint32_t flags, json_size;
	const char *json;
	uint32_t nr_pointers, pad;
	const uint64_t *pointers;
} DotNetRuntimeContractDescriptor = {"DNCCDAC", 1, sizeof(json) - 1, json, 0, 0, 0};
