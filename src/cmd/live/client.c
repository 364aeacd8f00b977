#include "cmd/live/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/now.h"
#include "cmd/live/curl.h"

enum { CONNECT_MS = 3000, SILENCE_MS = 20000 /* a stream has a heartbeat within that */ };

struct client {
    const struct curl *curl;
    struct client_opts opts;
    CURL *easy;
    CURLM *multi;
    struct buf shown; /* the URL without user and password, and NUL */
    char why[CURL_ERROR_SIZE];
    /* of the transfer that is under way */
    bool (*data)(void *cookie, struct slice piece);
    void *cookie;
    struct buf refusal; /* the body of another status than 200 */
    uint64_t heard_ms;  /* when it began, or bytes of the body last came */
    bool enough;
};

static long status_of(struct client *c)
{
    long status = 0;
    (void)c->curl->easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* libcurl's: returning less than n ends the transfer. */
static size_t on_data(char *ptr, size_t one, size_t n, void *client)
{
    struct client *c = client;
    (void)one;
    c->heard_ms = now_mono_ms();
    if (status_of(c) != 200) {
        if (c->refusal.len < CURL_ERROR_SIZE)
            buf_append(&c->refusal, ptr, n < CURL_ERROR_SIZE ? n : CURL_ERROR_SIZE);
        return n;
    }
    c->enough = !c->data(c->cookie, slice_of(ptr, n));
    return c->enough ? 0 : n;
}

static void set_up(struct client *c)
{
    const struct curl *l = c->curl;
    const struct client_opts *o = &c->opts;
    (void)l->easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->why);
    (void)l->easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    (void)l->easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)l->easy_setopt(c->easy, CURLOPT_PROXY, ""); /* a proxy would keep a stream back */
    (void)l->easy_setopt(c->easy, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
    (void)l->easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    (void)l->easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_data);
    (void)l->easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    if (o->ca_file != NULL)
        (void)l->easy_setopt(c->easy, CURLOPT_CAINFO, o->ca_file);
    (void)l->easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, o->insecure ? 0L : 1L);
    (void)l->easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, o->insecure ? 0L : 2L);
}

static void put_shown(const char *url, struct buf *out)
{
    const char *host = strstr(url, "://");
    host = host != NULL ? host + 3 : url;
    const char *end = host + strcspn(host, "/"), *at = host;
    for (const char *p = host; p < end; p++)
        at = *p == '@' ? p + 1 : at;
    buf_append(out, url, (size_t)(host - url));
    buf_append_str(out, at);
    buf_append_char(out, '\0');
}

const char *client_shown(const struct client *c)
{
    return c->shown.ptr;
}

struct client *client_new(const struct client_opts *opts, struct buf *error)
{
    const struct curl *l = curl_load();
    if (l == NULL) {
        buf_append_str(error, "libcurl is not installed; the Debian package is libcurl3-gnutls");
        return NULL;
    }
    struct client *c = mem_zalloc(sizeof *c);
    c->curl = l;
    c->opts = *opts;
    put_shown(opts->url, &c->shown);
    c->easy = l->easy_init();
    c->multi = l->multi_init();
    if (c->easy == NULL || c->multi == NULL) {
        buf_append_str(error, "libcurl cannot be started");
        client_free(c);
        return NULL;
    }
    set_up(c);
    return c;
}

void client_free(struct client *c)
{
    if (c == NULL)
        return;
    if (c->easy != NULL)
        c->curl->easy_cleanup(c->easy);
    if (c->multi != NULL)
        (void)c->curl->multi_cleanup(c->multi);
    buf_release(&c->refusal);
    buf_release(&c->shown);
    free(c);
}

/* Not libcurl's own limit, which is of bytes a second: a heartbeat of a stream is fewer. */
static bool is_silent(struct client *c)
{
    if (now_mono_ms() < c->heard_ms + SILENCE_MS)
        return false;
    snprintf(c->why, sizeof c->why, "nothing came for %d s", SILENCE_MS / 1000);
    return true;
}

