/*
 *   web_config_load          read_file, then web_config_load_text
 *     read_top
 *       web_config_tls_read  tls_server_config (web_config_tls.c)
 *       read_http            http_server_config: read_header for each
 *       read_user            each of basic_auth_users
 *       read_rate            rate_limit
 */
#include "config/web_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bcrypt.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/escape.h"
#include "config/mapping_reader.h"
#include "config/mapping_scalar.h"
#include "config/web_config_tls.h"

/* ---- pairs ---- */

static bool pairs_have(const struct web_pairs *p, struct slice name)
{
    for (size_t i = 0; i < p->n; i++) {
        if (slice_eq(slice_str(p->at[i].name), name))
            return true;
    }
    return false;
}

static void pairs_add(struct web_pairs *p, struct slice name, struct slice value)
{
    p->at = mem_realloc(p->at, (p->n + 1) * sizeof *p->at);
    p->at[p->n].name = mem_strndup(name.ptr, name.len);
    p->at[p->n++].value = mem_strndup(value.ptr, value.len);
}

static void pairs_release(struct web_pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->at[i].name);
        free(p->at[i].value);
    }
    free(p->at);
}

/* What the functions for each pair of a map get. */
struct filling {
    struct web_pairs *to;
    struct buf *warnings;
};

/* A mistake of a pair whose key is a stranger's word. */
static void pair_wrong(struct mapping_reader *r, const struct document_node *key, const char *block,
                       const char *wrong)
{
    struct buf shown = { 0 };
    escape_short(document_text(&r->document, key), &shown);
    mapping_reader_mistake(r, key->line, "%s%.*s: %s", block, (int)shown.len, shown.ptr, wrong);
    buf_release(&shown);
}

/* Its value as a text; null is the empty one.  returns  false: told */
static bool pair_value(struct mapping_reader *r, const struct document_node *key,
                       const struct document_node *value, const char *block, struct slice *ret)
{
    *ret = (struct slice){ .ptr = "" };
    if (document_null(&r->document, value))
        return true;
    if (value->kind == DOCUMENT_TEXT) {
        *ret = document_text(&r->document, value);
        return true;
    }
    pair_wrong(r, key, block, "has to be a text; put it in quotes");
    return false;
}

/* ---- http_server_config ---- */

/* Without words, any value. */
static const struct {
    const char *name;
    const char *words[2];
} headers[] = {
    { "Content-Security-Policy", { NULL } },
    { "Strict-Transport-Security", { NULL } },
    { "X-Content-Type-Options", { "nosniff" } },
    { "X-Frame-Options", { "deny", "sameorigin" } },
    { "X-XSS-Protection", { NULL } },
};

/* returns  NULL, or what is wrong */
static const char *header_wrong(struct slice name, struct slice value)
{
    size_t i = 0;
    while (i < ARRAY_LEN(headers) && !slice_eq(slice_str(headers[i].name), name))
        i++;
    if (i == ARRAY_LEN(headers))
        return "cannot be set; there are Content-Security-Policy, Strict-Transport-Security, "
               "X-Content-Type-Options, X-Frame-Options and X-XSS-Protection, spelled so";
    if (value.len > WEB_CONFIG_HEADER_MAX)
        return "is longer than 4 KiB";
    for (size_t k = 0; k < value.len; k++) {
        if ((unsigned char)value.ptr[k] < ' ' || value.ptr[k] == 0x7f)
            return "has a line end or another control character in it; write it on one line";
    }
    const char *const *w = headers[i].words;
    if (w[0] == NULL || slice_eq(value, slice_str(w[0])) ||
        (w[1] != NULL && slice_eq(value, slice_str(w[1]))))
        return NULL;
    return w[1] == NULL ? "may only be nosniff" : "may only be deny or sameorigin";
}

static void read_header(struct mapping_reader *r, void *cookie, const struct document_node *key,
                        const struct document_node *value, bool merged)
{
    static const char block[] = "http_server_config.headers.";
    struct filling *f = cookie;
    struct slice name = document_text(&r->document, key), text;
    if (pairs_have(f->to, name)) {
        if (!merged)
            pair_wrong(r, key, block, "given twice; keep one of them");
        return;
    }
    if (!pair_value(r, key, value, block, &text))
        return;
    const char *wrong = header_wrong(name, text);
    if (wrong != NULL)
        pair_wrong(r, key, block, wrong);
    else
        pairs_add(f->to, name, text);
}

