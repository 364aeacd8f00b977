/**
 * Any bytes as Accept and as Accept-Encoding: read within their bounds, and answered with
 * something that we have.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "expose/negotiate.h"
#include "http/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(struct slice list)
{
    struct http_accept a;
    const char *end = list.ptr + list.len;
    while (http_accept_next(&list, &a)) {
        struct slice params = a.params, name, value;
        assert(a.q <= HTTP_Q_MAX && a.name.ptr + a.name.len <= end && list.ptr <= end);
        while (http_accept_param(&params, &name, &value))
            assert(value.ptr + value.len <= end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size + (size == 0));
    memcpy(exact, data, size);
    struct slice list = slice_of(exact, size);
    check_list(list);
    size_t format = negotiate_format(list, writers, WRITER_COUNT);
    enum encoding_id encoding = negotiate_encoding(list);
    assert(format < WRITER_COUNT && encoding < ENCODING_COUNT);
    /* Bodies that have a gzip form go by the same list. */
    assert(encoding != ENCODING_GZIP || http_accept_gzip(list));
    free(exact);
    return 0;
}
