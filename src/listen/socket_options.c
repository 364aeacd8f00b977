/*
 * The options, a row each in options[].  Which of them a URL may have is in its transport's row.
 *     first        set_ and print_ of each option, and the table; then socket_options_print
 *     at the end   socket_options_read -> set_option; say_whose and say_known when it may not be
 */
#include "listen/socket_options.h"

#include <assert.h>
#include <sys/un.h>

#include "base/duration.h"
#include "base/number.h"
#include "listen/allow.h"
#include "listen/owner.h"

static const char *const signs[] = { "auto", "delta", "absolute" };
static const char *const spreads[] = { "auto", "source", "payload" };
static const char *const framings[] = { "line", "dsd" }; /* by enum framing_kind */

/* Which of the n words s is.  returns  false: none */
static bool word_index(struct slice s, const char *const *words, size_t n, unsigned *ret)
{
    for (*ret = 0; *ret < n; ++*ret)
        if (slice_eq(s, slice_str(words[*ret])))
            return true;
    return false;
}

static bool set_gauge_sign(struct listen_address *a, struct slice value)
{
    unsigned word;
    bool known = word_index(value, signs, ARRAY_LEN(signs), &word);
    if (known)
        a->gauge_sign = (enum gauge_sign)word;
    return known;
}

static void print_gauge_sign(const struct listen_address *a, struct buf *out)
{
    assert(a->gauge_sign < ARRAY_LEN(signs));
    buf_append_str(out, signs[a->gauge_sign]);
}

static bool set_rcvbuf(struct listen_address *a, struct slice value)
{
    enum { RCVBUF_MIN = 4096, RCVBUF_MAX = 1 << 30 };
    uint64_t bytes;
    if (number_parse_size(value, &bytes) < 0 || bytes < RCVBUF_MIN || bytes > RCVBUF_MAX)
        return false;
    a->rcvbuf = bytes;
    return true;
}

static void print_rcvbuf(const struct listen_address *a, struct buf *out)
{
    char text[NUMBER_TEXT_MAX];
    buf_append(out, text, number_print_size(text, a->rcvbuf));
}

static bool set_spread(struct listen_address *a, struct slice value)
{
    unsigned word;
    if (!word_index(value, spreads, ARRAY_LEN(spreads), &word))
        return false;
    a->spread = (enum listen_spread)word;
    return true;
}

static void print_spread(const struct listen_address *a, struct buf *out)
{
    assert(a->spread < ARRAY_LEN(spreads));
    buf_append_str(out, spreads[a->spread]);
}

static bool set_mode(struct listen_address *a, struct slice value)
{
    unsigned mode = 0;
    if (value.len < 1 || value.len > 5)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '7')
            return false;
        mode = mode * 8 + (unsigned)(value.ptr[i] - '0');
    }
    if (mode > 0777)
        return false;
    a->mode = mode;
    return true;
}

static void print_mode(const struct listen_address *a, struct buf *out)
{
    buf_printf(out, "%04o", a->mode);
}

static bool set_framing(struct listen_address *a, struct slice value)
{
    unsigned word;
    if (!word_index(value, framings, ARRAY_LEN(framings), &word))
        return false;
    a->framing = (enum framing_kind)word;
    return true;
}

static void print_framing(const struct listen_address *a, struct buf *out)
{
    assert(a->framing < ARRAY_LEN(framings));
    buf_append_str(out, framings[a->framing]);
}

static bool set_idle_timeout(struct listen_address *a, struct slice value)
{
    const uint64_t most_ms = 365ull * 24 * 3600 * 1000;
    uint64_t ms;
    if (duration_parse(value, &ms) != NULL || ms > most_ms)
        return false;
    a->idle_timeout_ms = ms;
    return true;
}

static void print_idle_timeout(const struct listen_address *a, struct buf *out)
{
    char text[DURATION_TEXT_MAX];
    buf_append(out, text, duration_print(text, a->idle_timeout_ms));
}

static bool set_count(uint32_t *to, struct slice value)
{
    enum { CONNECTIONS_MAX = 65535 };
    int64_t n;
    if (!number_parse_int(value, &n) || n < 1 || n > CONNECTIONS_MAX)
        return false;
    *to = (uint32_t)n;
    return true;
}

static bool set_max_connections(struct listen_address *a, struct slice value)
{
    return set_count(&a->max_connections, value);
}

static void print_max_connections(const struct listen_address *a, struct buf *out)
{
    buf_printf(out, "%u", a->max_connections);
}

static bool set_max_per_address(struct listen_address *a, struct slice value)
{
    return set_count(&a->max_per_address, value);
}

static void print_max_per_address(const struct listen_address *a, struct buf *out)
{
    buf_printf(out, "%u", a->max_per_address);
}

