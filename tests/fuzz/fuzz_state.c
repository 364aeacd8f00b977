/**
 * Any bytes as a saved state, twice: as a file, where nearly all fail at a checksum, and as records
 * that have passed it, those of Redis among them.  Whatever is loaded, the page can be written, and
 * what it shows can be saved and loaded again.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>

#include "aggregate/ingest.h"
#include "aggregate/registry_state.h"
#include "state/carried.h"
#include "state/state.h"
#include "base/log.h"
#include "base/pack.h"
#include "expose/render.h"
#include "sinks/redis/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const double quantiles[] = { 0.5, 0.99 };
static const struct profile shape = { .quantiles = quantiles,
                                      .n_quantiles = 2,
                                      .sketch_schema = 5,
                                      .summary_max_age_ms = 600000,
                                      .summary_age_buckets = 5,
                                      .set_steps = 6,
                                      .set_step_intervals = 1,
                                      .ttl_s = 3600,
                                      .scale = 1 };

/* Both clocks of the process that loads; the state is of 100 s before. */
static const struct state_clock now = { .mono_ns = 50000000000,
                                        .wall_ms = 1700000100000,
                                        .zero_ms = 1700000050000,
                                        .interval_start_ms = 1700000100000,
                                        .interval_ms = 10000 };
static const struct state_clock before = { .wall_ms = 1700000000000 };

struct bytes {
    const uint8_t *at;
    size_t left;
};

static long read_bytes(void *cookie, void *p, size_t n)
{
    struct bytes *b = cookie;
    n = n < b->left ? n : b->left;
    if (n > 0)
        memcpy(p, b->at, n);
    b->at += n;
    b->left -= n;
    return (long)n;
}

static int write_bytes(void *cookie, const void *p, size_t n)
{
    buf_append(cookie, p, n);
    return 0;
}

static void read_file(const uint8_t *data, size_t size)
{
    struct bytes b = { data, size };
    const struct records_source from = { read_bytes, &b };
    struct state_owner owner;
    const char *why = NULL;
    int rc = state_check(&from, "me", &owner, &why);
    assert(rc == 0 || why != NULL);
}

/* Each record: u8 type, u16 length, body. */
static bool load(struct registry_load *l, struct carried *c, const uint8_t *data, size_t size)
{
    struct unpack in = unpack_of(slice_of((const char *)data, size));
    bool good = true;
    while (in.rest.len > 0 && good) {
        uint8_t type = unpack_u8(&in);
        struct slice body = unpack_bytes(&in, unpack_u16(&in));
        if (in.bad)
            break;
        good = type == STATE_COUNTER ? carried_load(c, body) : registry_load_record(l, type, body);
    }
    return good;
}

static void write_page(struct registry *r, const struct writer_ops *format, struct buf *out)
{
    struct writer *w = format->open(&(struct writer_opts){ .registry = r, .zero_ms = now.zero_ms });
    buf_clear(out);
    render_all(w, r, now.mono_ns, out);
    w->ops->close(w);
}

static void save(struct registry *r, struct buf *out)
{
    const struct records_sink sink = { write_bytes, out };
    struct records_writer w;
    struct registry_save s;
    records_begin(&w, &sink, STATE_VERSION);
    registry_save_begin(&s, r, &w, &now, false);
    while (registry_save_some(&s, 1)) {}
    registry_save_end(&s);
    assert(records_end(&w) == 0);
}

static void load_again(const struct registry_opts *o, const struct buf *saved)
{
    struct bytes b = { (const uint8_t *)saved->ptr, saved->len };
    const struct records_source from = { read_bytes, &b };
    struct registry *r = registry_new(o);
    struct registry_load l;
    struct records_reader reader;
    uint8_t type;
    struct slice body;
    registry_load_begin(&l, r, &now, &now, now.mono_ns);
    int rc = records_open(&reader, &from, STATE_VERSION);
    while (rc == 0 && (rc = records_next(&reader, &type, &body)) > 0) {
        assert(registry_load_record(&l, type, body));
        rc = 0;
    }
    assert(rc == 0);
    registry_load_end(&l, true);
    records_close(&reader);
    registry_free(r);
}

static void read_records(const uint8_t *data, size_t size)
{
    struct profiles *profiles = profiles_new(&shape);
    struct series_limit limit;
    struct carried carried = { 0 };
    struct buf page = { 0 }, saved = { 0 };
    assert(series_limit_init(&limit, 1000) == 0);
    const struct registry_opts o = { .profiles = profiles, .births = true, .limit = &limit };
    struct registry *r = registry_new(&o);
    struct registry_load l;
    registry_load_begin(&l, r, &now, &before, now.mono_ns);
    bool good = load(&l, &carried, data, size);
    registry_load_end(&l, good);
    write_page(r, &writer_text, &page);
    write_page(r, &writer_openmetrics, &page);
    write_page(r, &writer_protobuf, &page);
    if (good) {
        save(r, &saved);
        load_again(&o, &saved);
    }
    while (registry_expire(r, now.mono_ns + 7200000000000)) {}
    registry_free(r);
    carried_release(&carried);
    series_limit_release(&limit);
    profiles_free(profiles);
    buf_release(&page);
    buf_release(&saved);
}

/* ---- what waits for Redis ---- */

/* What was taken becomes a command. */
static bool send_nothing(void *cookie, struct redis_batch *b)
{
    struct buf wire = { 0 };
    (void)cookie;
    assert(b->seq > 0 && b->len > 0);
    (void)redis_batch_wire(b, &wire);
    buf_release(&wire);
    return false;
}

static void draw(char *ret, size_t digits)
{
    memset(ret, 'a', digits);
    ret[digits] = '\0';
}

static struct redis_ledger *open_ledger(void)
{
    struct redis_ledger_opts o = { .max_bytes = 1 << 20,
                                   .max_age_ms = 600000,
                                   .keep_ms = 20000,
                                   .send = send_nothing,
                                   .draw = draw };
    memset(o.id, 'b', REDIS_ID_DIGITS);
    return redis_ledger_new(&o);
}

/* Records as of load(), of Redis alone. */
static void read_spool(const uint8_t *data, size_t size)
{
    struct unpack in = unpack_of(slice_of((const char *)data, size));
    struct redis_ledger *l = open_ledger();
    struct buf saved = { 0 };
    const struct records_sink sink = { write_bytes, &saved };
    struct records_writer w;
    struct sink_amount left;
    while (in.rest.len > 0) {
        uint8_t type = unpack_u8(&in);
        struct slice body = unpack_bytes(&in, unpack_u16(&in));
        if (in.bad || type < REDIS_STATE_LEDGER)
            break;
        (void)redis_state_load(l, "sd", type, body, 50000, 100000);
    }
    if (size % 8 != 0)
        redis_ledger_loaded(l);
    else
        redis_ledger_unload(l);
    (void)redis_ledger_pump(l, 50000);
    redis_ledger_left(l, &left);
    records_begin(&w, &sink, STATE_VERSION);
    redis_state_save(l, "sd", 50000, &w);
    assert(records_end(&w) == 0);
    redis_ledger_give_up(l);
    redis_ledger_free(l);
    buf_release(&saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int nowhere = -1;
    if (nowhere < 0)
        log_to_fd(nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)); /* most inputs are told */
    read_file(data, size);
    read_spool(data, size);
    read_records(data, size);
    return 0;
}
