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

struct served {
    struct web_file file;
    struct http_body *packed, *plain; /* plain: NULL until somebody needs it */
    char etag[24];
};

struct web {
    size_t n;
    struct served files[];
};

/* The length of what was compressed ends a gzip member, little-endian (RFC 1952). */
static size_t plain_length(struct slice gzip)
{
    assert(gzip.len > GZIP_TAIL);
    const unsigned char *tail = (const unsigned char *)gzip.ptr + gzip.len - GZIP_TAIL;
    return tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 | (size_t)tail[3] << 24;
}

/* returns  owned; NULL: no memory */
static struct http_body *inflated(const struct web_file *f)
{
    struct slice gzip = f->gzip;
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
    return http_body_take(f->type, plain, n);
}

static bool accepts_gzip(const struct http_request *r)
{
    char list[HTTP_ACCEPT_BYTES];
    return http_accept_gzip(http_request_header_list(r, "Accept-Encoding", list, sizeof list));
}

static void answer_file(struct served *f, struct http_request *r)
{
    bool gzip = accepts_gzip(r);
    if (!gzip && f->plain == NULL)
        f->plain = inflated(&f->file);
    struct http_body *body = gzip ? f->packed : f->plain;
    const struct http_header of_file[] = {
        { "ETag", f->etag },
        { "Cache-Control", "no-cache" },
        { "Vary", "Accept-Encoding" },
        { "Content-Encoding", "gzip" }, /* the last: left out of what is not */
    };
    const char *has = http_request_header(r, "If-None-Match");
    if (has != NULL && strstr(has, f->etag + strlen("W/")) != NULL)
        http_answer_with(r, 304, NULL, of_file, 3);
    else if (body == NULL)
        http_answer(r, 503, NULL);
    else
        http_answer_with(r, 200, body, of_file, gzip ? 4 : 3);
}

static void on_asked(void *web, struct http_request *r)
{
    struct web *w = web;
    const char *path = http_request_path(r);
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(path, w->files[i].file.path) == 0) {
            answer_file(&w->files[i], r);
            return;
        }
    static const char text[] = "not found\n";
    struct http_body *body =
        http_body_take("text/plain; charset=utf-8", mem_strdup(text), sizeof text - 1);
    http_answer(r, 404, body);
    http_body_unref(body);
}

struct web *web_new_of(const struct web_file *files, size_t n)
{
    struct web *w = mem_zalloc(sizeof *w + n * sizeof w->files[0]);
    w->n = n;
    for (size_t i = 0; i < n; i++) {
        struct served *f = &w->files[i];
        struct slice gzip = files[i].gzip;
        char *copy = mem_alloc(gzip.len);
        memcpy(copy, gzip.ptr, gzip.len);
        f->file = files[i];
        f->packed = http_body_take(f->file.type, copy, gzip.len);
        /* Without hash_seed: the same after a restart.  Weak: gzip or not, it is the same file. */
        (void)snprintf(f->etag, sizeof f->etag, "W/\"%016llx\"",
                       (unsigned long long)XXH3_64bits(gzip.ptr, gzip.len));
    }
    return w;
}

struct web *web_new(void)
{
    struct web_file files[] = {
#define X(id, path, file, type) { path, type, web_packed(WEB_##id) },
        WEB_FILES(X)
#undef X
    };
    return web_new_of(files, ARRAY_LEN(files));
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
    for (size_t i = 0; i < w->n; i++) {
        http_body_unref(w->files[i].packed);
        http_body_unref(w->files[i].plain);
    }
    free(w);
}