static bool set_owner(struct listen_address *a, struct slice value)
{
    return owner_parse(value, &a->uid, &a->gid);
}

static void print_owner(const struct listen_address *a, struct buf *out)
{
    buf_printf(out, "%u", a->uid);
    if (a->gid != LISTEN_OWNER_SELF)
        buf_printf(out, ":%u", a->gid);
}

static bool set_file(char to[LISTEN_FILE_MAX], struct slice value)
{
    if (value.len == 0 || value.len >= LISTEN_FILE_MAX)
        return false;
    memcpy(to, value.ptr, value.len);
    to[value.len] = '\0';
    return true;
}

static bool set_tls_cert(struct listen_address *a, struct slice value)
{
    return set_file(a->tls_cert, value);
}

static bool set_tls_key(struct listen_address *a, struct slice value)
{
    return set_file(a->tls_key, value);
}

static bool set_tls_client_ca(struct listen_address *a, struct slice value)
{
    return set_file(a->tls_client_ca, value);
}

static void print_tls_cert(const struct listen_address *a, struct buf *out)
{
    buf_append_str(out, a->tls_cert);
}

static void print_tls_key(const struct listen_address *a, struct buf *out)
{
    buf_append_str(out, a->tls_key);
}

static void print_tls_client_ca(const struct listen_address *a, struct buf *out)
{
    buf_append_str(out, a->tls_client_ca);
}

static bool has_tls(const struct listen_address *a)
{
    return a->tls_cert[0] != '\0';
}

static bool has_tls_client_ca(const struct listen_address *a)
{
    return a->tls_client_ca[0] != '\0';
}

/* An abstract name has no file whose permissions could be set. */
static bool has_file(const struct listen_address *a)
{
    return ((const struct sockaddr_un *)&a->addr)->sun_path[0] != '\0';
}

/* Options that a listener may be without: such ones are not printed. */
static bool has_rcvbuf(const struct listen_address *a)
{
    return a->rcvbuf > 0;
}

static bool has_owner(const struct listen_address *a)
{
    return a->uid != LISTEN_OWNER_SELF;
}

#define WITH_FILE "a socket with a path, not @NAME"
#define A_FILE    "the path of a PEM file, of at most 255 bytes"

/* clang-format off */
static const struct option {
    const char *key;
    const char *values;       /* what a value may be, for messages */
    bool (*set)(struct listen_address *a, struct slice value);   /* false: no such value */
    void (*print)(const struct listen_address *a, struct buf *out);
    bool (*applies)(const struct listen_address *a);             /* NULL: to every address */
    const char *needs;        /* where applies is false: what the option needs, for messages */
    bool (*is_set)(const struct listen_address *a);              /* NULL: always */
} options[] = {
    [LISTEN_GAUGE_SIGN] = { "gauge_sign", "one of auto, delta, absolute",
                            set_gauge_sign, print_gauge_sign, NULL, NULL, NULL },
    [LISTEN_RCVBUF]     = { "rcvbuf", "a size from 4KiB to 1GiB, such as 32MiB",
                            set_rcvbuf, print_rcvbuf, NULL, NULL, has_rcvbuf },
    [LISTEN_SPREAD]     = { "spread", "one of auto, source, payload",
                            set_spread, print_spread, NULL, NULL, NULL },
    [LISTEN_ALLOW] = { "allow", "networks: ", allow_set, allow_print, NULL, NULL, allow_is_set },
    [LISTEN_MODE]       = { "mode", "octal permissions, such as 0666",
                            set_mode, print_mode, has_file, WITH_FILE, NULL },
    [LISTEN_OWNER]      = { "owner", "USER or USER:GROUP, names or numbers that this machine has",
                            set_owner, print_owner, has_file, WITH_FILE, has_owner },
    [LISTEN_FRAMING]    = { "framing", "one of line, dsd (a length before each datagram)",
                            set_framing, print_framing, NULL, NULL, NULL },
    [LISTEN_IDLE_TIMEOUT] = { "idle_timeout", "a duration such as 10m, or 0 for never",
                            set_idle_timeout, print_idle_timeout, NULL, NULL, NULL },
    [LISTEN_MAX_CONNECTIONS] = { "max_connections", "a whole number from 1 to 65535",
                            set_max_connections, print_max_connections, NULL, NULL, NULL },
    [LISTEN_MAX_PER_ADDRESS] = { "max_per_address", "a whole number from 1 to 65535",
                            set_max_per_address, print_max_per_address, NULL, NULL, NULL },
    [LISTEN_TLS_CERT]   = { "tls_cert", A_FILE, set_tls_cert, print_tls_cert, NULL, NULL, has_tls },
    [LISTEN_TLS_KEY]    = { "tls_key", A_FILE, set_tls_key, print_tls_key, NULL, NULL, has_tls },
    [LISTEN_TLS_CLIENT_CA] = { "tls_client_ca", A_FILE,
                            set_tls_client_ca, print_tls_client_ca, NULL, NULL, has_tls_client_ca },
};

