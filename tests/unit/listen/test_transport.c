/*
 * The table of transports: each row opens, is read, tells its name, and knows its options and no
 * others.
 */
#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "aggregate/registry.h"
#include "base/now.h"
#include "listen/acceptor.h"
#include "listen/listener.h"
#include "listen/socket_options.h"
#include "listen/worker.h"

enum { WORKERS = 3 };

static const struct listen_address defaults = { .rcvbuf = 1 << 20,
                                                .mode = 0600,
                                                .idle_timeout_ms = 60000,
                                                .max_connections = 9,
                                                .max_per_address = 5 };

/* By the order of enum listen_transport; %d: a number of its own for each test process. */
static const struct {
    const char *url, *scheme;
    unsigned sockets;    /* for WORKERS workers */
    const char *options; /* as socket_options_print has them */
} rows[] = {
    [LISTEN_UDP] = { "udp://127.0.0.1:0", "udp", WORKERS,
                     " gauge_sign=auto rcvbuf=1MiB spread=auto" },
    [LISTEN_TCP] = { "tcp://127.0.0.1:0", "tcp", 1,
                     " gauge_sign=auto framing=line idle_timeout=1m max_connections=9"
                     " max_per_address=5" },
    [LISTEN_UNIXGRAM] = { "unixgram:///tmp/statsd-test-%d.sock", "unixgram", 1,
                          " gauge_sign=auto rcvbuf=1MiB mode=0600" },
    [LISTEN_UNIX] = { "unix:///tmp/statsd-test-%d.sock", "unix", 1,
                      " gauge_sign=auto framing=line idle_timeout=1m max_connections=9 mode=0600" },
};
static_assert(ARRAY_LEN(rows) == LISTEN_TRANSPORT_COUNT, "every transport is tested");

/* A value that the option takes. */
static const char *const values[] = {
    [LISTEN_GAUGE_SIGN] = "delta",
    [LISTEN_RCVBUF] = "64KiB",
    [LISTEN_SPREAD] = "payload",
    [LISTEN_ALLOW] = "10.0.0.0/8",
    [LISTEN_FRAMING] = "dsd",
    [LISTEN_IDLE_TIMEOUT] = "90s",
    [LISTEN_MAX_CONNECTIONS] = "65535",
    [LISTEN_MAX_PER_ADDRESS] = "1",
    [LISTEN_MODE] = "0640",
    [LISTEN_OWNER] = "root:0",
    [LISTEN_TLS_CERT] = "a.pem&tls_key=a.key",
    [LISTEN_TLS_KEY] = "a.key&tls_cert=a.pem",
    [LISTEN_TLS_CLIENT_CA] = "b.pem&tls_cert=a.pem&tls_key=a.key",
};
static_assert(ARRAY_LEN(values) == LISTEN_OPTION_COUNT, "every option is tested");

static void url_of(unsigned t, char url[256], const char *query)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int n = snprintf(url, 256, rows[t].url, (int)getpid());
#pragma GCC diagnostic pop
    snprintf(url + n, 256 - (size_t)n, "%s", query);
}

static int parse(const char *url, struct listen_address *ret, struct buf *error)
{
    buf_clear(error);
    int rc = socket_url_parse(slice_str(url), &defaults, ret, error);
    buf_append_char(error, '\0');
    return rc;
}

static void parse_or_fail(unsigned t, const char *query, struct listen_address *ret)
{
    char url[256];
    struct buf error = { 0 };
    url_of(t, url, query);
    if (parse(url, ret, &error) != 0)
        fail_msg("%s: %s", url, error.ptr);
    buf_release(&error);
}

static void each_row_has_a_name_a_form_and_what_it_does(void **unused)
{
    (void)unused;
    for (unsigned t = 0; t < LISTEN_TRANSPORT_COUNT; t++) {
        const struct transport *row = transport_of((enum listen_transport)t);
        assert_string_equal(row->scheme, rows[t].scheme);
        assert_non_null(strstr(row->form, "://"));
        assert_memory_equal(row->form, row->scheme, strlen(row->scheme));
        assert_non_null(row->ops);
        assert_int_equal(row->options >> LISTEN_OPTION_COUNT, 0);
        for (unsigned other = 0; other < t; other++)
            assert_string_not_equal(row->scheme, rows[other].scheme);
    }
}

static void each_row_tells_its_name_and_its_options(void **unused)
{
    (void)unused;
    for (unsigned t = 0; t < LISTEN_TRANSPORT_COUNT; t++) {
        struct listen_address a;
        struct buf out = { 0 };
        char url[256];
        url_of(t, url, "");
        parse_or_fail(t, "", &a);
        assert_int_equal(a.transport, t);
        assert_string_equal(a.name, url);
        assert_string_equal(socket_url_where(&a), strstr(url, "://") + 3);
        socket_options_print(&a, &out);
        buf_append_char(&out, '\0');
        assert_string_equal(out.ptr, rows[t].options);
        buf_release(&out);
    }
}

