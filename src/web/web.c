#include "web/web.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* it only reads what it inflates */
#include <zlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "http/accept.h"
#include "web/files.h"

enum { GZIP_TAIL = 4, GZIP_WINDOW = 16 + MAX_WBITS }; /* 16: gzip, for inflateInit2 */

/* Metrics are named by strangers, and so is much of what the page shows. */
static const struct http_header headers[] = {
    { "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
    { "X-Content-Type-Options", "nosniff" },
    { "Referrer-Policy", "no-referrer" },
    { "Cross-Origin-Opener-Policy", "same-origin" },
};

static const struct {
    const char *path, *type;
} files[] = {
#define X(id, path, file, type) { path, type },
    WEB_FILES(X)
#undef X
};

struct web {
    struct {
        struct http_body *packed, *plain; /* plain: NULL until somebody needs it */
        char etag[24];
    } files[WEB_FILE_COUNT];
};

/* The length of what was compressed ends a gzip member, little-endian (RFC 1952). */
static size_t plain_length(struct slice gzip)
{
    assert(gzip.len > GZIP_TAIL);
    const unsigned char *tail = (const unsigned char *)gzip.ptr + gzip.len - GZIP_TAIL;
    return tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 | (size_t)tail[3] << 24;
}

/* returns  owned; NULL: no memory */
static struct http_body *inflated(enum web_file f)
{
    struct slice gzip = web_packed(f);
    size_t n = plain_length(gzip);
    char *plain = mem_alloc(n);
    z_stream z = { .next_in = (const Bytef *)gzip.ptr,
                   .avail_in = (uInt)gzip.len,
                   .next_out = (Bytef *)plain,
                   .avail_out = (uInt)n };
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK) {
        free(plain);
        return NULL;
    }
    int rc = inflate(&z, Z_FINISH);
    assert(rc == Z_STREAM_END && z.avail_out == 0 && "the build made it");
    (void)rc;
    inflateEnd(&z);
    return http_body_take(files[f].type, plain, n);
}

static bool accepts_gzip(const struct http_request *r)
{
    char list[HTTP_ACCEPT_BYTES];
    return http_accept_gzip(http_request_header_list(r, "Accept-Encoding", list, sizeof list));
}

static void answer_file(struct web *w, enum web_file f, struct http_request *r)
{
    bool gzip = accepts_gzip(r);
    if (!gzip && w->files[f].plain == NULL)
        w->files[f].plain = inflated(f);
    struct http_body *body = gzip ? w->files[f].packed : w->files[f].plain;
    const struct http_header of_file[] = {
        { "ETag", w->files[f].etag },
        { "Cache-Control", "no-cache" },
        { "Vary", "Accept-Encoding" },
        { "Content-Encoding", "gzip" }, /* the last: left out of what is not */
    };
    const char *has = http_request_header(r, "If-None-Match");
    if (has != NULL && strstr(has, w->files[f].etag + strlen("W/")) != NULL)
        http_answer_with(r, 304, NULL, of_file, 3);
    else if (body == NULL)
        http_answer(r, 503, NULL);
    else
        http_answer_with(r, 200, body, of_file, gzip ? 4 : 3);
}

static void on_asked(void *web, struct http_request *r)
{
    const char *path = http_request_path(r);
    for (enum web_file f = 0; f < WEB_FILE_COUNT; f++)
        if (strcmp(path, files[f].path) == 0) {
            answer_file(web, f, r);
            return;
        }
    static const char text[] = "not found\n";
    struct http_body *body =
        http_body_take("text/plain; charset=utf-8", mem_strdup(text), sizeof text - 1);
    http_answer(r, 404, body);
    http_body_unref(body);
}

struct web *web_new(void)
{
    struct web *w = mem_zalloc(sizeof *w);
    for (enum web_file f = 0; f < WEB_FILE_COUNT; f++) {
        struct slice gzip = web_packed(f);
        char *copy = mem_alloc(gzip.len);
        memcpy(copy, gzip.ptr, gzip.len);
        w->files[f].packed = http_body_take(files[f].type, copy, gzip.len);
        /* Without hash_seed: the same after a restart.  Weak: gzip or not, it is the same file. */
        (void)snprintf(w->files[f].etag, sizeof w->files[f].etag, "W/\"%016llx\"",
                       (unsigned long long)XXH3_64bits(gzip.ptr, gzip.len));
    }
    return w;
}

void web_routes(struct web *w, struct http_route ret[WEB_ROUTES])
{
    const struct http_route all = { .ask = on_asked,
                                    .cookie = w,
                                    .guarded = HTTP_GUARDED,
                                    .headers = headers,
                                    .n_headers = ARRAY_LEN(headers) };
    ret[0] = ret[1] = all;
    ret[0].path = "/";
    ret[1].path = "/web/";
    ret[1].prefix = true;
}

void web_free(struct web *w)
{
    if (w == NULL)
        return;
    for (enum web_file f = 0; f < WEB_FILE_COUNT; f++) {
        http_body_unref(w->files[f].packed);
        http_body_unref(w->files[f].plain);
    }
    free(w);
}