/* Until the transfer is over.  returns  false: idle said that it is enough */
static bool run(struct client *c, CURLcode *ret)
{
    const struct client_opts *o = &c->opts;
    struct curl_waitfd input = { .fd = o->fd, .events = CURL_WAIT_POLLIN };
    int running = 1, left;
    CURLMcode broken;
    while ((broken = c->curl->multi_perform(c->multi, &running)) == CURLM_OK && running > 0) {
        (void)c->curl->multi_poll(c->multi, &input, o->fd >= 0, (int)o->wait_ms, NULL);
        if (o->idle != NULL && !o->idle(o->cookie))
            return false;
        if (is_silent(c)) {
            *ret = CURLE_OPERATION_TIMEDOUT;
            return true;
        }
    }
    *ret = broken == CURLM_OK ? CURLE_OK : CURLE_FAILED_INIT;
    for (const CURLMsg *m; (m = c->curl->multi_info_read(c->multi, &left)) != NULL;)
        if (m->msg == CURLMSG_DONE)
            *ret = m->data.result;
    return true;
}

/* What whoever asked can do about it; NULL: the server's words say all there is. */
static const char *remedy(long status)
{
    switch (status) {
    case 301:
    case 302:
    case 307:
    case 308:
        return "it sends on to another address; give that one as --from";
    case 401:
        return "give the user and the password in the URL (https://user:password@host) or in "
               "~/.netrc";
    case 404:
        return "it has no such API: an older statsd, or another server; is this the address of "
               "http.listen?";
    case 421:
        return "ask by its address, or name this host in its http.hosts";
    default:
        return NULL;
    }
}

/* {"error":"..."}, or a line of text. */
static void put_words(struct slice text, struct buf *error)
{
    struct slice rest = text, line = text;
    json_t *j = json_loadb(text.ptr, text.len, 0, NULL);
    const char *words = json_string_value(json_object_get(j, "error"));
    (void)slice_cut(&rest, '\n', &line);
    if (words != NULL)
        line = slice_str(words);
    if (line.len > 0) {
        buf_append_str(error, ": ");
        buf_append_slice(error, line);
    }
    json_decref(j);
}

static void say_refusal(struct client *c, struct buf *error)
{
    const char *then = remedy(status_of(c));
    buf_printf(error, "%s answers %ld", c->shown.ptr, status_of(c));
    put_words(buf_slice(&c->refusal), error);
    if (then != NULL)
        buf_printf(error, "; %s", then);
}

enum client_result client_stream(struct client *c, const char *path,
                                 bool (*data)(void *cookie, struct slice piece), void *cookie,
                                 struct buf *error)
{
    struct buf url = { 0 };
    CURLcode code;
    size_t n = strlen(c->opts.url);
    while (n > 0 && c->opts.url[n - 1] == '/')
        n--;
    buf_append(&url, c->opts.url, n);
    buf_append_str(&url, path);
    buf_append_char(&url, '\0');
    c->data = data;
    c->cookie = cookie;
    c->enough = false;
    c->why[0] = '\0';
    c->heard_ms = now_mono_ms();
    buf_clear(&c->refusal);
    (void)c->curl->easy_setopt(c->easy, CURLOPT_URL, url.ptr);
    (void)c->curl->multi_add_handle(c->multi, c->easy);
    bool ran = run(c, &code);
    (void)c->curl->multi_remove_handle(c->multi, c->easy);
    buf_release(&url);
    if (!ran || c->enough)
        return CLIENT_ENOUGH;
    if (code != CURLE_OK) {
        const char *why = c->why[0] != '\0' ? c->why : c->curl->easy_strerror(code);
        buf_printf(error, "%s: %s", c->shown.ptr, why);
        return CLIENT_AWAY;
    }
    if (status_of(c) != 200)
        say_refusal(c, error);
    return status_of(c) == 200 ? CLIENT_OK : status_of(c) == 503 ? CLIENT_AWAY : CLIENT_REFUSED;
}

static bool keep(void *out, struct slice piece)
{
    struct buf *b = out;
    if (b->len + piece.len > CLIENT_ANSWER_BYTES)
        return false;
    buf_append_slice(b, piece);
    return true;
}

enum client_result client_get(struct client *c, const char *path, struct buf *out,
                              struct buf *error)
{
    enum client_result rc = client_stream(c, path, keep, out, error);
    if (rc != CLIENT_ENOUGH || !c->enough)
        return rc;
    buf_printf(error, "%s: its answer is too large", c->shown.ptr);
    return CLIENT_REFUSED;
}

void client_encode(struct buf *out, struct slice s)
{
    static const char plain[] = "-._~";
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        bool letter =
            (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
        if (letter || (ch != '\0' && strchr(plain, ch) != NULL))
            buf_append_char(out, ch);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)ch);
    }
}
