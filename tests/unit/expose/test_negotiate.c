/* Which format and which encoding a request gets, for what clients send and for what they might. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "expose/negotiate.h"

enum { TEXT, OM, PROTO };

#define OM_1    "application/openmetrics-text;version=1.0.0"
#define OM_0    "application/openmetrics-text;version=0.0.1"
#define TEXT_4  "text/plain;version=0.0.4"
#define MESSAGE "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"

static const struct writer_ops text = { .content_type =
                                            "text/plain; version=0.0.4; charset=utf-8" };
static const struct writer_ops om = {
    .content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"
};
static const struct writer_ops proto = {
    .content_type = "application/vnd.google.protobuf; "
                    "proto=io.prometheus.client.MetricFamily; encoding=delimited",
    .required = "proto;encoding",
};
static const struct writer_ops *const offers[] = { &text, &om, &proto };

/* From memory of exactly its size. */
static char *exact(const char *s)
{
    size_t n = strlen(s);
    char *copy = malloc(n + (n == 0));
    memcpy(copy, s, n);
    return copy;
}

static void a_request_gets_the_format_that_it_likes_best(void **unused)
{
    (void)unused;
    static const struct {
        const char *accept;
        size_t want;
    } rows[] = {
        /* Prometheus 2.42, plain and with native histograms. */
        { OM_1 "," OM_0 ";q=0.75," TEXT_4 ";q=0.5,*/*;q=0.1", OM },
        { MESSAGE "encoding=delimited," OM_1 ";q=0.8," OM_0 ";q=0.75," TEXT_4 ";q=0.5,*/*;q=0.1",
          PROTO },
        /* Prometheus 3: by default, with protobuf first, and asked for text alone. */
        { "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6," OM_0
          ";q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4," TEXT_4 ";q=0.3,*/*;q=0.2",
          OM },
        { MESSAGE "encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;"
                  "escaping=underscores;q=0.5," TEXT_4 ";q=0.2,*/*;q=0.1",
          PROTO },
        { "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4," TEXT_4 ";q=0.3,*/*;q=0.2", TEXT },
        /* Older ones, which knew OpenMetrics 0.0.1 alone. */
        { OM_0 "," TEXT_4 ";q=0.5,*/*;q=0.1", TEXT },
        { OM_0, TEXT },
        /* Browsers, curl, nothing. */
        { "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT },
        { "*/*", TEXT },
        { "", TEXT },
        /* By name, in any spelling. */
        { "application/openmetrics-text", OM },
        { "Application/OpenMetrics-Text ; Version=1.0.0", OM },
        { "application/openmetrics-text; version=\"1.0.0\"; charset=UTF-8", OM },
        { "application/openmetrics-text;version=2.0.0", TEXT },
        { "application/openmetrics-text;charset=utf-16", TEXT },
        { "application/openmetrics-text;escaping=\"a,b;q=0\"", OM },
        { "application/openmetrics-tex", TEXT },
        { "application/openmetrics-textual", TEXT },
        { "openmetrics-text", TEXT },
        /* q: the higher, whatever comes first; none is 1; what is malformed is 0. */
        { TEXT_4 ";q=0.5," OM_1 ";q=0.6", OM },
        { OM_1 ";q=0.5," TEXT_4 ";q=0.6", TEXT },
        { OM_1 ";q=0.3," TEXT_4 ";q=0.299", OM },
        { OM_1 ";q=0," TEXT_4, TEXT },
        { OM_1 ";q=0", TEXT },
        { OM_1 ";q=0.000,*/*", TEXT },
        { OM_1 ";Q=0.9," TEXT_4 ";q=0.8", OM },
        { OM_1 ";q=2," TEXT_4 ";q=0.1", TEXT },
        { OM_1 ";q=," TEXT_4 ";q=0.1", TEXT },
        { OM_1 ";q=-1," TEXT_4 ";q=0.1", TEXT },
        { "text/plain;q=0," OM_1 ";q=0.1", OM },
        /* Ties: a name before a wildcard, then our order. */
        { OM_1 "," TEXT_4, TEXT },
        { OM_1 ",*/*", OM },
        { OM_1 ";q=0.5,*/*", TEXT },
        { "application/*", OM },
        { "application/*,text/plain;q=0.9", OM },
        { "application/*;q=0.1,text/*;q=0.2", TEXT },
        { "text/plain;q=0,*/*;q=0.1", OM },
        /* The closest entry decides: */
        { OM_1 ";q=0.1,application/openmetrics-text;q=0.9,text/plain;q=0.5", TEXT },
        { "application/*,application/openmetrics-text;q=0.1,text/plain;q=0.5", TEXT },
        { "*/*;q=0," OM_1, OM },
        /* Protobuf only to those who name message and framing. */
        { MESSAGE "encoding=delimited", PROTO },
        { MESSAGE "encoding=text", TEXT },
        { MESSAGE "encoding=compact-text," OM_1 ";q=0.1", OM },
        { "application/vnd.google.protobuf", TEXT },
        { "application/vnd.google.protobuf;encoding=delimited", TEXT },
        { "application/vnd.google.protobuf;proto=other;encoding=delimited", TEXT },
        /* Rubbish. */
        { ",,;;,/", TEXT },
        { "/", TEXT },
        { "*", TEXT },
        { "text", TEXT },
        { "*/openmetrics-text", TEXT },
        { ";q=1", TEXT },
        { "\"", TEXT },
        { "application/openmetrics-text;x=\"", OM },
        { "application/openmetrics-text;x=\"\\", OM },
        { "application/openmetrics-text;", OM },
        { "application/openmetrics-text;version", TEXT },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *accept = exact(rows[i].accept);
        size_t have =
            negotiate_format(slice_of(accept, strlen(rows[i].accept)), offers, ARRAY_LEN(offers));
        if (have != rows[i].want)
            fail_msg("%s: %zu", rows[i].accept, have);
        free(accept);
    }
}

static void a_request_gets_the_encoding_that_it_likes_best(void **unused)
{
    (void)unused;
    static const struct {
        const char *accept;
        enum encoding_id want;
    } rows[] = {
        { "gzip", ENCODING_GZIP },
        { "", ENCODING_IDENTITY },
        { "gzip, deflate, br, zstd", ENCODING_ZSTD },
        { "gzip, deflate, br", ENCODING_GZIP },
        { "zstd", ENCODING_ZSTD },
        { "ZSTD", ENCODING_ZSTD },
        { "x-gzip", ENCODING_GZIP },
        { "gzip, zstd;q=0.5", ENCODING_GZIP },
        { "gzip;q=0.5, zstd;q=0.501", ENCODING_ZSTD },
        { "zstd;q=0, gzip", ENCODING_GZIP },
        { "zstd;q=0", ENCODING_IDENTITY },
        { "identity", ENCODING_IDENTITY },
        { "identity;q=0.5, gzip;q=0.1", ENCODING_IDENTITY },
        { "gzip;q=0.001", ENCODING_GZIP },
        { "identity, gzip", ENCODING_GZIP },
        /* `*` is what everybody knows. */
        { "*", ENCODING_GZIP },
        { "*;q=0", ENCODING_IDENTITY },
        { "gzip;q=0, *", ENCODING_IDENTITY },
        { "*;q=0, zstd", ENCODING_ZSTD },
        { "identity, *", ENCODING_IDENTITY },
        /* What nothing satisfies gets what every client can read. */
        { "identity;q=0", ENCODING_IDENTITY },
        { "br", ENCODING_IDENTITY },
        { "br, identity;q=0, *;q=0", ENCODING_IDENTITY },
        { "zst", ENCODING_IDENTITY },
        { "zstd1", ENCODING_IDENTITY },
        { "gzip;q=x, zstd;q=1.5", ENCODING_IDENTITY },
        { ",,;;,", ENCODING_IDENTITY },
        { ";q=1", ENCODING_IDENTITY },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *accept = exact(rows[i].accept);
        enum encoding_id have = negotiate_encoding(slice_of(accept, strlen(rows[i].accept)));
        if (have != rows[i].want)
            fail_msg("%s: %u", rows[i].accept, (unsigned)have);
        free(accept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_gets_the_format_that_it_likes_best),
        cmocka_unit_test(a_request_gets_the_encoding_that_it_likes_best),
    };
    return cmocka_run_group_tests_name("negotiate", tests, NULL, NULL);
}