/* What few options have.  say: what is wrong with a value that set refused, behind `values` */
static const struct {
    void (*say)(const struct listen_address *a, struct slice value, struct buf *error);
    bool may_repeat;
    const char *instead; /* what does the same for transports without it; NULL: nothing */
} rare[LISTEN_OPTION_COUNT] = {
    [LISTEN_ALLOW] = { allow_say, true, "who may send to a Unix socket is said by mode and owner" },
};
/* clang-format on */
static_assert(ARRAY_LEN(options) == LISTEN_OPTION_COUNT, "every option needs its row");
static_assert(LISTEN_OPTION_COUNT < 32, "a set of options is the bits of an unsigned");

const char *socket_options_key(enum listen_option o)
{
    assert(o < LISTEN_OPTION_COUNT);
    return options[o].key;
}

static bool knows(const struct transport *t, unsigned option)
{
    return t->options >> option & 1;
}

void socket_options_print(const struct listen_address *a, struct buf *out)
{
    const struct transport *t = transport_of(a->transport);
    for (unsigned i = 0; i < LISTEN_OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        if (!knows(t, i) || (o->applies != NULL && !o->applies(a)) ||
            (o->is_set != NULL && !o->is_set(a)))
            continue;
        buf_printf(out, " %s=", o->key);
        o->print(a, out);
    }
}

static void say_known(const struct transport *t, struct buf *error)
{
    buf_printf(error, "%s:// knows", t->scheme);
    const char *before = " ";
    for (unsigned i = 0; i < LISTEN_OPTION_COUNT; i++) {
        if (!knows(t, i))
            continue;
        buf_printf(error, "%s%s", before, options[i].key);
        before = ", ";
    }
}

/* Which transports have an option that the URL's does not. */
static void say_whose(unsigned option, struct buf *error)
{
    if (option == LISTEN_OPTION_COUNT) {
        buf_append_str(error, "there is no such option of a socket; ");
        return;
    }
    buf_printf(error, "%s is for", options[option].key);
    for (unsigned t = 0; t < LISTEN_TRANSPORT_COUNT; t++)
        if (knows(transport_of((enum listen_transport)t), option))
            buf_printf(error, " %s://", transport_of((enum listen_transport)t)->scheme);
    buf_append_str(error, " only; ");
    if (rare[option].instead != NULL)
        buf_printf(error, "%s; ", rare[option].instead);
}

/* returns  LISTEN_OPTION_COUNT: there is no such option */
static unsigned option_of(struct slice key)
{
    unsigned i = 0;
    while (i < LISTEN_OPTION_COUNT && !slice_eq(key, slice_str(options[i].key)))
        i++;
    return i;
}

static bool set_option(struct listen_address *a, unsigned i, struct slice value, struct buf *error)
{
    const struct transport *t = transport_of(a->transport);
    const struct option *o = &options[i];
    if (i == LISTEN_OPTION_COUNT || !knows(t, i)) {
        say_whose(i, error);
        say_known(t, error);
    } else if (o->applies != NULL && !o->applies(a)) {
        buf_printf(error, "%s is for %s", o->key, o->needs);
    } else if (!o->set(a, value)) {
        buf_printf(error, "%s is %s", o->key, o->values);
        if (rare[i].say != NULL)
            rare[i].say(a, value, error);
    } else {
        return true;
    }
    return false;
}

/* TLS needs a certificate and its key. */
static bool tls_is_whole(const struct listen_address *a, struct buf *error)
{
    bool cert = a->tls_cert[0] != '\0', key = a->tls_key[0] != '\0';
    const char *one = cert ? "tls_cert" : "tls_key", *other = cert ? "tls_key" : "tls_cert";
    if (cert != key)
        buf_printf(error, "%s needs %s, too", one, other);
    else if (has_tls_client_ca(a) && !cert)
        buf_append_str(error, "tls_client_ca needs tls_cert and tls_key, too");
    else
        return true;
    return false;
}

bool socket_options_read(struct slice query, struct listen_address *a, struct buf *error)
{
    unsigned seen = 0;
    while (query.len > 0) {
        struct slice pair = query, key;
        if (!slice_cut(&query, '&', &pair))
            query.len = 0;
        if (!slice_cut(&pair, '=', &key)) {
            buf_append_str(error, "after '?' come options as key=value, joined by '&'");
            return false;
        }
        unsigned i = option_of(key);
        if (!set_option(a, i, pair, error))
            return false;
        if (seen >> i & 1 && !rare[i].may_repeat) {
            buf_printf(error, "%s is given twice", options[i].key);
            return false;
        }
        seen |= 1u << i;
    }
    return tls_is_whole(a, error);
}