static void what_is_printed_of_the_options_is_read_again(void **unused)
{
    (void)unused;
    for (unsigned t = 0; t < LISTEN_TRANSPORT_COUNT; t++) {
        struct listen_address a, again;
        struct buf query = { 0 };
        bool tls = transport_of((enum listen_transport)t)->options >> LISTEN_TLS_CERT & 1;
        parse_or_fail(t,
                      tls ? "?gauge_sign=absolute&rcvbuf=12KiB&tls_cert=/a/b.pem&tls_key=k"
                            "&tls_client_ca=c"
                          : "?gauge_sign=absolute&rcvbuf=12KiB",
                      &a);
        socket_options_print(&a, &query);
        for (size_t i = 0; i < query.len; i++)
            if (query.ptr[i] == ' ')
                query.ptr[i] = i == 0 ? '?' : '&';
        buf_append_char(&query, '\0');
        parse_or_fail(t, query.ptr, &again);
        assert_memory_equal(&again, &a, sizeof a);
        buf_release(&query);
    }
}

static void each_row_takes_the_options_it_knows_and_names_them_to_who_asks_for_others(void **unused)
{
    (void)unused;
    for (unsigned t = 0; t < LISTEN_TRANSPORT_COUNT; t++) {
        const struct transport *row = transport_of((enum listen_transport)t);
        for (unsigned o = 0; o < LISTEN_OPTION_COUNT; o++) {
            const char *key = socket_options_key((enum listen_option)o);
            struct listen_address a;
            struct buf error = { 0 };
            char url[256], query[96];
            snprintf(query, sizeof query, "?%s=%s", key, values[o]);
            url_of(t, url, query);
            bool known = row->options >> o & 1;
            assert_int_equal(parse(url, &a, &error), known ? 0 : -EINVAL);
            for (unsigned i = 0; !known && i < LISTEN_OPTION_COUNT; i++)
                if (row->options >> i & 1)
                    assert_non_null(strstr(strstr(error.ptr, "knows"),
                                           socket_options_key((enum listen_option)i)));
            buf_release(&error);
        }
    }
}

/* A key is a whole word, and counts once. */
static void no_part_of_a_key_is_one(void **unused)
{
    (void)unused;
    static const char *const wrong[] = {
        "rcv=64KiB",
        "rcvbuf_=64KiB",
        "RCVBUF=64KiB",
        "r=64KiB",
        "=64KiB",
        "gauge=auto",
        "gauge_sig=auto",
        "gauge_signs=auto",
        "mod=0600",
        "spreads=auto",
        "rcvbuf64KiB=",
        "rcvbuf",
        "rcvbuf=64KiB&rcvbuf=64KiB",
        "rcvbuf=64KiB&&",
        "&rcvbuf=64KiB",
    };
    for (unsigned t = 0; t < LISTEN_TRANSPORT_COUNT; t++) {
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
            struct listen_address a;
            struct buf error = { 0 };
            char url[256], query[64];
            snprintf(query, sizeof query, "?%s", wrong[i]);
            url_of(t, url, query);
            if (parse(url, &a, &error) != -EINVAL)
                fail_msg("%s is taken", url);
            assert_true(error.len > 1);
            buf_release(&error);
        }
    }
}

static void a_scheme_is_a_whole_word_and_the_message_names_all(void **unused)
{
    (void)unused;
    static const char *const wrong[] = { "ud://127.0.0.1:1",
                                         "udpx://127.0.0.1:1",
                                         "UDP://127.0.0.1:1",
                                         "udp:127.0.0.1:1",
                                         "udp:/127.0.0.1:1",
                                         "unixgra:///a",
                                         "://127.0.0.1:1",
                                         "udp",
                                         "" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct listen_address a;
        struct buf error = { 0 };
        assert_int_equal(parse(wrong[i], &a, &error), -EINVAL);
        for (unsigned t = 0; t < LISTEN_TRANSPORT_COUNT; t++)
            assert_non_null(strstr(error.ptr, transport_of((enum listen_transport)t)->form));
        buf_release(&error);
    }
}

/* ---- open, read, refuse, close ---- */

/* A worker that reads all sockets of a listener, or its connections. */
struct rig {
    uv_loop_t loop;
    struct acceptor *acceptor; /* of streams */
    struct listener l;
    struct series_limit limit;
    struct profiles *profiles;
    struct registry *registry;
    struct worker *w;
    sem_t turned;
};

static void on_turned(void *rig)
{
    sem_post(&((struct rig *)rig)->turned);
}