static void read_http(struct mapping_reader *r, const struct document_node *map,
                      struct web_config *ret)
{
    enum { HTTP2, HEADERS };
    static const struct mapping_key keys[] = {
        [HTTP2] = { "http2", NULL }, [HEADERS] = { "headers", NULL }
    };
    struct mapping_field f[ARRAY_LEN(keys)];
    struct filling filling = { .to = &ret->headers };
    bool http2; /* there is none: accepted, so that files can be shared */
    mapping_reader_fields(r, map, "http_server_config.", keys, ARRAY_LEN(keys), f);
    (void)mapping_scalar_bool(r, &f[HTTP2], &http2);
    if (f[HEADERS].node != NULL)
        mapping_reader_pairs(r, f[HEADERS].node, "http_server_config.headers.", read_header,
                             &filling);
}

/* ---- basic_auth_users ---- */

/* returns  NULL, or what is wrong */
static const char *user_wrong(const struct web_pairs *users, struct slice name, struct slice hash)
{
    if (name.len > WEB_CONFIG_NAME_MAX)
        return "is a name longer than 256 bytes";
    if (users->n == WEB_CONFIG_USERS_MAX)
        return "is one user more than 1000";
    return bcrypt_wrong(hash);
}

static void user_warn(struct mapping_reader *r, const struct document_node *key, struct slice hash,
                      struct buf *warnings)
{
    struct slice name = document_text(&r->document, key);
    if (memchr(name.ptr, ':', name.len) != NULL) {
        mapping_reader_where(r->path, key->line, 0, SLICE_LIT(""), warnings);
        buf_append_str(warnings, "basic_auth_users.");
        escape_short(name, warnings);
        buf_append_str(warnings, ": nobody can log in by a name with a colon\n");
    }
    if (bcrypt_cost(hash) > BCRYPT_COST_SLOW) {
        mapping_reader_where(r->path, key->line, 0, SLICE_LIT(""), warnings);
        buf_append_str(warnings, "basic_auth_users.");
        escape_short(name, warnings);
        buf_printf(warnings,
                   ": a hash of cost %u takes long to check: 10 takes 60 ms, each more "
                   "doubles it\n",
                   bcrypt_cost(hash));
    }
}

static void read_user(struct mapping_reader *r, void *cookie, const struct document_node *key,
                      const struct document_node *value, bool merged)
{
    static const char block[] = "basic_auth_users.";
    struct filling *f = cookie;
    struct slice name = document_text(&r->document, key), hash;
    if (pairs_have(f->to, name)) {
        if (!merged)
            pair_wrong(r, key, block, "given twice; keep one of them");
        return;
    }
    if (!pair_value(r, key, value, block, &hash))
        return;
    const char *wrong = user_wrong(f->to, name, hash);
    if (wrong != NULL) {
        pair_wrong(r, key, block, wrong);
        return;
    }
    pairs_add(f->to, name, hash);
    user_warn(r, key, hash, f->warnings);
}

/* ---- rate_limit ---- */

static void read_rate(struct mapping_reader *r, const struct document_node *map,
                      struct web_config *ret)
{
    enum { INTERVAL, BURST };
    static const struct mapping_key keys[] = {
        [INTERVAL] = { "interval", NULL }, [BURST] = { "burst", NULL }
    };
    struct mapping_field f[ARRAY_LEN(keys)];
    mapping_reader_fields(r, map, "rate_limit.", keys, ARRAY_LEN(keys), f);
    (void)mapping_scalar_duration(r, &f[INTERVAL], &ret->rate_interval_ms);
    bool good = f[BURST].node == NULL || mapping_scalar_count(r, &f[BURST], &ret->rate_burst);
    if (ret->rate_interval_ms > OPTION_HOUR_MS)
        mapping_reader_wrong(r, &f[INTERVAL], "is longer than 1h");
    if (ret->rate_burst > WEB_CONFIG_BURST_MAX)
        mapping_reader_wrong(r, &f[BURST], "is above %d", WEB_CONFIG_BURST_MAX);
    if (good && ret->rate_interval_ms > 0 && ret->rate_burst == 0)
        mapping_reader_wrong(r, &f[BURST],
                             "lets no request through at all; give 1 or more, or no "
                             "interval");
}

/* ---- the file ---- */

