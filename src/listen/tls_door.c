#include "listen/tls_door.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/now.h"
#include "tls/store.h"

enum { WINDOW_MS = 1000 };

struct tls_door {
    const struct listen_address *address;
    struct stream_counts *counts;
    struct tls_store *store;
    uint64_t window_ms; /* when the second began that `begun` counts in */
    uint32_t begun;
};

static int64_t now_s(void)
{
    return (int64_t)(now_wall_ms() / 1000);
}

uint64_t tls_door_handshakes(const struct listen_address *a)
{
    /* One second more than they last, for those that begin in the second that ends. */
    uint64_t begun = (TLS_DOOR_HANDSHAKE_MS / WINDOW_MS + 1ull) * a->tls_handshakes_per_second;
    return begun < a->max_connections ? begun : a->max_connections;
}

struct tls_opts tls_door_opts(const struct listen_address *a)
{
    bool verify = a->tls_client_ca[0] != '\0';
    return (struct tls_opts){ .side = TLS_SERVER,
                              .cert_file = a->tls_cert,
                              .key_file = a->tls_key,
                              .ca_file = verify ? a->tls_client_ca : NULL,
                              .client_auth = verify ? TLS_CLIENT_REQUIRE_VERIFY : TLS_CLIENT_NONE };
}

static void log_lines(enum log_level level, const char *msg, const char *key, const struct buf *of,
                      const struct listen_address *a)
{
    struct slice rest = buf_slice(of), line;
    while (slice_cut(&rest, '\n', &line))
        LOG(level, msg, F_STR("addr", a->name), F_SLICE(key, line));
}

static void log_warnings(const struct tls_door *d, const struct buf *warnings)
{
    log_lines(LOG_WARN, "certificate", "warning", warnings, d->address);
}

static void show(struct tls_door *d)
{
    struct tls_reloads n = tls_store_reloads(d->store);
    d->counts->tls.reloads_ok = n.ok;
    d->counts->tls.reloads_failed = n.failed;
    d->counts->tls.expires_s = tls_bundle_expires(tls_store_current(d->store));
}

/* Lines into one, joined by "; ". */
static void join(const struct buf *lines, struct buf *out)
{
    struct slice rest = buf_slice(lines), line;
    size_t before = out->len;
    while (slice_cut(&rest, '\n', &line)) {
        if (out->len > before)
            buf_append_str(out, "; ");
        buf_append_slice(out, line);
    }
}

int tls_door_open(const struct listen_address *a, struct stream_counts *counts,
                  struct tls_door **ret, struct buf *error)
{
    struct buf errors = { 0 }, warnings = { 0 };
    struct tls_opts opts = tls_door_opts(a);
    struct tls_door *d = mem_zalloc(sizeof *d);
    assert(tls_door_wanted(a) && a->tls_handshakes_per_second > 0);
    d->address = a;
    d->counts = counts;
    int rc = tls_store_open(&opts, now_s(), &d->store, &errors, &warnings);
    log_warnings(d, &warnings);
    if (rc < 0) {
        join(&errors, error);
        free(d);
    } else {
        show(d);
        *ret = d;
    }
    buf_release(&errors);
    buf_release(&warnings);
    return rc;
}

struct tls_bundle *tls_door_begin(struct tls_door *d)
{
    d->begun++;
    return tls_store_current(d->store);
}

uint64_t tls_door_rest_ms(struct tls_door *d, uint64_t now_ms)
{
    if (now_ms - d->window_ms >= WINDOW_MS) {
        d->window_ms = now_ms;
        d->begun = 0;
    }
    return d->begun < d->address->tls_handshakes_per_second ? 0 : d->window_ms + WINDOW_MS - now_ms;
}

static void load(struct tls_door *d,
                 enum tls_loaded (*how)(struct tls_store *, int64_t, struct buf *, struct buf *))
{
    struct buf errors = { 0 }, warnings = { 0 };
    enum tls_loaded loaded = how(d->store, now_s(), &errors, &warnings);
    if (loaded == TLS_LOADED) {
        LOG(LOG_INFO, "certificate loaded", F_STR("addr", d->address->name),
            F_I64("expires_in_days",
                  (tls_bundle_expires(tls_store_current(d->store)) - now_s()) / 86400));
        log_warnings(d, &warnings);
    } else if (loaded == TLS_NOT_LOADED) {
        log_lines(LOG_ERROR, "certificate not loaded, the old one stays", "error", &errors,
                  d->address);
    }
    show(d);
    buf_release(&errors);
    buf_release(&warnings);
}

void tls_door_look(struct tls_door *d)
{
    load(d, tls_store_look);
}

void tls_door_reload(struct tls_door *d)
{
    load(d, tls_store_reload);
}

void tls_door_free(struct tls_door *d)
{
    if (d == NULL)
        return;
    tls_store_free(d->store);
    free(d);
}
