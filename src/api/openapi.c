/* GET /api/v1/openapi.json: src/api/openapi.json as it is; a test holds the answers to it. */
#include "api/args.h"

__asm__(".pushsection .rodata\n"
        "api_openapi_begin:\n"
        ".incbin \"src/api/openapi.json\"\n"
        "api_openapi_end:\n"
        ".popsection\n");
extern const char api_openapi_begin[], api_openapi_end[];

enum api_status api_openapi_answer(const struct api_ask *ask, struct buf *out)
{
    if (!api_args_read(ask, NULL, 0, NULL, out))
        return API_400;
    buf_append(out, api_openapi_begin, (size_t)(api_openapi_end - api_openapi_begin));
    return API_200;
}