static void read_top(struct mapping_reader *r, const struct document_node *root,
                     struct web_config *ret, struct buf *warnings)
{
    enum { TLS, HTTP, USERS, RATE };
    static const struct mapping_key keys[] = {
        [TLS] = { "tls_server_config", NULL },
        [HTTP] = { "http_server_config", NULL },
        [USERS] = { "basic_auth_users", NULL },
        [RATE] = { "rate_limit", NULL },
    };
    struct mapping_field f[ARRAY_LEN(keys)];
    struct filling users = { .to = &ret->users, .warnings = warnings };
    if (root == NULL || document_null(&r->document, root))
        return;
    mapping_reader_fields(r, root, "", keys, ARRAY_LEN(keys), f);
    if (f[TLS].node != NULL)
        web_config_tls_read(r, f[TLS].node, ret);
    if (f[HTTP].node != NULL)
        read_http(r, f[HTTP].node, ret);
    if (f[USERS].node != NULL)
        mapping_reader_pairs(r, f[USERS].node, "basic_auth_users.", read_user, &users);
    if (f[RATE].node != NULL)
        read_rate(r, f[RATE].node, ret);
}

int web_config_load_text(const char *path, struct slice text, struct web_config *ret,
                         struct buf *errors, struct buf *warnings)
{
    struct mapping_reader r = { .path = path };
    struct web_config c = { 0 };
    struct buf why = { 0 };
    unsigned line = 0;
    if (document_parse(&r.document, text, &line, &why) != 0)
        mapping_reader_mistake(&r, line, "%.*s", (int)why.len, why.ptr);
    else
        read_top(&r, document_root(&r.document), &c, warnings);
    buf_release(&why);
    bool good = r.n_mistakes == 0;
    mapping_reader_print(&r, errors);
    if (r.document.text.ptr != NULL) /* a key may be in it */
        explicit_bzero(r.document.text.ptr, r.document.text.cap);
    mapping_reader_release(&r);
    if (good)
        *ret = c;
    else
        web_config_release(&c);
    return good ? 0 : -EINVAL;
}

static int failed(const char *path, const char *why, struct buf *errors)
{
    escape_text(slice_str(path), errors);
    buf_printf(errors, ": %s\n", why);
    return -EINVAL;
}

static int read_all(int fd, const char *path, struct buf *ret, struct buf *errors)
{
    ssize_t n = 1;
    while (n > 0 && ret->len <= WEB_CONFIG_BYTES_MAX) {
        n = read(fd, buf_reserve(ret, 65536), 65536);
        ret->len += n > 0 ? (size_t)n : 0;
        n = n < 0 && errno == EINTR ? 1 : n;
    }
    if (n < 0)
        return failed(path, err_text(errno), errors);
    if (ret->len > WEB_CONFIG_BYTES_MAX)
        return failed(path, "is larger than 1 MiB: no web config", errors);
    return 0;
}

static int read_file(const char *path, struct buf *ret, unsigned *ret_mode, struct buf *errors)
{
    struct stat st;
    /* Not blocking: a FIFO without a writer would hold up the server. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        struct buf why = { 0 };
        buf_printf(&why, "cannot read the web config: %s%s", err_text(errno),
                   errno == EACCES ? " (make it readable for the server's user or group)" : "");
        buf_append_char(&why, '\0');
        (void)failed(path, why.ptr, errors);
        buf_release(&why);
        if (fd >= 0)
            close(fd);
        return -EINVAL;
    }
    int rc = S_ISREG(st.st_mode) ? read_all(fd, path, ret, errors)
                                 : failed(path, "is no file: no web config", errors);
    close(fd);
    *ret_mode = st.st_mode;
    return rc;
}

int web_config_load(const char *path, struct web_config *ret, struct buf *errors,
                    struct buf *warnings)
{
    struct buf text = { 0 };
    unsigned mode = 0;
    int rc = read_file(path, &text, &mode, errors);
    if (rc == 0)
        rc = web_config_load_text(path, buf_slice(&text), ret, errors, warnings);
    if (rc == 0 && (mode & (S_IROTH | S_IWOTH)) && (ret->users.n > 0 || ret->key.text != NULL)) {
        escape_text(slice_str(path), warnings);
        buf_append_str(warnings, ": every user may read or change the hashes or the key in it: "
                                 "chmod 0640\n");
    }
    if (text.ptr != NULL)
        explicit_bzero(text.ptr, text.cap);
    buf_release(&text);
    return rc;
}

void web_config_release(struct web_config *c)
{
    web_config_tls_release(c);
    pairs_release(&c->headers);
    pairs_release(&c->users);
    *c = (struct web_config){ 0 };
}