static void rig_init(struct rig *r, unsigned t)
{
    struct listen_address a;
    struct buf error = { 0 };
    parse_or_fail(t, "", &a);
    assert_int_equal(socket_url_sockets(&a, WORKERS), rows[t].sockets);
    if (listener_open(&a, WORKERS, &r->l, &error) != 0)
        fail_msg("%.*s", (int)error.len, error.ptr);
    buf_release(&error);
    sem_init(&r->turned, 0, 0);
    assert_int_equal(series_limit_init(&r->limit, 100), 0);
    r->profiles =
        profiles_new(&(struct profile){ .histogram = true, .sketch_schema = 5, .scale = 1 });
    r->registry =
        registry_new(&(struct registry_opts){ .profiles = r->profiles, .limit = &r->limit });
    const struct worker_opts o = {
        .lane = { .parse = PARSE_OPTS_DEFAULT,
                  .ingest = { .tags = TAGS_OPTS_DEFAULT,
                              .profiles = r->profiles,
                              .limit = &r->limit } },
        .notify = on_turned,
        .cookie = r,
    };
    assert_int_equal(worker_new(&o, &r->w), 0);
    r->acceptor = NULL;
    assert_int_equal(uv_loop_init(&r->loop), 0);
    if (transport_of(a.transport)->accepts) {
        assert_int_equal(r->l.n_readers, WORKERS);
        r->l.n_readers = 1;
        assert_int_equal(worker_add_socket(r->w, -1, &r->l.address), 0);
        r->acceptor = acceptor_new(&r->loop, &r->w, 1, 9);
        assert_int_equal(acceptor_add(r->acceptor, &r->l, &error), 0);
    } else {
        for (unsigned i = 0; i < r->l.n; i++)
            assert_int_equal(worker_add_socket(r->w, r->l.fds[i], &r->l.address), i);
    }
    assert_int_equal(worker_start(r->w), 0);
}

static void rig_release(struct rig *r)
{
    worker_join(r->w);
    acceptor_close(r->acceptor);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    acceptor_free(r->acceptor);
    registry_free(r->registry);
    profiles_free(r->profiles);
    listener_close(&r->l);
    series_limit_release(&r->limit);
    sem_destroy(&r->turned);
}

/*
 * returns  datagrams so far, of all sockets: the kernel chose one of them; of streams, the times
 *          that the five bytes of one came
 */
static uint64_t turn(struct rig *r, bool last)
{
    const struct socket_stats *stats;
    uint64_t sum = 0;
    if (r->acceptor != NULL)
        acceptor_accept(r->acceptor);
    worker_ask_turn(r->w, last);
    assert_int_equal(sem_wait(&r->turned), 0);
    struct page *p = worker_take(r->w, &stats);
    assert_non_null(p);
    for (unsigned i = 0; i < r->l.n; i++)
        sum += r->acceptor != NULL ? stats[i].bytes / 5 : stats[i].datagrams;
    registry_merge(r->registry, p, now_mono_ns());
    worker_give(r->w, p);
    return sum;
}

static int sender_to(const struct listener *l)
{
    int type = transport_of(l->address.transport)->accepts ? SOCK_STREAM : SOCK_DGRAM;
    int fd = socket(l->address.addr.ss_family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const void *)&l->address.addr, l->address.addr_len), 0);
    return fd;
}

static void each_row_opens_is_read_and_refuses(void **unused)
{
    (void)unused;
    for (unsigned t = 0; t < LISTEN_TRANSPORT_COUNT; t++) {
        struct rig r;
        rig_init(&r, t);
        assert_int_equal(r.l.n, rows[t].sockets);
        assert_int_equal(listener_look(&r.l), LISTENER_FILE_THERE);
        int fd = sender_to(&r.l);
        for (unsigned n = 1; n <= 3; n++) {
            assert_int_equal(send(fd, "x:1|c", 5, 0), 5);
            assert_int_equal(turn(&r, false), n);
        }
        if (r.acceptor != NULL)
            acceptor_stop(r.acceptor);
        listener_refuse(&r.l);
        assert_int_equal(turn(&r, true), 3);
        /* The kernel tells of it at this send or at the next. */
        (void)send(fd, "x:1|c", 5, MSG_NOSIGNAL);
        assert_int_equal(send(fd, "x:1|c", 5, MSG_NOSIGNAL), -1);
        close(fd);
        rig_release(&r);
    }
}

static void an_address_that_is_taken_is_refused_with_a_remedy(void **unused)
{
    (void)unused;
    for (unsigned t = 0; t < LISTEN_TRANSPORT_COUNT; t++) {
        struct listen_address a;
        struct listener first, second;
        struct buf error = { 0 };
        parse_or_fail(t, "", &a);
        assert_int_equal(listener_open(&a, WORKERS, &first, &error), 0);
        assert_int_equal(listener_open(&first.address, WORKERS, &second, &error), -EADDRINUSE);
        buf_append_char(&error, '\0');
        assert_memory_equal(error.ptr, first.address.name, strlen(first.address.name));
        assert_non_null(strstr(error.ptr, "stop it, or choose another"));
        listener_close(&first);
        buf_release(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_has_a_name_a_form_and_what_it_does),
        cmocka_unit_test(each_row_tells_its_name_and_its_options),
        cmocka_unit_test(what_is_printed_of_the_options_is_read_again),
        cmocka_unit_test(each_row_takes_the_options_it_knows_and_names_them_to_who_asks_for_others),
        cmocka_unit_test(no_part_of_a_key_is_one),
        cmocka_unit_test(a_scheme_is_a_whole_word_and_the_message_names_all),
        cmocka_unit_test(each_row_opens_is_read_and_refuses),
        cmocka_unit_test(an_address_that_is_taken_is_refused_with_a_remedy),
    };
    return cmocka_run_group_tests_name("transport", tests, NULL, NULL);
}
